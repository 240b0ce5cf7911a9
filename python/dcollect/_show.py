"""`python main.py --show 20`: records on standard output, and nothing written anywhere."""

from __future__ import annotations

import datetime
import decimal
import sys
from typing import TYPE_CHECKING, Any

from ._around import Around
from ._context import Context
from ._merge import MergeReport, Options, Table
from ._records import Number, as_dict, dumps, loads

if TYPE_CHECKING:
    from ._app import App


class Enough(BaseException):
    """So many records as were asked for are there."""


class ShownTable(Table):
    """A table of which the first records are kept, and nothing is merged."""

    def __init__(self, around: Around, name: str, options: Options, owner: ShowContext) -> None:
        super().__init__(around, name, options)
        self.records: list[dict[str, Any]] = []
        self._owner = owner

    def add(self, record: Any) -> None:
        """Keeps a record, as it would be sent."""
        try:
            fields = as_dict(record)
            for column, value in self.options.scope.items():
                fields.setdefault(column, value)
            line = dumps(fields)
        except (TypeError, ValueError) as cause:
            raise type(cause)(f"record {self.count + 1} of `{self.name}`: {cause}") from None
        self.count += 1
        self.records.append(loads(line))
        self._owner.taken(self, line, fields)

    def commit(self) -> MergeReport:
        """Merges nothing."""
        return MergeReport(table=self.name, read=self.count, dry_run=True)


class ShowContext(Context):
    """A run that is only looked at."""

    def __init__(self, around: Around, app: App, most: int | None, *, prints: bool) -> None:
        around.is_trial = True
        super().__init__(around, rate=app.rate, max_failed=app.max_failed)
        self.most = most
        self.prints = prints
        self.count = 0
        self.kinds: dict[str, dict[str, list[str]]] = {}

    def _new_table(self, name: str, options: Options) -> Table:
        return ShownTable(self.around, name, options, self)

    def taken(self, table: ShownTable, line: str, fields: dict[str, Any]) -> None:
        """Notes a record; ends the run when there are enough."""
        kinds = self.kinds.setdefault(table.name, {})
        for name, value in fields.items():
            kind = kind_of(value)
            known = kinds.setdefault(name, [])
            if kind not in known:
                known.append(kind)
        self.count += 1
        if self.prints:
            print(line)
        if self.most is not None and self.count >= self.most:
            raise Enough


class Shown:
    """A run of `--show`."""

    def __init__(self, app: App, around: Around, most: int) -> None:
        self.context = ShowContext(around, app, most, prints=True)
        self.app = app

    def run(self) -> None:
        """Prints the records, and then their fields with their types."""
        try:
            self.app.collect(self.context)
            self.context.items.check(is_end=True)
        except Enough:
            pass
        sys.stdout.flush()
        for table, kinds in self.context.kinds.items():
            width = max(map(len, kinds), default=0)
            lines = [f"  {name:<{width}}  {' or '.join(kind)}" for name, kind in kinds.items()]
            print("\n".join([f"{table}: {len(kinds)} fields", *lines]), file=sys.stderr)
        print(f"{self.context.count} records; nothing was written", file=sys.stderr)


def kind_of(value: Any) -> str:
    """The type of a value, in the words of a table."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, (Number, decimal.Decimal)):
        return "number"
    if isinstance(value, float):
        return "number"
    if isinstance(value, datetime.datetime):
        return "timestamp"
    if isinstance(value, datetime.date):
        return "date"
    if isinstance(value, (list, tuple, dict, set)):
        return "json"
    return "text"
