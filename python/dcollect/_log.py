"""`logging`, set up: inside `dc run` each record is one line of JSON, with a traceback as part of it."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from types import TracebackType
from typing import Any

from ._around import Around, say

#: What every record has; all else was given with `extra`.
_OWN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


class _Lines(logging.Handler):
    """Writes records as `dc run` reads them."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            say(as_line(record))
        except Exception:
            self.handleError(record)


def as_line(record: logging.LogRecord) -> str:
    """A record as one line of JSON."""
    fields: dict[str, Any] = {"level": record.levelname.lower(), "msg": record.getMessage(), "logger": record.name}
    for name, value in vars(record).items():
        if name not in _OWN and not name.startswith("_"):
            fields[name] = value
    if record.exc_info and record.exc_info[0] is not None:
        fields["exception"] = "".join(traceback.format_exception(*record.exc_info)).rstrip()
    if record.stack_info:
        fields["stack"] = record.stack_info
    if not record.levelname.isalpha() or record.levelno not in (10, 20, 30, 40, 50):
        # a level of one's own counts as the nearest below
        fields["level"] = max(10, min(50, record.levelno // 10 * 10))
    try:
        return json.dumps(fields, ensure_ascii=False, default=repr, allow_nan=False)
    except ValueError:
        return json.dumps({name: _plain(value) for name, value in fields.items()}, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, bool)) or value is None else repr(value)


def set_up(around: Around) -> logging.Logger:
    """Sets `logging` up once, and has what nobody catches logged as one record."""
    root = logging.getLogger()
    if not any(getattr(handler, "_of_dcollect", False) for handler in root.handlers):
        handler: logging.Handler
        if around.is_inside:
            handler = _Lines()
        else:
            handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        setattr(handler, "_of_dcollect", True)
        root.addHandler(handler)
        if root.level in (logging.NOTSET, logging.WARNING):
            root.setLevel(logging.INFO)
        logging.captureWarnings(True)
    if around.is_inside:
        sys.excepthook = _uncaught
    return logging.getLogger(around.app.rsplit("/", 1)[-1] or "app")


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("app").critical("%s: %s", kind.__name__, error, exc_info=(kind, error, trace))
