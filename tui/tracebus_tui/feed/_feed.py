"""Brings events from a source to the screen's thread, at the pace the screen takes them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING

from tracebus.events import Gap

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.events import Event
    from tracebus.tree import OpenRuns
    from tracebus_tui.feed._source import Source

_log = logging.getLogger("tracebus")

_MOST_WAITING = 50_000
"""Events that may wait for the screen; then the source is left alone, which keeps them or says `Gap`."""
_PAUSE = 0.005
_BACK_OFF = (0.2, 5.0)
_LOST_EVERY = 3.0


def _nothing() -> None:
    """Do nothing."""


class FeedState(StrEnum):
    """How the feed stands with its source."""

    OPENING = "opening"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    ENDED = "ended"


class Feed:
    """Reads a source on a thread of its own; `take` hands over what has come.

    Attributes:
        state: how it stands with the source.
        trouble: why the source cannot be reached, while it cannot.
        caught_up: whether what there was at the beginning has been read.
        arrived: called on the feed's thread whenever events have come.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.state = FeedState.OPENING
        self.trouble = ""
        self.caught_up = False
        self.failures = 0
        self.arrived: Callable[[], None] = _nothing
        self._lost: frozenset[str] = frozenset()
        self._open_runs: OpenRuns | None = None
        self._taken = 0
        self._waiting: deque[Event] = deque()
        self._position: int | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tracebus-tui-feed", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading; returns soon, whatever the source does."""
        self._stopping.set()
        loop, task = self._loop, self._task
        if loop is not None and task is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(task.cancel)
            except RuntimeError as error:
                _log.debug("the feed's loop closed at the same moment: %s", error)
        if self._thread.is_alive():
            self._thread.join(1.0)

    @property
    def backlog(self) -> int:
        """Return how many events wait to be taken."""
        return len(self._waiting)

    def take(self, limit: int) -> list[Event]:
        """Return up to *limit* events that have come, oldest first, without waiting."""
        waiting = self._waiting
        events = [waiting.popleft() for _ in range(min(limit, len(waiting)))]
        if events:
            self._taken = events[-1].seq
        return events

    def take_lost(self) -> frozenset[str]:
        """Return the runs that turned out to have lost their process since the last call."""
        lost, self._lost = self._lost, frozenset()
        return lost

    def take_open_runs(self) -> OpenRuns | None:
        """Return the runs that were open after a `Gap`, once every event before that has been taken."""
        found = self._open_runs
        if found is None or (self._taken < found.seq and self._waiting):
            return None
        self._open_runs = None
        return found

    def _run(self) -> None:
        try:
            asyncio.run(self._follow())
        except asyncio.CancelledError:
            _log.debug("the feed was stopped")

    async def _follow(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        checking = asyncio.create_task(self._check_for_lost())
        pause = _BACK_OFF[0]
        while not self._stopping.is_set():
            before = self._position
            try:
                await self._read()
            except Exception as error:  # noqa: BLE001 - whatever a source raises, the view goes on trying
                self.failures += 1
                self.trouble = f"{type(error).__name__}: {error}"
                self.state = FeedState.RECONNECTING
            else:
                self.state = FeedState.ENDED
                self.caught_up = True
                break
            pause = _BACK_OFF[0] if self._position != before else min(pause * 2, _BACK_OFF[1])
            await asyncio.sleep(pause)
        checking.cancel()

    async def _read(self) -> None:
        waiting = self._waiting
        async for batch in self.source.batches(self._position):
            if self.state is not FeedState.LIVE:
                self.state, self.trouble = FeedState.LIVE, ""
            if not batch:
                self.caught_up = True
                continue
            waiting.extend(batch)
            if isinstance(batch[0], Gap):  # a gap comes first or not at all
                self._open_runs = await asyncio.to_thread(self.source.open_runs)
            self._position = batch[-1].seq or self._position
            self.arrived()
            while len(waiting) > _MOST_WAITING:  # noqa: ASYNC110 - the thread that takes must not pay for telling
                await asyncio.sleep(_PAUSE)

    async def _check_for_lost(self) -> None:
        """Ask the source now and then which open runs nobody works on any more."""
        known: frozenset[str] = frozenset()
        while True:
            await asyncio.sleep(_LOST_EVERY)
            if not self.caught_up:
                continue
            try:
                found = await asyncio.to_thread(self.source.lost)
            except Exception as error:  # noqa: BLE001 - the reading says better what is wrong
                _log.debug("%s could not say which runs are lost: %s", self.source.label, error)
                continue
            self._lost |= found - known
            known = found
