"""Named counters of what went wrong or is worth knowing; counting never stops the program."""

from __future__ import annotations

import logging
import threading

__all__ = ["Tally", "logger"]

logger = logging.getLogger("tracebus")


class Tally:
    """Named counters, for any thread."""

    __slots__ = ("_counts", "_lock")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin at nothing: what was counted so far was counted in another process."""
        self._counts: dict[str, int] = {}
        self._lock = threading.RLock()  # re-entrant, since a finaliser may count inside `count`

    def count(self, what: str, n: int = 1) -> None:
        """Add *n* to the counter named *what*."""
        with self._lock:
            self._counts[what] = self._counts.get(what, 0) + n

    def complain(self, what: str, message: str, error: BaseException) -> None:
        """Count a swallowed bug of ours, and log the first of its sort with its traceback."""
        self.count(what)
        if self._counts[what] == 1:
            logger.error("%s (logged once, then only counted as %r)", message, what, exc_info=error)

    def as_dict(self) -> dict[str, int]:
        """Return the counters as they stand."""
        return self._counts.copy()
