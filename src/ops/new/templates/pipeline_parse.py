#!/usr/bin/env python3
"""Reads a document ($DC_DOCUMENT) and writes its records as a JSON list ($DC_OUTPUT). `python3 -m unittest` tests it."""

{{IMPORTS}}import json
import os



def records(text):
    """The records in a document."""
    {{RECORDS}}


if __name__ == "__main__":
    with open(os.environ["DC_DOCUMENT"], encoding="utf-8-sig", newline="") as document:
        found = records(document.read())
    with open(os.environ["DC_OUTPUT"], "w", encoding="utf-8") as output:
        json.dump(found, output, ensure_ascii=False)
