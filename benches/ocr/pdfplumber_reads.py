"""Words and tables of PDFs by pdfplumber, a line of JSON a file."""

import json
import logging
import signal
import sys

import pdfplumber

logging.disable(logging.CRITICAL)


def out_of_time(*_):
    raise TimeoutError


signal.signal(signal.SIGALRM, out_of_time)
for path in sys.argv[1:]:
    signal.alarm(60)
    try:
        with pdfplumber.open(path) as pdf:
            pages = [{"words": [w["text"] for w in p.extract_words()], "tables": p.extract_tables()} for p in pdf.pages]
        print(json.dumps({"file": path, "pages": pages}))
    except BaseException as error:
        print(json.dumps({"file": path, "error": str(error)}))
    signal.alarm(0)
