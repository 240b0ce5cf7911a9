"""Tests of apps, without dc and without a network.

>>> from dcollect import app
>>> from dcollect.testing import collect
>>> @app(table="rates", key="day")
... def rates(ctx):
...     yield from ctx.get("https://example.com/rates").json()
>>> run = collect(rates, answers={"https://example.com/rates": [{"day": "2026-11-20", "rate": 1.08}]})
>>> run.records
[{'day': '2026-11-20', 'rate': 1.08}]
"""

from __future__ import annotations

import json
import os
from typing import Any, Mapping, Optional, Union

from ._app import App
from ._around import Around
from ._cassette import Answered, Asked, Cassette
from ._errors import ReplayError
from ._hide import Hider
from ._records import dumps
from ._show import Enough, ShowContext, ShownTable

#: What a URL is answered with: text, bytes, anything that is JSON, or a pair of a status and one of these.
Answer = Any


class Collected:
    """What an app has collected."""

    def __init__(self, app: App, context: ShowContext) -> None:
        #: The records of each table, as they would be merged.
        self.tables: dict[str, list[dict[str, Any]]] = {
            name: table.records for name, table in context.tables.items() if isinstance(table, ShownTable)
        }
        #: Those of the app's own table.
        self.records: list[dict[str, Any]] = self.tables.get(app.table or "", [])
        #: How many items failed, by category.
        self.failed: dict[str, int] = dict(context.items.by_category)
        #: What the app would have kept for its next run.
        self.state: dict[str, Any] = dict(context.state)


class _Fixed:
    """Answers requests from a dict."""

    is_replay = True

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers
        self.answered = self.missing = 0

    def answer(self, asked: Asked) -> Answered:
        plain = asked.url.split("?")[0]
        for name in (f"{asked.method} {asked.url}", asked.url, f"{asked.method} {plain}", plain, plain.rstrip("/")):
            if name in self._answers:
                self.answered += 1
                return _answered(self._answers[name])
        self.missing += 1
        known = ", ".join(self._answers) or "none"
        raise ReplayError(f"the test has no answer for {asked.method} {asked.url}; known: {known}")


def _answered(answer: Answer) -> Answered:
    status = 200
    if isinstance(answer, tuple):
        status, answer = answer
    if isinstance(answer, bytes):
        return Answered(status, [("content-type", "application/octet-stream")], answer)
    if isinstance(answer, str):
        return Answered(status, [("content-type", "text/html; charset=utf-8")], answer.encode("utf-8"))
    text = dumps(answer) if isinstance(answer, Mapping) else "[" + ",".join(map(_value, answer)) + "]"
    return Answered(status, [("content-type", "application/json")], text.encode("utf-8"))


def _value(value: Any) -> str:
    return dumps(value) if isinstance(value, Mapping) else json.dumps(value)


def collect(
    app: App,
    *,
    args: Any = None,
    answers: Optional[Mapping[str, Answer]] = None,
    cassette: Union[str, "os.PathLike[str]", None] = None,
    secrets: Optional[Mapping[str, str]] = None,
    state: Optional[Mapping[str, Any]] = None,
    first: Optional[int] = None,
) -> Collected:
    """Runs an app with answers of the test, or of a cassette, and gives what it has collected.

    A request that neither of them has is an error: nothing goes over the network. `first` ends it after so many records.
    """
    environment = dict(secrets or {})
    environment["DC_ARGS"] = json.dumps(args if args is not None else {})
    environment["DC_SECRETS_GIVEN"] = ",".join(secrets or {})
    context = ShowContext(Around(environment), app, first, prints=False)
    if cassette is not None:
        served: Any = Cassette(cassette, "replay", Hider(list((secrets or {}).values())))
    else:
        served = _Fixed(answers or {})
    context.http.cassette = served
    context.state.update(state or {})
    try:
        app.collect(context)
    except Enough:
        pass
    context.items.check(is_end=True)
    return Collected(app, context)
