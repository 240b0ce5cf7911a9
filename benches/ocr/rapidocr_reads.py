"""Text of pictures by RapidOCR, as it comes."""

import logging
import sys

from rapidocr import RapidOCR

logging.disable(logging.CRITICAL)
engine = RapidOCR()
for path in sys.argv[1:]:
    result = engine(path)
    print("\n".join(result.txts or []))
