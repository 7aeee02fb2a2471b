"""What the list of runs has to look up in the source: no event that comes in tells it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from tracebus_exporters.web.watching._costs import costs_of

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from tracebus.events import Event
    from tracebus.logs import RunSummary
    from tracebus_exporters.web.watching._content import View
    from tracebus_exporters.web.watching._feed import Feed
    from tracebus_exporters.web.watching._list import RunList
    from tracebus_exporters.web.watching._source import Source

__all__ = ["Lookups"]

_logger = logging.getLogger("tracebus.web")

_AT_ONCE = 50
_PATIENCE = 0.1


class Lookups:
    """Completes the list of runs, in tasks beside those that read what comes in.

    Args:
        source: where events are looked up.
        runs: the list.
        feed: its viewers, who are told what was found.
        view: what of an event is shown.
    """

    def __init__(self, source: Source, runs: RunList, feed: Feed, view: View) -> None:
        self._source = source
        self._runs = runs
        self._list = feed
        self._view = view
        self.tasks: list[asyncio.Task[None]] = []

    @property
    def busy(self) -> bool:
        """Whether something is being looked up."""
        return bool(self.tasks)

    async def begin(self, summaries: Sequence[RunSummary]) -> None:
        """Look up how the runs of *summaries* began and ended, and what failed in them; wait a moment."""
        recalling = self._keep(
            self._recall([seq for one in summaries for seq in (one.first_seq, one.last_seq)])
        )
        if started := [one.started for one in summaries if one.started is not None]:
            self._keep(self._look_inside(min(started)))
        # Most logs answer in a moment: then the first picture of the list has its batches.
        await asyncio.wait([recalling], timeout=_PATIENCE)

    def introduce(self, root_id: str) -> None:
        """Look up a run that began before the server, or beyond the list's end."""
        self._keep(self._introduce(root_id))

    async def _introduce(self, root_id: str) -> None:
        try:
            summary = await self._source.summary(root_id)
        except Exception:
            _logger.exception("cannot look up run %s", root_id)
            return
        if summary is not None:
            self._list.publish(self._runs.introduce(summary))

    async def _recall(self, positions: list[int]) -> None:
        """Look up, the latest first, how listed runs began and ended: no index says what they were given."""
        for first in range(0, len(positions), _AT_ONCE):
            try:
                bounds: list[Event] = [*await self._source.bounds(positions[first : first + _AT_ONCE])]
            except Exception:
                _logger.exception("cannot look up how runs began and ended")
                return
            self._list.publish(self._runs.recall([self._view(bound) for bound in bounds]))

    async def _look_inside(self, since: int) -> None:
        """Look up what failed below the listed runs, and what they cost."""
        try:
            inner = await self._source.inner(since)
            costs = await asyncio.to_thread(costs_of, inner)
        except Exception:
            _logger.exception("cannot look up what failed below runs, and what they cost")
            return
        self._list.publish(self._runs.look_inside(inner, costs))

    def _keep(self, looking: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Hold a task, which nobody else does, until it is done."""
        task = asyncio.create_task(looking)
        self.tasks.append(task)
        task.add_done_callback(self.tasks.remove)
        return task
