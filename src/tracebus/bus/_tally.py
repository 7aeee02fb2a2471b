"""Counts of what went wrong, or is worth knowing, without stopping anybody."""

from __future__ import annotations

import logging

__all__ = ["Tally", "logger"]

logger = logging.getLogger("tracebus")


class Tally:
    """Named counters. Exact while one thread counts a name; good enough to find a bug by otherwise."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def count(self, what: str, n: int = 1) -> None:
        """Add *n* to the counter named *what*."""
        self._counts[what] = self._counts.get(what, 0) + n

    def complain(self, what: str, message: str, error: BaseException) -> None:
        """Count a swallowed bug of ours, and log the first of its sort with its traceback."""
        self.count(what)
        if self._counts[what] == 1:
            logger.error("%s (logged once, then only counted as %r)", message, what, exc_info=error)

    def as_dict(self) -> dict[str, int]:
        """Return the counters as they stand."""
        return self._counts.copy()
