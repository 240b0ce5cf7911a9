#!/usr/bin/env python3
"""Keeps the table `country_currencies`: a currency's first two letters are most often those of its country.

`dc run matches` merges it, `python3 main.py --show 20` (with PYTHONPATH as in app.toml) shows it without dc.
"""

import csv
import json
from pathlib import Path

from dcollect import app

STANDARDS = Path(__file__).resolve().parents[4] / "fixtures" / "standards"


def countries():
    """The countries by their codes of two letters."""
    found = json.loads((STANDARDS / "countries-2026.json").read_text(encoding="utf-8"))
    return {country["alpha_2"]: country["name"] for country in found}


def currencies():
    """The currencies, as the standard lists them."""
    with open(STANDARDS / "currencies-2026.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@app(table="country_currencies", key="currency")
def collect(ctx):
    known = countries()
    for row in ctx.progress(currencies()):
        code = row["alpha_3"]
        if code[:2] in known:
            yield {"currency": code, "currency_name": row["name"], "country": code[:2], "country_name": known[code[:2]]}
        else:
            # XAU is gold, EUR is the money of many
            ctx.table("supranational_currencies", key="currency").add({"currency": code, "currency_name": row["name"]})
