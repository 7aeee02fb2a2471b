"""Where the server reads events from: a durable log, or a bus in this process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

from tracebus.events import Gap, RunEnded, RunKind, RunStarted
from tracebus.exceptions import InvalidLogError
from tracebus.logs import Log, RunQuery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tracebus.bus import EventBus, Snapshot
    from tracebus.events import Event
    from tracebus.logs import RunSummary

__all__ = ["BusSource", "LogSource", "Source", "source_of"]

_MODELS = (RunKind.CHAT_MODEL, RunKind.LLM, RunKind.EMBEDDING)
_MOST_INNER = 5_000


@runtime_checkable
class Source(Protocol):
    """What the server asks of a log or bus; every position is a `seq`."""

    async def head(self) -> int:
        """Return the position of the newest event."""
        ...

    def follow(self, after: int) -> AsyncIterator[Event]:
        """Yield the events after *after* and then new ones; ends where no more can come."""
        ...

    async def read_run(self, root_id: str) -> list[Event]:
        """Return what is known of a root run and the runs below it."""
        ...

    def open_runs(self) -> Snapshot | None:
        """Return what is open now, where `read_run` may not have everything; `None` where it has."""
        ...

    async def root_of(self, run_id: str) -> str | None:
        """Return the root run's id for a run's id, or for the beginning of one; `None` if unknown."""
        ...

    async def summaries(self, limit: int) -> list[RunSummary]:
        """Return the latest root runs, latest first, where an index has them."""
        ...

    async def summary(self, root_id: str) -> RunSummary | None:
        """Return what an index knows of a root run."""
        ...

    async def bounds(self, positions: Sequence[int]) -> list[RunStarted | RunEnded]:
        """Return the starts and ends at those positions, as far as they are such and still there."""
        ...

    async def inner(self, since: int) -> list[RunSummary]:
        """Return the latest model runs and failed runs, at any depth, started at or after *since*."""
        ...

    async def lost(self) -> frozenset[str]:
        """Return the open runs whose process is gone."""
        ...


class LogSource:
    """A durable log, asked in threads: its answers may take a disk or a network."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def head(self) -> int:
        """Return the position of the newest event."""
        return await asyncio.to_thread(self._log.head)

    def follow(self, after: int) -> AsyncIterator[Event]:
        """Yield the events after *after*, then new ones, without end."""
        return self._log.follow(after)

    async def read_run(self, root_id: str) -> list[Event]:
        """Return every stored event of the tree."""
        return await asyncio.to_thread(self._log.read_run, root_id)

    def open_runs(self) -> Snapshot | None:
        """Return `None`: the log has everything."""
        return None

    async def root_of(self, run_id: str) -> str | None:
        """Return the root run's id; `None` for an unknown or ambiguous one."""
        try:
            found = await asyncio.to_thread(self._log.find_run, run_id)
        except InvalidLogError:
            return None
        return found.root_run_id if found else None

    async def summaries(self, limit: int) -> list[RunSummary]:
        """Return the latest root runs from the log's index."""
        return await asyncio.to_thread(self._log.runs, RunQuery(limit=limit))

    async def summary(self, root_id: str) -> RunSummary | None:
        """Return what the log's index knows of a root run."""
        return await asyncio.to_thread(self._log.find_run, root_id)

    async def bounds(self, positions: Sequence[int]) -> list[RunStarted | RunEnded]:
        """Return the starts and ends at those positions, as far as they are such and still there."""

        def look() -> list[RunStarted | RunEnded]:
            found = [event for position in positions for event in self._log.read(position - 1, 1)]
            return [event for event in found if isinstance(event, RunStarted | RunEnded)]

        return await asyncio.to_thread(look)

    async def inner(self, since: int) -> list[RunSummary]:
        """Return the latest model runs and failed runs from the log's index, some thousand at most."""
        asked = RunQuery(since=since, roots_only=False, limit=_MOST_INNER)
        queries = [msgspec.structs.replace(asked, kind=kind) for kind in _MODELS]
        queries.append(msgspec.structs.replace(asked, status="error"))

        def look() -> list[RunSummary]:
            found = {run.run_id: run for query in queries for run in self._log.runs(query)}
            return [*found.values()]

        return await asyncio.to_thread(look)

    async def lost(self) -> frozenset[str]:
        """Return the open runs whose process is gone."""
        return await asyncio.to_thread(self._log.lost)


class BusSource:
    """The bus of this process: what its ring still holds, then live."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus

    async def head(self) -> int:
        """Return 0: the list of runs comes out of the ring, since a bus has no index."""
        return 0

    async def follow(self, after: int) -> AsyncIterator[Event]:
        """Yield the events after *after*; ends with the bus."""
        async with self._bus.subscribe(after) as subscription:
            async for event in subscription:
                yield event

    async def read_run(self, root_id: str) -> list[Event]:
        """Return the tree's events that the ring holds, and its open runs' starts where it does not."""
        snapshot = self._bus.snapshot()
        ring = await self._ring(snapshot.seq)
        held = [event for event in ring if not isinstance(event, Gap) and event.root_run_id == root_id]
        known = {event.run_id for event in held if isinstance(event, RunStarted)}
        older = [run for run in snapshot.open if run.root_run_id == root_id and run.run_id not in known]
        return [*older, *held]

    def open_runs(self) -> Snapshot | None:
        """Return the bus's open runs: the ring forgets."""
        return self._bus.snapshot()

    async def root_of(self, run_id: str) -> str | None:
        """Return the root run's id, by what the ring holds and by the open runs."""
        snapshot = self._bus.snapshot()
        for event in [*snapshot.open, *await self._ring(snapshot.seq)]:
            if not isinstance(event, Gap) and event.run_id == run_id:
                return event.root_run_id
        return None

    async def summaries(self, limit: int) -> list[RunSummary]:  # noqa: ARG002  a bus has no index
        """Return none: the list comes out of the ring."""
        return []

    async def summary(self, root_id: str) -> RunSummary | None:  # noqa: ARG002  a bus has no index
        """Return nothing: the ring has what there is."""
        return None

    async def bounds(self, positions: Sequence[int]) -> list[RunStarted | RunEnded]:  # noqa: ARG002  a bus has no index
        """Return nothing: the ring has what there is."""
        return []

    async def inner(self, since: int) -> list[RunSummary]:  # noqa: ARG002  a bus has no index
        """Return none: the ring has what there is."""
        return []

    async def lost(self) -> frozenset[str]:
        """Return none: this process is alive."""
        return frozenset()

    async def _ring(self, head: int) -> list[Event]:
        events: list[Event] = []
        async with self._bus.subscribe(0) as subscription:
            while subscription.cursor < head:
                batch = await subscription.read(4096)
                if not batch:
                    break
                events += batch
        return events


def source_of(origin: Source | Log | EventBus) -> Source:
    """Return *origin*, a log or a bus, as a source."""
    if isinstance(origin, Log):
        return LogSource(origin)
    if isinstance(origin, Source):
        return origin
    return BusSource(origin)
