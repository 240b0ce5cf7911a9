"""What an app's function is given."""

from __future__ import annotations

import datetime
import logging
import time
from typing import Any, Generic, Iterable, Iterator, Optional, Sized, TypeVar, Union

from . import _query
from ._around import Around
from ._cassette import Cassette
from ._errors import DcError
from ._files import Files
from ._hide import Hider
from ._http import Params, Response, Session
from ._items import Item, Items, Limit
from ._log import set_up
from ._merge import MergeReport, Options, Table
from ._pace import Pace, Rate
from ._pages import Form, Page, page_of
from ._state import State

_Thing = TypeVar("_Thing")
#: Progress is told no more often, in seconds.
_TELL_EVERY = 0.5


class Progress(Generic[_Thing]):
    """An iterable that tells how far it is."""

    def __init__(self, context: Context, things: Iterable[_Thing], total: Optional[int]) -> None:
        self._context = context
        self._things = things
        if total is None and isinstance(things, Sized):
            total = len(things)
        self._total = total

    def __iter__(self) -> Iterator[_Thing]:
        done = 0
        tell = self._context.tell_progress
        tell(self._total, done)
        for thing in self._things:
            yield thing
            done += 1
            tell(self._total, done)
        tell(self._total if self._total is not None else done, done, is_end=True)


class Context:
    """The run: requests, tables, the log, and what dc keeps for the app."""

    def __init__(self, around: Optional[Around] = None, *, rate: Rate = None, max_failed: Limit = 0.1) -> None:
        self.around = around or Around()
        #: The app's logger; any other logger of `logging` goes the same way.
        self.log: logging.Logger = set_up(self.around)
        #: What `--args` gave: an object, or whatever JSON it is.
        self.args: Any = self.around.arguments()
        self.files = Files(self.around)
        self.items = Items(self.log, max_failed)
        self._hider = Hider(self.around.given_secrets())
        self._cassette = Cassette.around(self.around, self._hider)
        self.http = Session(hider=self._hider, cassette=self._cassette, pace=Pace(rate))
        self.state = self._state()
        self.tables: dict[str, Table] = {}
        self._told_at = 0.0

    def _state(self) -> State:
        project = self.around.project()
        if project is None or not self.around.app:
            return State(None)
        path = project.joinpath(".dc", "state", *self.around.app.split("/"))
        return State(path.with_name(path.name + ".json"), self.around.is_trial)

    def get(self, url: str, params: Params = None, **more: Any) -> Response:
        """GET, tried again when it fails; raises HttpError for a status of 400 and above (`check=False` gives it back).

        `params` are added to the address. `more`: `headers`, `auth=(user, password)`, `timeout` (seconds of silence, 30),
        `retries` (3), `redirects` (10).
        """
        return self.http.get(url, params, **more)

    def post(self, url: str, data: Any = None, json: Any = None, **more: Any) -> Response:
        """POST a form (`data` is a dict or pairs), bytes, text or JSON; tried again only with `retry=True`. The rest is as in `get`."""
        return self.http.post(url, data, json, **more)

    def page(self, of: Union[Response, str, bytes], url: str = "") -> Page:
        """A page of HTML: its tables, elements, links and forms. `url` says where a text came from."""
        return page_of(self.around, of, url)

    def submit(self, form: Form, button: Optional[str] = None, **more: Any) -> Response:
        """Sends a form as a browser does, with its hidden fields; `button` is the one that is pressed.

        A form that is sent by POST is tried again only with `retry=True`.
        """
        fields = form.press(button).sent() if button is not None else form.sent()
        if form.is_post:
            return self.post(form.action, fields, **more)
        return self.get(form.action.partition("?")[0], fields, **more)

    def table(self, name: str, **options: Any) -> Table:
        """A table to add records to; its options are those of `app`. It is merged when the function has returned."""
        table = self.tables.get(name)
        if table is None:
            table = self.tables[name] = self._new_table(name, Options(**options))
        elif options and Options(**options) != table.options:
            raise ValueError(f"the table `{name}` is already filled, with other options")
        return table

    def _new_table(self, name: str, options: Options) -> Table:
        return Table(self.around, name, options)

    def merge(self, table: str, records: Iterable[Any], **options: Any) -> MergeReport:
        """Merges records now, in a transaction of their own, and gives the report."""
        one = self._new_table(table, Options(**options))
        try:
            one.add_all(records)
            return one.commit()
        except BaseException:
            one.abort()
            raise

    def query(self, sql: str, *parameters: Any, database: Optional[str] = None) -> list[dict[str, Any]]:
        """The rows of a query, with `?` for parameters; it can only read."""
        return list(self.rows(sql, *parameters, database=database))

    def rows(self, sql: str, *parameters: Any, database: Optional[str] = None) -> Iterator[dict[str, Any]]:
        """The same, row by row, for more of them than memory holds."""
        return _query.rows(self.around, sql, parameters, database)

    def secret(self, name: str) -> str:
        """A secret of the store, or a variable of that name; it is hidden in cassettes from now on."""
        value = self.around.environment.get(name)
        if not value:
            raise DcError(
                f"the secret `{name}` is not there: `dc secrets set {name}` stores it; "
                f"if app.toml has `secrets`, it must name it; without dc, set the variable {name}"
            )
        self._hider._secrets.add(value)
        return value

    def progress(self, things: Iterable[_Thing], total: Optional[int] = None) -> Progress[_Thing]:
        """Goes through things, and tells `dc` how far it is."""
        return Progress(self, things, total)

    def tell_progress(self, total: Optional[int], solved: Optional[int], *, is_end: bool = False) -> None:
        """Tells the progress; what is None stays as it was."""
        now = time.monotonic()
        if is_end or now - self._told_at >= _TELL_EVERY:
            self._told_at = now
            failed = self.items.count_failed
            self.around.tell({"dc": "progress", "task_size": total, "solved": solved, "failed": failed})

    def item(self, name: Any = None, category: Optional[str] = None) -> Item:
        """`with ctx.item(row["id"]) as item:` an exception inside counts as one failed item, and the run goes on.

        When more fail than `max_failed` of the app allows, the run ends and nothing is merged.
        """
        return Item(self.items, name, category)

    def next_run(self, when: Union[datetime.datetime, datetime.timedelta, str]) -> None:
        """Says when to run next: a moment with its zone, or how long from now."""
        if isinstance(when, datetime.timedelta):
            when = datetime.datetime.now(datetime.timezone.utc) + when
        if isinstance(when, datetime.datetime):
            if when.utcoffset() is None:
                raise ValueError("next_run needs a moment with a zone: datetime(.., tzinfo=timezone.utc)")
            when = when.astimezone(datetime.timezone.utc).isoformat()
        self.around.tell({"dc": "next_run", "at": when})
