"""Requests of the process: how many, how long, how many failed; handed in at the end of the run."""

from __future__ import annotations

import math
import threading
from typing import Any

#: A step of the scale is an eighth of a doubling, as dc has it.
_STEPS = 8


class RequestTimes:
    """The requests of a process."""

    def __init__(self) -> None:
        self.count = 0
        self.errors = 0
        self.total_ms = 0.0
        self._times: dict[float, int] = {}
        self._lock = threading.Lock()

    def note(self, ms: float, is_error: bool) -> None:
        """Counts a request."""
        upper = 2.0 ** (math.ceil(math.log2(max(ms, 0.01)) * _STEPS) / _STEPS)
        with self._lock:
            self.count += 1
            self.errors += is_error
            self.total_ms += ms
            self._times[upper] = self._times.get(upper, 0) + 1

    def report(self) -> dict[str, Any]:
        """The message to dc."""
        with self._lock:
            times = [[upper, count] for upper, count in sorted(self._times.items())]
            return {"dc": "requests", "count": self.count, "errors": self.errors, "total_ms": self.total_ms, "times": times}
