#!/usr/bin/env python3
"""Collects the table `{{TABLE}}` from {{URL}}

python3 main.py --show 20 shows its records, without dc; python3 -m unittest tests it.
"""

from dcollect import {{DCOLLECT}}

URL = {{URL_TEXT}}


@app(table="{{TABLE}}"{{OPTIONS}})
def collect(ctx):
    {{RECORDS}}
