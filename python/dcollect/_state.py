"""What an app keeps from one run to the next: a small JSON file in the project's `.dc`, written as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

from ._errors import DcError
from ._records import dumps, loads


class State(MutableMapping[str, Any]):
    """A dict that outlives the run. It is written when all merges of the run are done, so that it is never ahead of the
    tables; `save()` writes it now."""

    def __init__(self, path: Path | None, is_read_only: bool = False) -> None:
        self.path = path
        self._is_read_only = is_read_only or path is None
        self._values: dict[str, Any] | None = None
        self._saved = ""

    def _read(self) -> dict[str, Any]:
        if self._values is None:
            text = "{}"
            if self.path is not None:
                try:
                    text = self.path.read_text("utf-8")
                except FileNotFoundError:
                    pass
            try:
                values = loads(text)
                if not isinstance(values, dict):
                    raise ValueError("it is no object")
            except ValueError as cause:
                raise DcError(f"{self.path} cannot be read ({cause}): mend it, or remove it to begin anew") from None
            self._values = values
            self._saved = dumps(values)
        return self._values

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        dumps({name: value})
        self._read()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return f"State({self._read()!r})"

    def save(self) -> None:
        """Writes it, if it has changed: into a new file that is synced, and then renamed over the old one."""
        if self._values is None or self._is_read_only or self.path is None:
            return
        text = dumps(self._values)
        if text == self._saved:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".state", dir=self.path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(_lines(self._values))
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except BaseException:
            try:
                os.unlink(name)
            except FileNotFoundError:
                pass
            raise
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._saved = text


def _lines(values: dict[str, Any]) -> str:
    """One line a name, for people who look into the file."""
    lines = [" " + dumps({name: value})[1:-1] for name, value in values.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"
