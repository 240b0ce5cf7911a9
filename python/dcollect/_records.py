"""Records as JSON: every digit of a number stays, and what has no one form in JSON is refused with its name."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import math
import uuid
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Callable

_quoted: Callable[[str], str] = json.encoder.encode_basestring
#: Deeper records are refused: they are most likely a circle.
DEPTH_MAX = 64


class Number(float):
    """A float that remembers how it was written: `1.10` stays `1.10` on its way into the database.

    It calculates as any float; what comes of that is a plain float.
    """

    text: str

    def __new__(cls, text: str) -> Number:
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__

    def __reduce__(self) -> Any:
        return (Number, (self.text,))


def loads(text: str | bytes) -> Any:
    """Reads JSON; floats are `Number`s, which keep their digits."""
    return json.loads(text, parse_float=Number)


def dumps(record: Any) -> str:
    """One record as JSON on one line.

    Raises TypeError or ValueError with the path of the value that cannot be written.
    """
    plain = _object(record)
    if plain is None:
        raise TypeError(f"a record is a dict, a dataclass or a model, not {_kind(record)}")
    parts: list[str] = []
    _write(plain, parts, (), 0)
    return "".join(parts)


def as_dict(record: Any) -> dict[str, Any]:
    """A record as a dict of its own."""
    plain = _object(record)
    if plain is None:
        raise TypeError(f"a record is a dict, a dataclass or a model, not {_kind(record)}")
    return dict(plain)


def _object(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        dumped = dump()
        return dumped if isinstance(dumped, Mapping) else None
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        named: Mapping[str, Any] = value._asdict()
        return named
    return None


def _write(value: Any, parts: list[str], path: tuple[Any, ...], depth: int) -> None:
    if value is None:
        parts.append("null")
    elif value is True:
        parts.append("true")
    elif value is False:
        parts.append("false")
    elif isinstance(value, enum.Enum):
        _write(value.value, parts, path, depth)
    elif isinstance(value, str):
        parts.append(_text(value, path))
    elif isinstance(value, int):
        parts.append(int.__repr__(value))
    elif isinstance(value, Number):
        parts.append(value.text)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{_place(path)} is {value!r}, which is no value: use None")
        parts.append(float.__repr__(value))
    elif isinstance(value, decimal.Decimal):
        if not value.is_finite():
            raise ValueError(f"{_place(path)} is {value}, which is no value: use None")
        parts.append(str(value))
    elif isinstance(value, datetime.datetime):
        parts.append(_quoted(_moment(value)))
    elif isinstance(value, (datetime.date, datetime.time)):
        parts.append(_quoted(value.isoformat()))
    elif isinstance(value, (uuid.UUID, PurePath)):
        parts.append(_text(str(value), path))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        # as PostgreSQL prints them, and as dc reads them
        parts.append(_quoted("\\x" + bytes(value).hex()))
    else:
        _write_nested(value, parts, path, depth)


def _write_nested(value: Any, parts: list[str], path: tuple[Any, ...], depth: int) -> None:
    if depth > DEPTH_MAX:
        raise ValueError(f"{_place(path[:4])} is nested deeper than {DEPTH_MAX}: it may hold itself")
    fields = _object(value)
    if fields is not None:
        parts.append("{")
        for number, (name, inner) in enumerate(fields.items()):
            if not isinstance(name, str):
                raise TypeError(f"the name {name!r} in {_place(path)} is no text")
            parts.append("," if number else "")
            parts.append(_text(name, path))
            parts.append(":")
            _write(inner, parts, (*path, name), depth + 1)
        parts.append("}")
    elif isinstance(value, (list, tuple)):
        parts.append("[")
        for number, inner in enumerate(value):
            parts.append("," if number else "")
            _write(inner, parts, (*path, number), depth + 1)
        parts.append("]")
    elif isinstance(value, (set, frozenset)):
        # a set has no order, and the hash of a record must not depend on one
        _write_nested(sorted(value), parts, path, depth)
    elif type(value).__module__ == "numpy" and callable(getattr(value, "item", None)):
        _write(value.item(), parts, path, depth)
    else:
        raise TypeError(f"{_place(path)} is {_kind(value)}, which has no form in JSON: turn it into text or a number")


def _text(value: str, path: tuple[Any, ...]) -> str:
    quoted = _quoted(value)
    try:
        quoted.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{_place(path)} holds half a character (a lone surrogate): decode the source again") from None
    return quoted


def _moment(value: datetime.datetime) -> str:
    if value.utcoffset() is None:
        return value.replace(tzinfo=None).isoformat()
    # one moment has one form, so that a source that changes its offset changes no record
    return value.astimezone(datetime.timezone.utc).isoformat()


def _place(path: tuple[Any, ...]) -> str:
    return f"`{'.'.join(str(part) for part in path)}`" if path else "the record"


def _kind(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
