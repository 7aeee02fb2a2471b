"""The log itself: a ring of the newest events, and the runs open in it."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from msgspec.structs import force_setattr, replace

from tracebus.bus._tally import Tally
from tracebus.bus._waking import Alarms
from tracebus.events import Gap, RunEnded, RunStarted

if TYPE_CHECKING:
    from tracebus.clock import Clock
    from tracebus.events import Event

__all__ = ["Ring"]

_MAX_OPEN_RUNS = 100_000
"""Far above the tracker's own cap: the table must stay finite even for a source without one."""

_BETWEEN_HURRIES = 20_000_000
"""Nanoseconds. A root run's end wakes the exporters at once, since the program may be told to end now (a
pool's worker, a job); but not after each of hundreds a second, which would cost more than they do."""


class Ring:
    """The newest *capacity* events, each with its position `seq` in the log, from 1.

    Many threads append; many read, without a lock. Nothing here knows who reads.
    """

    def __init__(self, capacity: int, clock: Clock) -> None:
        self.capacity = capacity
        self.clock = clock
        self.head = 0
        """The newest event's position."""
        self.sealed = False
        """Whether the log takes no more events."""
        self.tally = Tally()
        self.alarms = Alarms(self.tally)
        self._slots: list[Event] = [Gap(time=0, missed=0)] * capacity  # any event will do to begin with
        self._open: OrderedDict[str, RunStarted] = OrderedDict()
        self.hurried = 0
        """Up to which position events shall be delivered at once, and not gathered."""
        self._root_ended_at = 0
        """When the newest root run ended, in nanoseconds since the epoch."""
        self._hurried_at = 0
        """When those who gather events were last woken for it."""
        self._lock = threading.RLock()
        self._busy = False
        self._reentered: deque[Event] = deque()

    def append(self, event: Event) -> None:
        """Give *event* the next position and make it readable, without waiting for any reader.

        Re-entrant: a finaliser or signal handler that appends while its own thread is in here finds
        `_busy` set and leaves its event to the outer call. No object is freed under the lock (hence
        `ended` and `evicted`): a finaliser may take a lock of the program's that another appending
        thread holds.
        """
        ended: Event | None
        evicted: Event | None
        while True:
            if event.seq:  # it stands in another log already, and stays as it is there
                event = replace(event, seq=0)
            with self._lock:
                if self._busy:
                    self._reentered.append(event)
                    return
                try:
                    self._busy = True
                    if self.sealed:
                        self.tally.count("published_after_close")
                    else:
                        seq = self.head + 1
                        force_setattr(event, "seq", seq)
                        if isinstance(event, RunStarted):
                            ended = self._forget_oldest() if len(self._open) >= _MAX_OPEN_RUNS else None
                            self._open[event.run_id] = event
                        elif isinstance(event, RunEnded):
                            ended = self._ended(event)
                        index = seq % self.capacity
                        evicted = self._slots[index]
                        self._slots[index] = event
                        self.head = seq
                finally:
                    self._busy = False
            ended = evicted = None  # noqa: F841 - freed here, and not while the lock is held
            if not self._reentered:
                break
            event = self._reentered.popleft()
        if self._root_ended_at - self._hurried_at >= _BETWEEN_HURRIES:
            self._hurried_at = self._root_ended_at
            self.hurried = self.head
            self.alarms.wake_all()
        elif self.head >= self.alarms.next:
            self.alarms.wake(self.head)

    def _ended(self, event: RunEnded) -> RunStarted | None:
        if event.parent_run_id is None:
            self._root_ended_at = event.time
        return self._open.pop(event.run_id, None)

    def read(self, after: int, limit: int) -> tuple[int, list[Event]]:
        """Return how many events after position *after* are lost, and up to *limit* that follow them.

        Takes no lock: while we copy, appending threads may overwrite the oldest slots, and only
        those, so an event that is not at its position marks one more lost.
        """
        while True:
            head = self.head
            first = max(after, head - self.capacity) + 1
            events = self._copy(first, min(head, first + limit - 1))
            position = first
            while events and events[0].seq != position:
                del events[0]
                position += 1
            if events or first > head:
                return position - after - 1, events

    def _copy(self, first: int, last: int) -> list[Event]:
        if last < first:
            return []
        start, stop = first % self.capacity, last % self.capacity + 1
        return self._slots[start:stop] if start < stop else self._slots[start:] + self._slots[:stop]

    def seal(self) -> None:
        """Take no more events, and wake everybody who waits for one."""
        with self._lock:
            self.sealed = True
        self.alarms.wake_all()

    def open_runs(self) -> tuple[int, list[RunStarted]]:
        """Return the head and the runs open at it, in the order they began."""
        with self._lock:
            was_busy, self._busy = self._busy, True
            try:
                return self.head, list(self._open.values())
            finally:
                self._busy = was_busy

    @property
    def open_count(self) -> int:
        """How many runs are open."""
        return len(self._open)

    def reset_after_fork(self) -> None:
        """Become usable in a forked child, where other threads' locks and sleepers are gone."""
        self._lock = threading.RLock()
        self._busy = False
        self._reentered.clear()
        self._open.clear()
        self.alarms.reset()
        self.tally.reset()

    def _forget_oldest(self) -> RunStarted:
        self.tally.count("open_runs_forgotten")
        return self._open.popitem(last=False)[1]
