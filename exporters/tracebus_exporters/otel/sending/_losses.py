"""What was sent and what was lost, and one warning about it now and then."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

_QUIET: Final = 30.0
"""Seconds between two warnings about one signal."""
_logger = logging.getLogger("tracebus")


class Losses:
    """Counts one signal's items by what became of them. Thread-safe."""

    def __init__(self, what: str, where: str) -> None:
        self._what = what
        self._where = where
        self.reset()

    def reset(self) -> None:
        """Count from nothing, as in a forked child, whose parent has counts and lock of its own."""
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._unreported = 0
        self._quiet_until = 0.0
        self._last = ""

    def sent(self, items: int) -> None:
        """Count *items* the backend has."""
        with self._lock:
            self._counts["sent"] = self._counts.get("sent", 0) + items

    def lost(self, items: int, reason: str, message: str) -> None:
        """Count *items* lost for *reason* (a word) and warn, unless that was done just now."""
        if items <= 0:
            return
        with self._lock:
            for name in ("lost", f"lost_{reason}"):
                self._counts[name] = self._counts.get(name, 0) + items
            self._unreported += items
            self._last = f"{reason}: {message or 'no reason given'}"
            if time.monotonic() < self._quiet_until:
                return
            self._quiet_until = time.monotonic() + _QUIET
        self.report()

    def report(self) -> None:
        """Warn of what was lost since the last warning; at the end nothing stays unsaid."""
        with self._lock:
            unreported, self._unreported = self._unreported, 0
            total = self._counts.get("lost", 0)
        if unreported:
            _logger.warning(
                "%d %s for %s lost (%s); %d in all. Said at most every %d s; bus.statistics() counts on",
                unreported,
                self._what,
                self._where,
                self._last,
                total,
                _QUIET,
            )

    def counts(self) -> dict[str, int]:
        """Return the counts by name: `spans_sent`, `spans_lost`, `spans_lost_rejected` and so on."""
        with self._lock:
            return {f"{self._what}_{name}": count for name, count in self._counts.items()}
