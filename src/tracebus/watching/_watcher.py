"""What has the root runs of a bus watched: their budgets, and whether they go in circles."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tracebus.watching._budget import budget_from_environment
from tracebus.watching._budgets import BudgetWatcher
from tracebus.watching._circling import LoopWatcher
from tracebus.watching._loops import loops_from_environment

if TYPE_CHECKING:
    from tracebus.bus import EventBus, ExporterHandle
    from tracebus.watching._budget import Budget
    from tracebus.watching._loops import Loops

__all__ = ["Watcher", "watch", "watcher_of"]

_LOOPS = "watching loops"
_CATCH_UP = 1.0
"""Seconds that the end of a bus waits for the last things to be noticed."""


class Watcher:
    """Has the root runs of one bus watched by two readers, each from when there is something to watch.

    A budget is watched from the first run. What most chains do is no sign of a circle: who looks for those
    begins with the first sign, and with the events of the runs that are open then.
    """

    def __init__(self, bus: EventBus) -> None:
        self._bus = weakref.ref(bus)
        self.budgets = BudgetWatcher(bus)
        self.circles = LoopWatcher(bus)
        self._begun: set[str] = set()

    def begin_budgets(self) -> None:
        """Watch the budgets of the runs that are open now, and of all that begin from now on.

        Raises:
            ClosedBusError: the bus is closed.
        """
        self._begin(self.budgets, "watching budgets")

    def begin_circles(self) -> None:
        """Look for circles in the runs that are open now, and in all that begin from now on.

        Raises:
            ClosedBusError: the bus is closed.
        """
        self._begin(self.circles, _LOOPS)
        if (bus := self._bus()) is not None:
            bus.expect_reader(before_open_runs=False)

    def expect_circles(self) -> None:
        """Have the bus keep what open runs did until then: circles may begin with that."""
        if (bus := self._bus()) is not None and _LOOPS not in self._begun:
            bus.expect_reader(before_open_runs=True)

    def _begin(self, reader: BudgetWatcher | LoopWatcher, name: str) -> None:
        bus = self._bus()
        if bus is None or name in self._begun:
            return
        self._begun.add(name)
        handle = bus.attach(reader, name=name, after=bus.before_open_runs)
        bus.before_close(lambda: _catch_up(handle))  # what the last events say: it still takes events

    def claim(self, run_id: str, budget: Budget | None, loops: Loops | None = None) -> None:
        """Give the root run *run_id*, which is about to begin, a budget or thresholds of its own."""
        if budget is not None:
            self.budgets.own.give(run_id, budget)
        if loops is not None:
            self.circles.own.give(run_id, loops)


def _catch_up(handle: ExporterHandle) -> None:
    handle.flush(_CATCH_UP)


_watchers: WeakKeyDictionary[EventBus, Watcher] = WeakKeyDictionary()
_lock = threading.Lock()


def watch(bus: EventBus, *, budget: Budget | None = None, loops: Loops | None = None) -> Watcher:
    """Have the root runs of *bus* watched, once, and return what watches them.

    Args:
        bus: whose root runs.
        budget: of those that `observe(…, budget=…)` gave none; `TRACEBUS_BUDGET` where not given.
        loops: what counts as a circle in those that `observe(…, loops=…)` gave none; `TRACEBUS_LOOPS` or the
            default where not given.

    Raises:
        ClosedBusError: the bus is closed.
    """
    watcher = watcher_of(bus, budget, loops)
    watcher.begin_budgets()
    watcher.begin_circles()
    return watcher


def watcher_of(bus: EventBus, budget: Budget | None = None, loops: Loops | None = None) -> Watcher:
    """Return what watches the root runs of *bus* as soon as it is told to begin; see `watch`."""
    with _lock:
        watcher = _watchers.get(bus)
        if watcher is None:
            watcher = _watchers[bus] = Watcher(bus)
            watcher.circles.loops = loops_from_environment()
        if (given := budget or budget_from_environment()) is not None:
            watcher.budgets.budget = given
        if loops is not None:
            watcher.circles.loops = loops
        return watcher
