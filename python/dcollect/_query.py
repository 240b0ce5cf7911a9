"""Questions to the project's databases, by `dc query`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any, Optional

from ._around import Around
from ._errors import DcError
from ._records import dumps, loads


def rows(around: Around, sql: str, parameters: tuple[Any, ...], database: Optional[str]) -> Iterator[dict[str, Any]]:
    """The rows of a query one by one, each as a dict; numbers keep their digits."""
    if around.dc is None:
        raise DcError("a query needs dc around this program: start it with `dc run APP`")
    command = [around.dc, "query", sql, "--format", "json"]
    command += [f"--database={database}"] if database else []
    command += [f"--param={_parameter(value)}" for value in parameters]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert child.stdout is not None
    is_whole = False
    try:
        for line in child.stdout:
            yield loads(line)
        is_whole = True
    finally:
        child.stdout.close()
        if not is_whole:
            child.kill()
        status = child.wait()
    if status != 0:
        raise DcError(f"`dc query` failed with exit status {status}; its reason stands above")


def _parameter(value: Any) -> str:
    """A value as JSON, which `dc query` takes as it is."""
    return dumps({"value": value})[len('{"value":') : -1]
