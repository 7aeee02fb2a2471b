"""The reader of a bus that notices root runs which go in circles."""

from __future__ import annotations

import logging
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING

from tracebus.events import RunEnded, RunRetried, RunStarted
from tracebus.watching._circles import Circles
from tracebus.watching._facts import LOOP, publish
from tracebus.watching._own import LINGER, MOST_RUNS, OneByOne, Own
from tracebus.watching._results import Held
from tracebus.watching._sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.bus import EventBus
    from tracebus.events import Event
    from tracebus.watching._loops import Loops

__all__ = ["LoopWatcher"]

_logger = logging.getLogger("tracebus")


class LoopWatcher:
    """Looks for circles in one bus's root runs: an exporter that writes back what it notices.

    It reads events on a thread of its own; the program's path is not touched.
    """

    settles_itself = reads_few = True
    reads_along = True
    linger = LINGER

    def __init__(self, bus: EventBus) -> None:
        self._bus = weakref.ref(bus)
        self._events = OneByOne(self._bus, "what a run does")
        self.loops: Loops | None = None
        """What counts as a circle in root runs that have no thresholds of their own; `None` for nothing."""
        self._held = Held()
        self._own_process()

    def _own_process(self) -> None:
        self.own: Own[Loops] = Own()
        """Thresholds of root runs that are about to begin."""
        self._runs: OrderedDict[str, Circles] = OrderedDict()
        self._held.bytes = 0

    @property
    def held_bytes(self) -> int:
        """Bytes held beyond `export`: part of the bus's memory."""
        return self._held.bytes

    def may_hold(self, max_bytes: int) -> None:
        """Take note that the bus can spare *max_bytes*."""
        self._held.most = min(self._held.most, max_bytes // 2)

    def export(self, batch: Sequence[Event], /) -> None:
        """Learn from *batch*."""
        self._events.read(batch, self._learn)

    def _learn(self, event: Event) -> None:
        if not isinstance(event, RunStarted | RunEnded | RunRetried):
            return
        circles = self._runs.get(event.root_run_id)
        if circles is None:
            loops = self.own.pop(event) or self.loops if isinstance(event, RunStarted) else None
            if loops is None or not isinstance(event, RunStarted):
                return
            circles = self._runs[event.root_run_id] = Circles(event, loops, self._held)
            if len(self._runs) > MOST_RUNS:
                self._runs.popitem(last=False)[1].results.close()
        for fact in circles.apply(event):
            publish(self._bus(), circles.start, LOOP, fact, event.time)
            _logger.warning("%s", sentence(fact))
        if isinstance(event, RunEnded) and event.run_id == circles.start.run_id:
            self._runs.pop(event.root_run_id, None)
            circles.results.close()

    def flush(self, timeout: float, /) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is held."""

    def after_fork(self) -> None:
        """Leave the runs so far to the parent process."""
        self._own_process()
