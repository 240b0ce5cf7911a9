"""Records on their way into a table: one JSON array for `dc merge`, closed only when all of them are there."""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import tempfile
from typing import IO, Any, Mapping, Sequence, Union

from ._around import Around
from ._errors import DcError, MergeError
from ._records import as_dict, dumps

#: Bytes that are collected before they are written.
_CHUNK_BYTES = 1 << 16

Columns = Union[str, Sequence[str]]


class MergeReport(dict):  # type: ignore[type-arg]
    """What a merge did, as `dc merge --json` tells it: `report.new`, `report["changed"]`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __str__(self) -> str:
        counts = ", ".join(f"{self.get(name, 0)} {name}" for name in ("new", "changed", "unchanged", "gone"))
        trial = " (nothing is written)" if self.get("dry_run") else ""
        return f"{self.get('table')}: {counts}{trial}"


class Options:
    """How a table is merged; the words of `dc merge`."""

    def __init__(
        self,
        *,
        key: Columns | None = None,
        scope: Mapping[str, Any] | None = None,
        database: str | None = None,
        create: bool = True,
        evolve: bool = False,
        gone: str | None = None,
        ignore: Columns | None = None,
        rename: Mapping[str, str] | None = None,
        types: Mapping[str, str] | None = None,
        hash_on: Columns | None = None,
        hash_except: Columns | None = None,
        exact: bool = False,
        allow_empty: bool = False,
        max_gone: int | str | None = None,
        rejects: str | os.PathLike[str] | None = None,
        **unknown: Any,
    ) -> None:
        for name in unknown:
            near = difflib.get_close_matches(name, ("table", "rate", "max_failed", *(Options.__init__.__kwdefaults__ or ())), 1)
            raise TypeError(f"there is no option `{name}`" + (f"; did you mean `{near[0]}`?" if near else ": docs/python.md lists them"))
        self.scope: dict[str, Any] = dict(scope or {})
        words: list[str] = []
        for flag, columns in (("--key", key), ("--ignore", ignore), ("--hash-on", hash_on), ("--hash-except", hash_except)):
            names = [columns] if isinstance(columns, str) else list(columns or ())
            for name in names:
                words += [f"{flag}={name}"]
        for flag, pairs in (("--rename", rename), ("--types", types), ("--scope", self.scope)):
            for name, value in (pairs or {}).items():
                words += [f"{flag}={name}={_scope_text(value)}"]
        for flag, is_set in (
            ("--create", create),
            ("--evolve", evolve),
            ("--exact", exact),
            ("--allow-empty", allow_empty),
        ):
            words += [flag] if is_set else []
        for flag, one in (("--database", database), ("--gone", gone), ("--max-gone", max_gone), ("--rejects", rejects)):
            words += [f"{flag}={one}"] if one is not None else []
        self.words = words

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Options) and self.words == other.words

    def __hash__(self) -> int:
        return hash(tuple(self.words))


def _scope_text(value: Any) -> str:
    if value is None:
        return ""
    text = dumps({"value": value})[len('{"value":') : -1]
    decoded = json.loads(text) if text.startswith('"') else text
    return str(decoded)


class Table:
    """A table that records are added to. Nothing is merged before the app's function has returned."""

    def __init__(self, around: Around, name: str, options: Options) -> None:
        self.name = name
        self.options = options
        self.count = 0
        self._around = around
        self._child: subprocess.Popen[bytes] | None = None
        self._report: IO[bytes] | None = None
        self._waiting: list[bytes] = []
        self._size = 0

    def add(self, record: Any) -> None:
        """Adds a record; columns of the scope that it lacks are filled in."""
        try:
            if self.options.scope:
                record = as_dict(record)
                for column, value in self.options.scope.items():
                    record.setdefault(column, value)
            line = dumps(record).encode("utf-8")
        except (TypeError, ValueError) as cause:
            raise type(cause)(f"record {self.count + 1} of `{self.name}`: {cause}") from None
        self._write((b"[\n" if self.count == 0 else b",\n") + line)
        self.count += 1

    def add_all(self, records: Any) -> None:
        """Adds each of some records."""
        for record in records:
            self.add(record)

    def _write(self, data: bytes) -> None:
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= _CHUNK_BYTES:
            self._flush()

    def _flush(self) -> None:
        child = self._start()
        data = b"".join(self._waiting)
        self._waiting, self._size = [], 0
        assert child.stdin is not None
        try:
            child.stdin.write(data)
        except BrokenPipeError:
            # it has ended, and its status tells why
            raise self._failed(child.wait()) from None

    def _start(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            dc = self._around.dc
            if dc is None:
                raise DcError("there is no dc around this program: start it with `dc run APP`")
            self._report = tempfile.TemporaryFile()
            command = [dc, "merge", self.name, "-", "--json", "--format", "json", *self.options.words]
            self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self._report)
        return self._child

    def _failed(self, status: int) -> MergeError:
        self._end()
        return MergeError(self.name, status if status >= 0 else 128 - status, "its reason stands above")

    def _end(self) -> None:
        if self._report is not None:
            self._report.close()
            self._report = None
        self._child = None

    def commit(self) -> MergeReport:
        """Closes the array: only now `dc` merges. Gives its report."""
        self._write(b"\n]\n" if self.count else b"[]\n")
        self._flush()
        child = self._child
        assert child is not None and child.stdin is not None and self._report is not None
        try:
            child.stdin.close()
        except BrokenPipeError:
            pass
        status = child.wait()
        if status != 0:
            raise self._failed(status)
        self._report.seek(0)
        lines = self._report.read().decode("utf-8").strip().splitlines()
        self._end()
        return MergeReport(json.loads(lines[-1]) if lines else {"table": self.name})

    def abort(self) -> None:
        """Ends without a merge: the array stays open, and nobody takes it for whole."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            if child.stdin is not None:
                try:
                    child.stdin.close()
                except OSError:
                    pass
            child.wait()
        self._waiting, self._size = [], 0
        self._end()
