"""A bounded queue of a tree's events for one reader that takes each of them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from tracebus.events import Gap, RunEnded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import Event, RunEvent

__all__ = ["EventQueue", "MissedEventsError"]

_QUEUED = 50_000


class MissedEventsError(Exception):
    """A reader of a run's events was so slow that some are gone."""


class EventQueue:
    """A tree's events for one reader, at most so many."""

    def __init__(self, root_id: str) -> None:
        self._root_id = root_id
        self._events: deque[RunEvent] = deque()
        self._began = False
        self._seq = 0
        self._changed = asyncio.Event()
        self._overflowed = False
        self.over = False

    def begin(self, stored: list[Event]) -> None:
        """Put what was stored before what came meanwhile."""
        known = [event for event in stored if not isinstance(event, Gap)]
        self._seq = max((event.seq for event in known), default=0)
        later = [event for event in self._events if event.seq > self._seq or not event.seq]
        self._events = deque([*known, *later])
        self._began = True
        self._changed.set()

    def take(self, events: Sequence[RunEvent]) -> None:
        fresh = [event for event in events if event.seq > self._seq or not event.seq]
        self._events.extend(fresh)
        if len(self._events) > _QUEUED:
            self._overflowed = True
            self._events.clear()
        self._changed.set()

    def missed(self, gap: Gap) -> None:  # noqa: ARG002  how many does not matter
        self._overflowed = True
        self._changed.set()

    async def next(self, finished: Any) -> list[RunEvent]:
        """Wait for events; none at the end."""
        while not (self._began and self._events):
            if self._overflowed:
                raise MissedEventsError("events of this run were missed: start again for its state as it is")
            if self._began and finished():
                return []
            self._changed.clear()
            await self._changed.wait()
        events = list(self._events)
        self._events.clear()
        self.over = any(_ends(event, self._root_id) for event in events)
        return events


def _ends(event: RunEvent, root_id: str) -> bool:
    return isinstance(event, RunEnded) and event.run_id == root_id
