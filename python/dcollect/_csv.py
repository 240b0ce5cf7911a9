"""CSV as records: numbers as numbers, with their digits, and nothing where nothing stands."""

from __future__ import annotations

import csv
import io
import re
from typing import Any, Iterator

from ._records import Number

#: As JSON writes numbers; `007` is a text, and so is `1,5`.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?")


def csv_rows(text: str, delimiter: str = ",") -> Iterator[dict[str, Any]]:
    """The rows of a CSV text with a header.

    >>> list(csv_rows("code;name;share\\n007;Ana;1.10\\n8;;\\n", delimiter=";"))
    [{'code': '007', 'name': 'Ana', 'share': 1.10}, {'code': 8, 'name': None, 'share': None}]
    """
    for row in csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=delimiter, strict=True):
        if None in row:
            raise ValueError(f"a row has more fields than the header: {row[None]!r}")
        yield {name: _value(value) for name, value in row.items()}


def _value(text: str | None) -> Any:
    if not text:
        return None
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text
    # longer ones are identities, or come as they are
    if found[1] is None:
        return int(text) if len(text) < 1000 else text
    return Number(text)
