"""A watched tree: its fold and its feed, in line with the source."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Protocol

from tracebus.runstate import RunState
from tracebus_exporters.web.watching._feed import Feed
from tracebus_exporters.web.watching._outline import Outline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.bus import Snapshot
    from tracebus.events import Event, Gap, RunEvent
    from tracebus_exporters.web.watching._source import Source

__all__ = ["Reading", "WatchedTree"]

_logger = logging.getLogger("tracebus.web")


class Reading(Protocol):
    """Who reads the source for every tree."""

    source: Source
    finished: bool
    """Whether nothing more will come."""

    def view(self, event: Event, /) -> Event:
        """Return what of *event* is shown."""
        ...

    async def read_run(self, root_id: str, /) -> list[Event]:
        """Return what the source has of a root run, as it is shown."""
        ...

    async def caught_up(self, seq: int, /) -> None:
        """Wait until everything up to position *seq* has been read."""


class WatchedTree:
    """A watched tree: its fold and its feed."""

    def __init__(self, hub: Reading, root_id: str) -> None:
        self._hub = hub
        self._root_id = root_id
        self.state = RunState()
        self.outline = Outline(self.state.document)
        self.feed = Feed(self.state)
        self._waiting: list[RunEvent] | None = []
        self._loading = asyncio.create_task(self._load(()))
        self._unwatched_since = time.monotonic()

    async def loaded(self) -> None:
        await asyncio.shield(self._loading)

    def take(self, events: Sequence[RunEvent]) -> None:
        if self._waiting is not None:
            self._waiting += events
        elif events:
            fresh = self._new(events)
            self.outline.count(fresh)
            self.feed.publish(self.state.apply_all(fresh))
            self._end_if_over()

    def missed(self, gap: Gap) -> None:
        """Bring the tree in line again: from the source, where that has what was missed."""
        opened = self._hub.source.open_runs()
        if opened is not None:
            runs = self.state.document["runs"]
            suspects = [run_id for run_id, run in runs.items() if run["status"] == "running"]
            if self._waiting is None:
                self.feed.publish(self.state.apply(gap))
            self._resyncing = asyncio.create_task(self._resync(opened, suspects))
        elif self._waiting is None:
            self._waiting = []
            self._loading = asyncio.create_task(self._load((gap,)))

    async def _resync(self, opened: Snapshot, suspects: list[str]) -> None:
        """Mark those of *suspects* as lost that ended unseen, once every end still to be seen has been."""
        await self.loaded()
        await self._hub.caught_up(opened.seq)
        starts = [self._hub.view(run) for run in opened.open if run.root_run_id == self._root_id]
        alive = {run.run_id for run in opened.open}
        gone = [run_id for run_id in suspects if run_id not in alive]
        self.feed.publish(self.state.apply_all(starts) + self.state.lose(gone))
        self._end_if_over()

    def lose(self, run_ids: frozenset[str]) -> None:
        if self._waiting is None:
            self.feed.publish(self.state.lose(run_ids))
            self._end_if_over()

    def touch(self) -> None:
        """Note that somebody asks for it now."""
        self._unwatched_since = time.monotonic()

    def forgotten(self, now: float, linger: float) -> bool:
        """Tell whether nobody has watched for *linger* seconds."""
        if self.feed.viewers:
            self._unwatched_since = now
        return not self.feed.viewers and now - self._unwatched_since > linger

    async def _load(self, gaps: Sequence[Gap]) -> None:
        try:
            stored = await self._hub.read_run(self._root_id)
        except Exception as error:
            _logger.exception("cannot read run %s", self._root_id)
            stored = []
            self.feed.end("error", {"message": f"the run cannot be read: {error}"})
        state = RunState()
        state.apply_all([*stored, *gaps])
        waiting, self._waiting = self._waiting or [], None
        self.state = state
        fresh = self._new(waiting)
        state.apply_all(fresh)
        self.outline = Outline(state.document)
        self.outline.count(stored)
        self.outline.count(fresh)
        self.feed.restart(state)
        self._end_if_over()

    def _new(self, events: Sequence[RunEvent]) -> list[RunEvent]:
        """Return those of *events* that the source had not already told when the tree was read."""
        return [event for event in events if event.seq > self.state.seq or not event.seq]

    def _end_if_over(self) -> None:
        root = self.state.document["runs"].get(self._root_id)
        runs = self.state.document["runs"].values()
        if root is None or root["status"] == "running":
            over = False
        else:
            over = all(run["status"] != "running" for run in runs)
        if over or (self._hub.finished and not self.feed.ended):
            self.feed.end()
        elif self.feed.ended and not over:
            self.feed.reopen()
