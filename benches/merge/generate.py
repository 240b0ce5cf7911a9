"""Writes ROWS made-up companies as NDJSON, about 214 bytes each, in 10 columns: generate.py ROWS [CHURN_PERCENT].

Every call with the same numbers writes the same bytes. With CHURN_PERCENT so many records differ from those of a call
without: a third of them is changed, a third gone, a third new.
"""

import random
import sys

CITIES = ["Zagreb", "Split", "Rijeka", "Osijek", "Zadar", "Pula", "Šibenik", "Karlovac", "Čakovec", "Đakovo"]
NOTES = ["seen in the register", "taken from the yearly report", "moved twice since it was founded", "no web page"]


def company(number: int, edition: int = 0) -> str:
    draw = random.Random(number * 7 + edition)
    revenue = draw.randrange(10_000_000) / 100
    return (
        f'{{"vat_no":"HR{number * 7919 % 100_000_000_000:011}","name":"Company {number} d.o.o.",'
        f'"city":"{draw.choice(CITIES)}","street":"Ulica {draw.randrange(977)} {draw.randrange(90)}",'
        f'"employees":{draw.randrange(500)},"revenue":{revenue},"active":{"true" if draw.random() < 0.7 else "false"},'
        f'"founded":"{1950 + draw.randrange(75)}-{1 + draw.randrange(12):02}-{1 + draw.randrange(28):02}",'
        f'"note":"{draw.choice(NOTES)}","code":{number}}}\n'
    )


def main() -> None:
    rows = int(sys.argv[1])
    churn = float(sys.argv[2]) / 100 if len(sys.argv) > 2 else 0.0
    fate = random.Random(1)
    out = sys.stdout
    for number in range(rows):
        kind = fate.random() * 3 / churn if churn else 3
        if kind < 1:
            out.write(company(number, 1))
        elif kind < 2:
            out.write(company(rows + number))
        elif kind < 3 and churn:
            continue
        else:
            out.write(company(number))


if __name__ == "__main__":
    main()
