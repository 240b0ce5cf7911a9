"""`@app`: a function becomes a program that `dc run` runs."""

from __future__ import annotations

import argparse
import inspect
import os
import signal
import sys
from typing import Any, Callable, Iterable, Mapping, Optional

from . import _log, _source, _watch
from ._around import Around
from ._context import Context
from ._errors import DcError
from ._items import Limit
from ._merge import Columns, MergeReport, Options, Table
from ._pace import Rate
from ._show import Shown

_waiting: list[App] = []
_is_in_rest = False


class App:
    """An app. Called, it runs, merges, and gives the reports by table."""

    def __init__(
        self, function: Callable[..., Any], table: Optional[str], options: Options, rate: Rate, max_failed: Limit
    ) -> None:
        self.function = function
        self.table = table
        self.options = options
        self.rate = rate
        self.max_failed = max_failed
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self._has_run = False

    def __call__(self, context: Optional[Context] = None) -> dict[str, MergeReport]:
        """Runs to the end: the tables are merged when the function has returned, and state is written last."""
        self._has_run = True
        context = context or Context(rate=self.rate, max_failed=self.max_failed)
        if context.around.dc is None:
            raise DcError("there is no dc around this program: `dc run APP` merges, `python main.py --show 20` shows records")
        try:
            self.collect(context)
            context.items.check(is_end=True)
            reports = {}
            for table in context.tables.values():
                report = reports[table.name] = table.commit()
                context.log.info("%s", report, extra={"table": table.name})
            context.state.save()
            return reports
        finally:
            for table in context.tables.values():
                table.abort()
            _hand_in(context)

    def collect(self, context: Context) -> None:
        """Runs the function, and takes what it yields or returns."""
        main: Optional[Table] = None
        if self.table is not None:
            main = context.tables[self.table] = context._new_table(self.table, self.options)
        wants_context = len(inspect.signature(self.function).parameters) > 0
        records = self.function(context) if wants_context else self.function()
        if records is None and not (main is not None and main.count == 0):
            return
        if inspect.isawaitable(records) or hasattr(records, "__aiter__"):
            if inspect.iscoroutine(records):
                records.close()
            raise TypeError(f"`{self.__name__}` is async: an app's function is a plain one")
        if isinstance(records, (Mapping, str, bytes)) or (records is not None and not isinstance(records, Iterable)):
            raise TypeError(f"`{self.__name__}` gives {type(records).__name__}: it yields records, or returns a list of them")
        if main is None:
            first = next(iter(records or ()), None)
            if first is not None:
                raise TypeError(f"`{self.__name__}` yields records, and @app names no table for them: @app(table=..)")
            return
        if records is None:
            context.log.warning("`%s` gave no records: did you mean to `yield` them?", self.__name__)
        for record in records or ():
            main.add(record)

    def run(self, words: Optional[list[str]] = None) -> int:
        """The program: reads the command line, runs, and gives the exit status."""
        self._has_run = True
        parser = argparse.ArgumentParser(description=self.__doc__, epilog="`dc run APP` runs it and merges what it collects")
        parser.add_argument("--show", nargs="?", type=int, const=20, metavar="COUNT", help="print so many records, write nothing")
        parser.add_argument("--args", metavar="JSON", help="what the app finds in ctx.args")
        given = parser.parse_args(words)
        around = Around()
        if given.args is not None:
            around.environment["DC_ARGS"] = given.args
        logger = _log.set_up(around)
        try:
            if given.show is not None:
                Shown(self, around, given.show).run()
            else:
                self(Context(around, rate=self.rate, max_failed=self.max_failed))
            return 0
        except DcError as error:
            logger.critical("%s", error)
            return error.status
        except KeyboardInterrupt:
            return 130
        except _Ended as ended:
            logger.warning("the run was asked to end: nothing is merged")
            return 128 + ended.number
        except SystemExit as left:
            if left.code in (None, 0):
                logger.critical("`%s` left the program before it had returned: nothing is merged", self.__name__)
                return 1
            raise
        except BaseException as error:
            logger.critical("%s: %s", type(error).__name__, error, exc_info=True)
            return 1


class _Ended(BaseException):
    def __init__(self, number: int) -> None:
        self.number = number


def _on_term(number: int, _: object) -> None:
    # once: a second one ends the program where it stands
    signal.signal(number, signal.SIG_DFL)
    raise _Ended(number)


def _hand_in(context: Context) -> None:
    if context.http.times.count:
        context.around.tell(context.http.times.report())
    functions = _watch.report()
    if functions:
        context.around.tell({"dc": "functions", "functions": functions})
    cassette = context.http.cassette
    if cassette is not None and cassette.is_replay:
        context.around.tell({"dc": "replayed", "answered": cassette.answered, "missing": cassette.missing})
    items = context.items
    if items.by_category:
        counts = ", ".join(f"{count} {name}" for name, count in items.by_category.most_common())
        context.log.warning("%d of %d items failed: %s", items.count_failed, items.count_failed + items.count_solved, counts)


def app(
    table: Optional[str] = None,
    *,
    key: Optional[Columns] = None,
    scope: Optional[Mapping[str, Any]] = None,
    rate: Rate = None,
    max_failed: Limit = 0.1,
    **options: Any,
) -> Callable[[Callable[..., Any]], App]:
    """Makes a program of a function that yields records.

    `table`, `key`, `scope` and the other options are those of `dc merge`: `database`, `create` (the default), `evolve`,
    `gone`, `ignore`, `rename`, `types`, `hash_on`, `hash_except`, `exact`, `allow_empty`, `max_gone`, `rejects`. `rate` is
    how many requests a second a host gets, and `max_failed` how many items (or what share of them) may fail.

    In the file that Python was started with, the program runs when the whole file was read.
    """
    if callable(table):
        raise TypeError("write @app(..) with brackets: @app(table=\"companies\")")
    words = Options(key=key, scope=scope, **options)

    def decorate(function: Callable[..., Any]) -> App:
        made = App(function, table, words, rate, max_failed)
        if function.__module__ == "__main__":
            _main(made)
        return made

    return decorate


def _main(made: App) -> None:
    global _is_in_rest
    _waiting.append(made)
    if _is_in_rest or hasattr(sys, "ps1"):
        return
    _is_in_rest = True
    main = sys.modules["__main__"].__dict__
    main[made.__name__] = made
    signal.signal(signal.SIGTERM, _on_term)
    status = 0
    try:
        _source.run_rest(made.function)
        for one in _waiting:
            if not one._has_run and status == 0:
                status = one.run()
    except KeyboardInterrupt:
        status = 130
    except _Ended as ended:
        status = 128 + ended.number
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read has gone, which is no error of the app
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)
