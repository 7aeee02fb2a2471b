"""One reader of the source, for every viewer of every run."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Protocol

from tracebus.events import Gap
from tracebus.searching import says
from tracebus_exporters.web.watching._content import everything
from tracebus_exporters.web.watching._feed import Feed
from tracebus_exporters.web.watching._list import RunList
from tracebus_exporters.web.watching._lookups import Lookups
from tracebus_exporters.web.watching._queue import EventQueue
from tracebus_exporters.web.watching._tree import WatchedTree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tracebus.events import Event, RunEvent
    from tracebus.runstate import RunState
    from tracebus_exporters.web.watching._content import View
    from tracebus_exporters.web.watching._outline import Outline
    from tracebus_exporters.web.watching._source import Source

__all__ = ["Hub"]

_logger = logging.getLogger("tracebus.web")

_FRAME = 0.05
_MOST_PENDING = 4096
_LISTED = 500
_LINGER = 60.0
_CARE = 5.0


class _Consumer(Protocol):
    def take(self, events: Sequence[RunEvent]) -> None: ...
    def missed(self, gap: Gap) -> None: ...


class Hub:
    """Reads the source once, in frames, and hands each tree's events to whoever watches it.

    A tree nobody watches costs nothing but its line in the list; the first viewer has it read from
    the source. Start it with `start`, or with the first request.

    Args:
        source: where events come from.
        view: what of an event is shown.
        frame: seconds whose events become one patch.
    """

    def __init__(self, source: Source, *, view: View = everything, frame: float = _FRAME) -> None:
        self.source = source
        self._view = view
        self._frame = frame
        self.runs = RunList(_LISTED)
        self.list = Feed(self.runs)
        self._trees: dict[str, WatchedTree] = {}
        self._consumers: dict[str, set[_Consumer]] = {}
        self._pending: list[Event] = []
        self._timer: asyncio.TimerHandle | None = None
        self._lookups = Lookups(source, self.runs, self.list, view)
        self._tasks: list[asyncio.Task[None]] = []
        """Those that go on as long as the hub does."""
        self._starting: asyncio.Task[None] | None = None
        self._position = 0
        self._advanced = asyncio.Event()
        self.finished = False

    async def start(self) -> None:
        """Begin to read; returns when the list is there. Raises what the source raises."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        try:
            await asyncio.shield(self._starting)
        except Exception:
            self._starting = None
            raise

    async def start_early(self) -> None:
        """Begin to read before anybody asks, the latest run too; what goes wrong is told to who asks."""
        with contextlib.suppress(Exception):
            await self.start()
            if (latest := self.runs.latest) is not None:
                await self.tree(latest)

    async def beginning(self, patience: float) -> dict[str, bytes]:
        """Return what a new page is told first, by channel: `{"seq", "state"}` of list and latest run.

        Only what is there within *patience* seconds, and only once all is known of the list: what is looked
        up late has no position of its own, by which a page could ask for it.
        """
        latest = None
        with contextlib.suppress(Exception):  # the page's own stream tells what is wrong
            async with asyncio.timeout(patience):
                await self.start()
                if (wanted := self.runs.latest) is not None:
                    await self.tree(wanted)
                    latest = wanted
        if not self._tasks or self._lookups.busy:
            return {}
        found = {"list": self.list.snapshot()}
        if latest is not None:
            found[f"run {latest}"] = self._trees[latest].feed.snapshot(self.outline(latest))
        return found

    async def search(self, text: str, patience: float) -> tuple[list[str], int]:
        """Return the listed root runs in which *text* is, the latest first, and how many were searched.

        Args:
            text: whatever the case; empty finds nothing.
            patience: seconds; then the older ones are left out.
        """
        found: list[str] = []
        searched = 0
        until = time.monotonic() + patience
        roots = sorted(self.runs.document["runs"].values(), key=lambda run: run["start_time"] or 0.0)
        for run in reversed(roots if text else []):
            if time.monotonic() > until:
                break
            if await asyncio.to_thread(says, await self.read_run(run["id"]), text):
                found.append(run["id"])
            searched += 1
        return found, searched

    async def close(self) -> None:
        """Stop reading and send every viewer home."""
        self._finish()
        starting = [] if self._starting is None else [self._starting]
        tasks = [*self._tasks, *starting, *self._lookups.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def tree(self, root_id: str) -> Feed:
        """Return the feed of a root run, read from the source if nobody watched it yet."""
        tree = self._trees.get(root_id)
        if tree is None:
            tree = self._trees[root_id] = WatchedTree(self, root_id)
            self._consumers.setdefault(root_id, set()).add(tree)
        tree.touch()
        await tree.loaded()
        return tree.feed

    def outline(self, root_id: str) -> Outline:
        """Return the outline of a tree whose feed `tree` returned."""
        return self._trees[root_id].outline

    async def root_of(self, run_id: str) -> str | None:
        """Return the root run's id for a run's id, or for the beginning of one; `None` if unknown."""
        for root_id, tree in self._trees.items():
            if run_id in tree.state.document["runs"]:
                return root_id
        return await self.source.root_of(run_id)

    def document(self, root_id: str) -> RunState:
        """Return the fold behind a feed that `tree` returned."""
        return self._trees[root_id].state

    async def events(self, root_id: str) -> AsyncIterator[list[RunEvent]]:
        """Yield a tree's events from the first on, as they come, and end after its root run ended.

        Raises:
            MissedEventsError: the reader was slower than a bounded queue allows.
        """
        queue = EventQueue(root_id)
        consumers = self._consumers.setdefault(root_id, set())
        consumers.add(queue)
        try:
            queue.begin(await self.read_run(root_id))
            while events := await queue.next(lambda: self.finished):
                yield events
                if queue.over:
                    return
        finally:
            consumers.discard(queue)

    async def read_run(self, root_id: str) -> list[Event]:
        """Return a tree's events as the viewer may see them."""
        return [self._view(event) for event in await self.source.read_run(root_id)]

    def view(self, event: Event) -> Event:
        """Return *event* as the viewer may see it."""
        return self._view(event)

    async def caught_up(self, seq: int) -> None:
        """Wait until every event up to *seq* has been handed out, or no more come."""
        while self._position < seq and not self.finished:
            await self._advanced.wait()

    async def _start(self) -> None:
        head = await self.source.head()
        summaries = await self.source.summaries(_LISTED)
        self.runs.load(summaries, head)
        self.list.restart(self.runs)
        self._tasks = [asyncio.create_task(self._read(head)), asyncio.create_task(self._care())]
        await self._lookups.begin(summaries)

    async def _read(self, after: int) -> None:
        try:
            async for event in self.source.follow(after):
                self._pending.append(event)
                if len(self._pending) >= _MOST_PENDING:
                    self._flush()
                    await asyncio.sleep(0)
                elif self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(self._frame, self._flush)
        except Exception as error:
            _logger.exception("cannot read events any more")
            self._flush()
            self._end_all("error", {"message": f"events cannot be read any more: {error}"})
        self._finish()

    def _finish(self) -> None:
        self._flush()
        self.finished = True
        self._advance(0)
        self._end_all("end", {})
        for consumers in list(self._consumers.values()):
            for consumer in list(consumers):
                consumer.take(())

    def _end_all(self, event: str, data: Any) -> None:
        self.list.end(event, data)
        for tree in self._trees.values():
            tree.feed.end(event, data)

    def _flush(self) -> None:
        """Make a frame of what came in."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        events, self._pending = self._pending, []
        if not events:
            return
        shown = [self._view(event) for event in events]
        self.list.publish(self.runs.apply_all(shown))
        for root_id in self.runs.strangers():
            self._lookups.introduce(root_id)
        by_root: dict[str, list[RunEvent]] = {}
        for event in shown:
            if isinstance(event, Gap):
                self._missed(event)
            elif event.root_run_id in self._consumers:
                by_root.setdefault(event.root_run_id, []).append(event)
        for root_id, batch in by_root.items():
            for consumer in list(self._consumers[root_id]):
                consumer.take(batch)
        self._advance(events[-1].seq)

    def _advance(self, seq: int) -> None:
        self._position = max(self._position, seq)
        self._advanced.set()
        self._advanced = asyncio.Event()

    def _missed(self, gap: Gap) -> None:
        for consumers in list(self._consumers.values()):
            for consumer in list(consumers):
                consumer.missed(gap)

    async def _care(self) -> None:
        """From time to time: notice lost runs, forget what nobody watches."""
        while not self.finished:
            await asyncio.sleep(_CARE)
            try:
                lost = await self.source.lost()
            except Exception:
                _logger.exception("cannot tell which runs are lost")
                continue
            self.list.publish(self.runs.lose(lost))
            for root_id, tree in list(self._trees.items()):
                tree.lose(lost)
                if tree.forgotten(time.monotonic(), _LINGER):
                    del self._trees[root_id]
                    self._consumers[root_id].discard(tree)
            self._consumers = {root: held for root, held in self._consumers.items() if held}
