"""Where events come from: a log that is followed, a bus in this process, a fixed list."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from tracebus.logs import RunQuery

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from tracebus.bus import EventBus
    from tracebus.events import Event
    from tracebus.logs import Log
    from tracebus.tree import OpenRuns

_RECENT_ROOTS = 200
_MOST_HISTORY = 200_000
_BATCH = 512
_LINGER = 0.01
"""Seconds in which a bus's events gather: to be woken for each costs the program more than the event."""


class Source(Protocol):
    """Gives events, oldest first, to a feed that calls it on a thread and a loop of its own."""

    @property
    def label(self) -> str:
        """What to call it on the screen."""

    def batches(self, after: int | None) -> AsyncGenerator[Sequence[Event], None]:
        """Yield events with positions above *after*, then new ones; `None` begins where it makes sense.

        An empty batch means that what there was has been read. Ends when nothing can follow; raises
        when the source is out of reach for now.
        """

    def lost(self) -> frozenset[str]:
        """Return the ids of open runs whose process is gone. May block."""

    def open_runs(self) -> OpenRuns | None:
        """Return the runs open now, for a view that missed events; `None` if nobody can tell. May block."""

    def roots(self, limit: int) -> Sequence[str]:
        """Return the ids of the latest root runs, the latest first, beyond those shown. May block."""

    def events_of(self, root_run_id: str) -> Sequence[Event]:
        """Return every event the source holds of one root run; none where it cannot look back. May block."""

    def close(self) -> None:
        """Release what the source holds."""


class LogSource:
    """A durable log: the newest root runs, then whatever comes."""

    def __init__(self, log: Log) -> None:
        self._log = log

    @property
    def label(self) -> str:
        """Return the log's URL."""
        return self._log.url

    async def batches(self, after: int | None) -> AsyncGenerator[Sequence[Event], None]:
        """Yield what the log holds of the newest root runs, then new events."""
        head = await asyncio.to_thread(self._log.head)
        # A position beyond the end means that the log was begun anew while nobody looked.
        known = after is not None and after <= head
        position = after if after is not None and known else await asyncio.to_thread(self._beginning)
        while position < head:
            page = await asyncio.to_thread(self._log.read, position, _BATCH * 4)
            if not page:
                break
            yield page
            position = page[-1].seq
        yield ()
        async for event in self._log.follow(position):
            yield (event,)

    def lost(self) -> frozenset[str]:
        """Return the open runs of processes that are gone."""
        return self._log.lost()

    def open_runs(self) -> None:
        """Return nothing: a log keeps what was missed, but for what its retention has removed."""

    def roots(self, limit: int) -> Sequence[str]:
        """Return the ids of the latest root runs in the log."""
        return [run.run_id for run in self._log.runs(RunQuery(limit=limit))]

    def events_of(self, root_run_id: str) -> Sequence[Event]:
        """Return the stored events of a root run."""
        return self._log.read_run(root_run_id)

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def _beginning(self) -> int:
        """Return the position behind which the newest root runs, and all that are open, begin."""
        head = self._log.head()
        if head <= _MOST_HISTORY // 10:
            return 0
        recent = self._log.runs(RunQuery(limit=_RECENT_ROOTS))
        running = self._log.runs(RunQuery(status="running", limit=_RECENT_ROOTS))
        first = min((run.first_seq for run in (*recent, *running)), default=1)
        return max(first - 1, head - _MOST_HISTORY, 0)


class BusSource:
    """A bus in this process. The view gets a `Gap` for what it was too slow for."""

    def __init__(self, bus: EventBus, label: str = "this process") -> None:
        self._label = label
        self._bus = bus
        self._subscription = bus.subscribe(after=0)  # now: the bus may be closed before the feed begins

    @property
    def label(self) -> str:
        """Return what the bus is called."""
        return self._label

    async def batches(self, after: int | None) -> AsyncGenerator[Sequence[Event], None]:
        """Yield what the ring holds, then new events, until the bus is closed."""
        del after  # the subscription knows
        yield ()
        while events := await self._subscription.read(_BATCH):
            yield events
            if len(events) < _BATCH:
                await asyncio.sleep(_LINGER)

    def lost(self) -> frozenset[str]:
        """Return none: this process lives."""
        return frozenset()

    def open_runs(self) -> OpenRuns:
        """Return what the bus knows to be open, whatever this view was too slow for."""
        return self._bus.snapshot()

    def roots(self, limit: int) -> Sequence[str]:  # noqa: ARG002 - a ring does not look back
        """Return none: the view has what there was."""
        return ()

    def events_of(self, root_run_id: str) -> Sequence[Event]:  # noqa: ARG002 - a ring does not look back
        """Return none: what the ring still holds is not a whole run."""
        return ()

    def close(self) -> None:
        """Leave the bus to its owner."""


class ListSource:
    """Events that are all there already: a recording, or a test's."""

    def __init__(self, events: Iterable[Event], label: str = "recording") -> None:
        self._events = list(events)
        self._label = label

    @property
    def label(self) -> str:
        """Return what the recording is called."""
        return self._label

    async def batches(self, after: int | None) -> AsyncGenerator[Sequence[Event], None]:
        """Yield all events in slices."""
        for first in range(after or 0, len(self._events), _BATCH):
            yield self._events[first : first + _BATCH]
        yield ()

    def lost(self) -> frozenset[str]:
        """Return none."""
        return frozenset()

    def open_runs(self) -> None:
        """Return nothing: what a recording left out nobody knows."""

    def roots(self, limit: int) -> Sequence[str]:  # noqa: ARG002 - all of them are shown
        """Return none: all are shown."""
        return ()

    def events_of(self, root_run_id: str) -> Sequence[Event]:
        """Return the events of a root run."""
        return [event for event in self._events if getattr(event, "root_run_id", None) == root_run_id]

    def close(self) -> None:
        """Do nothing: a list holds nothing."""
