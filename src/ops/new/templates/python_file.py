#!/usr/bin/env python3
"""Collects the table `{{TABLE}}`. Its source is the sample beside this file: put yours in its place.

python3 main.py --show 20 shows its records, without dc; python3 -m unittest tests it.
"""

from pathlib import Path

from dcollect import {{DCOLLECT}}

SOURCE = Path(__file__).with_name("{{SAMPLE}}")


@app(table="{{TABLE}}"{{OPTIONS}})
def collect(ctx):
    # over HTTP it would be: ctx.get("https://example.com/{{TABLE}}").json()
    {{RECORDS}}
