"""Batches that wait for the server, in order, up to a limit."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from tracebus.events import Gap
from tracebus_exporters.redis._packing import pack

if TYPE_CHECKING:
    from tracebus_exporters.redis._packing import Entry

__all__ = ["Backlog", "Batch"]


class Batch:
    """Entries that are stored together, under a number by which the server knows them again."""

    __slots__ = ("entries", "number", "size", "span")

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.number = 0
        self.span = sum(entry.span for entry in entries)
        self.size = sum(entry.size for entry in entries)


class Backlog:
    """Lets the oldest batches go while there are more than *limit* bytes, and tells of it by a gap.

    The first, once it has a number, is in doubt: it may be stored already, and stays.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._batches: deque[Batch] = deque()
        self._bytes = 0
        self._dropped = 0
        self.events = 0
        """How many wait."""

    def __bool__(self) -> bool:
        return bool(self._batches)

    @property
    def first(self) -> Batch | None:
        """Return the batch to send next."""
        return self._batches[0] if self._batches else None

    def add(self, batch: Batch) -> int:
        """Put *batch* at the end; return how many events had to go for it."""
        self._batches.append(batch)
        self._account(batch, 1)
        gone = 0
        while self._bytes > self._limit and len(self._batches) > 1:
            place = 1 if self._batches[0].number else 0
            if place >= len(self._batches) - 1:
                break
            dropped = self._batches[place]
            del self._batches[place]
            self._account(dropped, -1)
            gone += dropped.span
        self._dropped += gone
        return gone

    def take_back(self) -> None:
        """Forget the last batch."""
        self._account(self._batches.pop(), -1)

    def tell_dropped(self) -> None:
        """Put a gap in the place of what was let go."""
        if not self._dropped:
            return
        gap = Batch(pack([Gap(time=time.time_ns(), missed=self._dropped)]))
        # Behind a batch in doubt: the server would take that one, with a lower number, for stored.
        self._batches.insert(1 if self._batches and self._batches[0].number else 0, gap)
        self._account(gap, 1)
        self._dropped = 0

    def sent(self) -> None:
        """Forget the first batch: it is stored."""
        self._account(self._batches.popleft(), -1)

    def _account(self, batch: Batch, sign: int) -> None:
        """Count *batch* as held back, or no more."""
        self._bytes += sign * batch.size
        self.events += sign * batch.span
