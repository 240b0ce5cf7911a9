"""Items that are solved or fail, each for a reason that has a name; and how many may fail."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from types import TracebackType
from typing import Any, Mapping, Union

from ._errors import MergeError, ReplayError, TooManyFailures

#: Below so many items a share says nothing yet.
_SHARE_FROM = 50
#: What is wrong with the run itself, and with no item of it.
_OF_THE_RUN = (MergeError, ReplayError, TooManyFailures)

#: A number of items, a share below 1, or either of them by category.
Limit = Union[int, float, Mapping[str, Union[int, float]], None]


class Item:
    """One item: what is raised inside counts as its failure, and the run goes on."""

    def __init__(self, items: Items, name: Any, category: str | None) -> None:
        self._items = items
        self._name = name
        self._category = category
        self._failed: tuple[str, str] | None = None

    def fail(self, reason: str, category: str | None = None) -> None:
        """Counts the item as failed, and goes on behind this line."""
        self._failed = (category or self._category or "failed", reason)

    def __enter__(self) -> Item:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if error is not None and (not isinstance(error, Exception) or isinstance(error, _OF_THE_RUN)):
            # a request to stop, and what is wrong with the run itself, are about no item
            return False
        if error is not None:
            assert kind is not None
            category = self._category or kind.__name__
            self._items.failed(category, self._name, f"{kind.__name__}: {error}", (kind, error, trace))
            return True
        if self._failed is not None:
            self._items.failed(self._failed[0], self._name, self._failed[1], None)
        else:
            self._items.solved()
        return False


class Items:
    """The items of a run."""

    def __init__(self, log: logging.Logger, limit: Limit = 0.1) -> None:
        self.count_solved = 0
        self.by_category: Counter[str] = Counter()
        self._log = log
        self._limits: dict[str, Union[int, float]] = {}
        if isinstance(limit, Mapping):
            self._limits = dict(limit)
        elif limit is not None:
            self._limits = {"*": limit}
        self._lock = threading.Lock()

    @property
    def count_failed(self) -> int:
        """How many have failed so far."""
        return sum(self.by_category.values())

    def solved(self) -> None:
        """Counts a solved item."""
        with self._lock:
            self.count_solved += 1

    def failed(self, category: str, name: Any, reason: str, exc_info: Any) -> None:
        """Counts and logs a failed item; ends the run when too many have failed."""
        with self._lock:
            self.by_category[category] += 1
        fields = {"category": category} if name is None else {"category": category, "item": str(name)}
        self._log.error("%s", reason, exc_info=exc_info, extra=fields)
        self.check(is_end=False)

    def check(self, is_end: bool) -> None:
        """Raises TooManyFailures where a limit is passed."""
        total = self.count_solved + self.count_failed
        for category, limit in self._limits.items():
            count = self.count_failed if category == "*" else self.by_category[category]
            is_share = isinstance(limit, float) and limit < 1
            if is_share and not is_end and total < _SHARE_FROM:
                continue
            most = limit * total if is_share else limit
            if count > most:
                named = "" if category == "*" else f" by `{category}`"
                allowed = f"{limit:.0%}" if is_share else str(limit)
                causes = ", ".join(f"{number} {name}" for name, number in self.by_category.most_common(5))
                raise TooManyFailures(
                    f"{count} of {total} items failed{named}, and {allowed} may (`max_failed`): {causes}; nothing is merged"
                )
