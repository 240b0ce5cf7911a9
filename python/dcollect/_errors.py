"""What goes wrong, in words that say what to do next."""

from __future__ import annotations


class DcError(Exception):
    """Something that dcollect or dc could not do."""

    #: The exit status of the app where nobody catches it.
    status = 1


class MergeError(DcError):
    """A merge that did not happen: its table is as it was before."""

    def __init__(self, table: str, status: int, reason: str = "") -> None:
        why = f": {reason}" if reason else ""
        super().__init__(f"the merge into `{table}` failed with exit status {status}{why}")
        self.table = table
        self.status = status if status > 0 else 1


class ReplayError(DcError):
    """A request that the cassette of a replayed run does not have."""


class TooManyFailures(DcError):
    """More items failed than `max_failed` allows: nothing is merged."""
