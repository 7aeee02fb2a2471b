"""Lets go of payloads that no reader is going to read."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from tracebus.bus._exporter import reads_along, settles_itself
from tracebus.events import let_go

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tracebus.bus._exporter import Exporter
    from tracebus.bus._ring import Ring

__all__ = ["Delivering", "Unread"]


class Delivering(Protocol):
    """An exporter and how far it has come."""

    @property
    def exporter(self) -> Exporter:
        """Who is given the events."""
        ...

    @property
    def position(self) -> int:
        """The last position delivered."""
        ...


class Unread:
    """Lets go of what is left of the payloads once all exporters, settling for themselves, are past them.

    Otherwise the ring would hold tens of thousands of the program's own objects, prompts and documents
    among them, for readers that never come. While anybody reads whole events nothing is let go, nor where
    nobody reads but one of ours that was not asked for: a viewer may come yet.

    Args:
        ring: the log.
        workers: the exporters' threads, as the bus adds and removes them.
        subscriptions: the other readers, likewise.
    """

    def __init__(self, ring: Ring, workers: Sequence[Delivering], subscriptions: Collection[object]) -> None:
        self._ring = ring
        self._workers = workers
        self._subscriptions = subscriptions
        self.expects_reader = False
        """Whether somebody may come yet who begins before the runs that are open now."""
        self._done = 0
        self._lock = threading.Lock()

    def reset_after_fork(self) -> None:
        """Become usable in a forked child, where a thread that was at it does not exist."""
        self._lock = threading.Lock()

    def release(self) -> None:
        """Empty the payloads of the events every reader is past."""
        if not self._lock.acquire(blocking=False):
            return  # another exporter's thread is at it
        try:
            workers = list(self._workers)
            reached = min((worker.position for worker in workers), default=0)
            if self.expects_reader:
                reached = min(reached, self._ring.before_open_runs)
            whole = self._subscriptions or not all(settles_itself(worker.exporter) for worker in workers)
            if not whole and not all(reads_along(worker.exporter) for worker in workers):
                self._let_go(reached)
            self._done = max(self._done, reached)
        finally:
            self._lock.release()

    def _let_go(self, reached: int) -> None:
        if reached <= self._done:
            return
        _, events = self._ring.read(self._done, reached - self._done)
        for event in events:
            let_go(event)
        self._ring.settled(events)
        self._ring.discharge(events)
