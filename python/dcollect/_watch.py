"""`@fun_watch`: calls and times of functions, for `dc logs --profile`."""

from __future__ import annotations

import functools
import random
import threading
import time
from typing import Any, Callable, TypeVar, cast

_Function = TypeVar("_Function", bound=Callable[..., Any])

#: Times that are kept of one function; of more calls a fair sample is.
_TIMES_MAX = 4096
_lock = threading.Lock()
_tallies: dict[tuple[str, str], _Tally] = {}


class _Tally:
    def __init__(self) -> None:
        self.calls = 0
        self.failed = 0
        self.total = 0.0
        self.least = float("inf")
        self.most = 0.0
        self.times: list[float] = []

    def note(self, ms: float, is_failure: bool) -> None:
        self.calls += 1
        self.failed += is_failure
        self.total += ms
        self.least = min(self.least, ms)
        self.most = max(self.most, ms)
        if len(self.times) < _TIMES_MAX:
            self.times.append(ms)
        else:
            place = random.randrange(self.calls)
            if place < _TIMES_MAX:
                self.times[place] = ms

    def report(self, module: str, name: str) -> dict[str, Any]:
        times = sorted(self.times)
        half = len(times) // 2
        median = times[half] if len(times) % 2 else (times[half - 1] + times[half]) / 2
        return {
            "module": module,
            "name": name,
            "calls": self.calls,
            "solved": self.calls - self.failed,
            "failed": self.failed,
            "success": self.failed == 0,
            "total_ms": round(self.total, 6),
            "mean_ms": round(self.total / self.calls, 6),
            "median_ms": round(median, 6),
            "min_ms": round(self.least, 6),
            "max_ms": round(self.most, 6),
        }


def fun_watch(function: _Function) -> _Function:
    """Counts and times the calls of a function; one that raises has failed."""
    tally = _tallies.setdefault((function.__module__, function.__qualname__), _Tally())

    @functools.wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        is_failure = True
        try:
            result = function(*args, **kwargs)
            is_failure = False
            return result
        finally:
            ms = (time.perf_counter() - began) * 1000
            with _lock:
                tally.note(ms, is_failure)

    return cast(_Function, watched)


def report() -> list[dict[str, Any]]:
    """What was counted so far, one object a function."""
    with _lock:
        seen = [(module, name, tally) for (module, name), tally in _tallies.items() if tally.calls]
        return [tally.report(module, name) for module, name, tally in seen]
