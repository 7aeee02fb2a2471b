"""One reader of the source, for every viewer of every run."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Protocol

from tracebus.events import Gap
from tracebus_exporters.web.watching._content import everything
from tracebus_exporters.web.watching._costs import costs_of
from tracebus_exporters.web.watching._feed import Feed
from tracebus_exporters.web.watching._list import RunList
from tracebus_exporters.web.watching._looking import says
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
_LOOKED_UP = 50
_PATIENCE = 0.1
_READERS = 2
"""Tasks that go on as long as the hub does; others look something up."""


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
        self._tasks: list[asyncio.Task[None]] = []
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
        if not self._tasks or len(self._tasks) > _READERS:
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
        tasks = [*self._tasks, *([self._starting] if self._starting is not None else [])]
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
        recalling = asyncio.create_task(
            self._recall([seq for one in summaries for seq in (one.first_seq, one.last_seq)])
        )
        self._keep(recalling)
        if started := [one.started for one in summaries if one.started is not None]:
            self._keep(asyncio.create_task(self._look_inside(min(started))))
        # Most logs answer in a moment: then the first picture of the list has its batches.
        await asyncio.wait([recalling], timeout=_PATIENCE)

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
            self._keep(asyncio.create_task(self._introduce(root_id)))
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

    async def _introduce(self, root_id: str) -> None:
        """Find out about a run that began before the server, or beyond the list's end."""
        try:
            summary = await self.source.summary(root_id)
        except Exception:
            _logger.exception("cannot look up run %s", root_id)
            return
        if summary is not None:
            self.list.publish(self.runs.introduce(summary))

    async def _recall(self, positions: list[int]) -> None:
        """Look up, the latest first, how listed runs began and ended: no index says what they were given."""
        for first in range(0, len(positions), _LOOKED_UP):
            try:
                bounds: list[Event] = [*await self.source.bounds(positions[first : first + _LOOKED_UP])]
            except Exception:
                _logger.exception("cannot look up how runs began and ended")
                return
            self.list.publish(self.runs.recall([self._view(bound) for bound in bounds]))

    async def _look_inside(self, since: int) -> None:
        """Look up what failed below the listed runs, and what they cost."""
        try:
            inner = await self.source.inner(since)
            costs = await asyncio.to_thread(costs_of, inner)
        except Exception:
            _logger.exception("cannot look up what failed below runs, and what they cost")
            return
        self.list.publish(self.runs.look_inside(inner, costs))

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Hold *task*, which nobody else does, until it is done."""
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)

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
