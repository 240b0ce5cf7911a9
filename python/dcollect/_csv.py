"""CSV as records: numbers as numbers, with their digits, and nothing where nothing stands."""

from __future__ import annotations

import csv
import io
import re
from typing import Any, Iterator

from ._records import Number

#: As JSON writes numbers; `007` is a text.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?")


def csv_rows(text: str, delimiter: str = ",", *, decimal: str = ".", thousands: str = "") -> Iterator[dict[str, Any]]:
    """The rows of a CSV text with a header, as dicts.

    >>> list(csv_rows("code;name;share\\n007;Ana;1.10\\n8;;\\n", delimiter=";"))
    [{'code': '007', 'name': 'Ana', 'share': 1.10}, {'code': 8, 'name': None, 'share': None}]

    `decimal` and `thousands` say how numbers are written; what is written otherwise is text:

    >>> list(csv_rows("share,day\\n'1.234,50',1.5\\n".replace("'", '"'), decimal=",", thousands="."))
    [{'share': 1234.50, 'day': '1.5'}]

    A row with more or fewer fields than the header, and a name that comes twice, raise ValueError with the line.
    """
    lines = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter, strict=True)
    names = next(lines, [])
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"the header has {sorted(twice)!r} twice")
    number = _pattern(decimal, thousands)
    for row in lines:
        if not row:
            continue
        if len(row) != len(names):
            raise ValueError(f"line {lines.line_num} has {len(row)} fields, and the header {len(names)}: {row!r}")
        yield {name: _value(value, number, decimal, thousands) for name, value in zip(names, row)}


def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    if (decimal, thousands) == (".", ""):
        return _NUMBER
    if decimal == thousands or len(decimal) != 1 or len(thousands) > 1:
        raise ValueError(f"decimal={decimal!r} and thousands={thousands!r}: two different characters are needed")
    grouped = rf"|[1-9][0-9]{{0,2}}(?:{re.escape(thousands)}[0-9]{{3}})+" if thousands else ""
    return re.compile(rf"-?(?:0|[1-9][0-9]*{grouped})({re.escape(decimal)}[0-9]+)?")


def _value(text: str, number: re.Pattern[str], decimal: str, thousands: str) -> Any:
    if not text:
        return None
    found = number.fullmatch(text)
    if found is None:
        return text
    plain = (text.replace(thousands, "") if thousands else text).replace(decimal, ".")
    # longer ones are identities, or come as they are
    if found[1] is None:
        return int(plain) if len(plain) < 1000 else text
    return Number(plain)
