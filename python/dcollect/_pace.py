"""Politeness and patience: how fast a host is asked, and when something is tried again."""

from __future__ import annotations

import email.utils
import random
import threading
import time
from typing import Mapping, Optional, Union
from urllib.parse import urlsplit

from . import _machine

#: Requests a second: for every host, or by the name of the host (`*` for all others).
Rate = Union[float, Mapping[str, float], None]

#: Statuses that pass.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
#: What may be done twice.
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
_PAUSE_FIRST = 0.5
_PAUSE_MAX = 60.0
#: For a longer pause that a server asks for nobody waits: its answer is handed back.
RETRY_AFTER_MAX = 300.0


def _place(url: str) -> tuple[str, str]:
    """The host of a URL, and the host with its port."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    return host, f"{shown}:{parts.port or {'http': 80, 'https': 443}.get(parts.scheme, 0)}"


class Pace:
    """The rate of each host, for all threads of the process, and all programs of the user on this machine, together."""

    def __init__(self, rate: Rate) -> None:
        self._rates: dict[str, float] = dict(rate) if isinstance(rate, Mapping) else {"*": rate} if rate else {}
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, url: str) -> None:
        """Waits until the host of a URL may be asked."""
        host, place = _place(url)
        rate = self._rates.get(host, self._rates.get("*", 0.0))
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next.get(host, 0.0))
            if rate > 0:
                self._next[host] = at + 1.0 / rate
        if at > now:
            time.sleep(at - now)
        while rate > 0:
            wait = _machine.take(place, 1.0 / rate)
            if wait <= 0.0:
                break
            time.sleep(wait)

    def rest(self, url: str, seconds: float) -> None:
        """Leaves a host alone for a while, as it has asked for."""
        host, place = _place(url)
        with self._lock:
            self._next[host] = max(self._next.get(host, 0.0), time.monotonic() + seconds)
        if self._rates.get(host, self._rates.get("*", 0.0)) > 0:
            _machine.leave_alone(place, seconds)


def pause_after(attempts: int) -> float:
    """The pause before the next attempt: it doubles, and of each a random part is waited, at least half."""
    pause = min(_PAUSE_FIRST * 2.0 ** min(attempts - 1, 20), _PAUSE_MAX)
    return pause * (0.5 + 0.5 * random.random())


def retry_after(text: Optional[str]) -> Optional[float]:
    """How long a server asks to be left alone: seconds, or a date."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
