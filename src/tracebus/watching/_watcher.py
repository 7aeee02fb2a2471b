"""The reader of a bus that watches its root runs and tells the bus what it notices."""

from __future__ import annotations

import contextlib
import logging
import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import msgspec

from tracebus.clock import system_clock
from tracebus.events import CustomEmitted, Gap, RunEnded, RunRetried, RunStarted, RunStreamed
from tracebus.pricing import warm_up
from tracebus.watching._alarm_clock import AlarmClock
from tracebus.watching._budget import budget_from_environment
from tracebus.watching._circles import Circles
from tracebus.watching._facts import BUDGET, LOOP, is_fact
from tracebus.watching._gauge import Gauge
from tracebus.watching._loops import loops_from_environment
from tracebus.watching._sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.bus import EventBus, ExporterHandle
    from tracebus.clock import Clock
    from tracebus.events import Event
    from tracebus.watching._budget import Budget
    from tracebus.watching._facts import BudgetFact, Fact
    from tracebus.watching._loops import Loops

__all__ = ["Watcher", "watch"]

_logger = logging.getLogger("tracebus")

_CATCH_UP = 1.0
"""Seconds that the end of a bus waits for the last things to be noticed."""
_MOST_RUNS = 10_000


class _Watched:
    """A root run that is open: what it may use, and what it does again and again."""

    __slots__ = ("circles", "gauge", "start")

    def __init__(self, start: RunStarted, budget: Budget | None, loops: Loops | None) -> None:
        self.start = start
        self.gauge = Gauge(start, budget) if budget is not None else None
        self.circles = Circles(start, loops) if loops is not None else None


class Watcher:
    """Watches the root runs of one bus: an exporter that writes back what it notices.

    It reads events on a thread of its own; the program's path is not touched.
    """

    settles_itself = True
    reads_along = True

    def __init__(self, bus: EventBus, clock: Clock = system_clock) -> None:
        self._bus = weakref.ref(bus)
        self._clock = clock
        self.budget: Budget | None = None
        """The budget of root runs that have none of their own."""
        self.loops: Loops | None = None
        """What counts as a circle in root runs that have no thresholds of their own; `None` for nothing."""
        self._alarms = AlarmClock(self._rang, clock)
        self._handle: ExporterHandle | None = None
        self._own_process()

    def begin(self) -> None:
        """Watch the runs that are open now, and all that begin from now on.

        Raises:
            ClosedBusError: the bus is closed.
        """
        bus = self._bus()
        if bus is None or self._handle is not None:
            return
        self._handle = bus.attach(self, name="watching", after=bus.before_open_runs)
        bus.before_close(self._catch_up)  # what the last events say, while the bus still takes events

    def _catch_up(self) -> None:
        if self._handle is not None:
            self._handle.flush(_CATCH_UP)

    def _own_process(self) -> None:
        self._lock = threading.Lock()
        self._unknown: set[str] = set()
        """Limits of which the log was told that their use is unknown."""
        self._claimed: dict[str, tuple[Budget | None, Loops | None]] = {}
        self._runs: OrderedDict[str, _Watched] = OrderedDict()

    def claim(self, run_id: str, budget: Budget | None, loops: Loops | None = None) -> None:
        """Give the root run *run_id*, which is about to begin, a budget or thresholds of its own."""
        claimed = self._claimed
        if len(claimed) >= _MOST_RUNS:  # of runs that were over before anybody watched
            with contextlib.suppress(StopIteration, RuntimeError):  # another thread did the same
                claimed.pop(next(iter(claimed)), None)
        claimed[run_id] = budget, loops

    def export(self, batch: Sequence[Event], /) -> None:
        """Learn from *batch*. What a bug of ours makes of an event is logged, and costs no other."""
        for event in batch:
            if isinstance(event, Gap) and (bus := self._bus()) is not None:
                bus.count("events_unwatched", event.missed)
            if isinstance(event, RunStreamed | Gap):
                continue
            try:
                self._learn(event)
            except Exception:
                if not self._failed:
                    _logger.exception("what a run does could not be watched; said once")
                self._failed = True

    _failed = False

    def _learn(self, event: RunStarted | RunEnded | RunRetried | CustomEmitted) -> None:
        run = self._runs.get(event.root_run_id)
        if run is None:
            if not isinstance(event, RunStarted):
                return
            run = self._began(event)
        if is_fact(event):
            return
        if run.gauge is not None and run.gauge.apply(event):
            with self._lock:  # the alarm clock asks for news, too
                news = run.gauge.news(event.time)
            self._tell(run.gauge, news, event.time)
        if run.circles is not None:
            for fact in run.circles.apply(event):
                self._publish(run.start, LOOP, fact, event.time)
                _logger.warning("%s", sentence(fact))
        if isinstance(event, RunEnded) and event.run_id == run.start.run_id:
            with self._lock:
                self._runs.pop(event.root_run_id, None)

    def flush(self, timeout: float, /) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Watch no more."""
        self._alarms.stop()

    def after_fork(self) -> None:
        """Leave the runs so far to the parent process."""
        self._own_process()
        self._alarms.reset()

    def _began(self, event: RunStarted) -> _Watched:
        """Watch a root run, or what another process called here."""
        claimed = self._claimed.pop(event.root_run_id, None) or self._claimed.pop(event.run_id, None)
        own_budget, own_loops = claimed or (None, None)
        budget, loops = own_budget or self.budget, own_loops or self.loops
        if budget is not None and budget.cost is not None:
            warm_up()  # takes a tenth of a second, once, which must not fall into a run's last second
        run = _Watched(event, budget, loops)
        with self._lock:
            self._runs[event.root_run_id] = run
            if len(self._runs) > _MOST_RUNS:
                self._runs.popitem(last=False)
        if run.gauge is not None:
            self._publish(event, BUDGET, run.gauge.begun(), event.time)
            self._set_alarm(run.gauge)
        return run

    def _set_alarm(self, gauge: Gauge) -> None:
        if (at := gauge.next_alarm()) is not None:
            self._alarms.set(at, gauge.start.root_run_id)

    def _rang(self, root_run_id: str) -> None:
        """Look at a run while nothing happens in it: time passes all the same."""
        now = self._clock()
        with self._lock:
            run = self._runs.get(root_run_id)
            gauge = run.gauge if run is not None else None
            news = gauge.news(now) if gauge is not None else []
        if gauge is not None:
            self._tell(gauge, news, now)
            self._set_alarm(gauge)

    def _tell(self, gauge: Gauge, news: Sequence[BudgetFact], now: int) -> None:
        for fact in news:
            self._publish(gauge.start, BUDGET, fact, now)
            if fact.state != "unknown" or fact.limit not in self._unknown:  # true of every run of a model
                _logger.warning("%s", sentence(fact))
            if fact.state == "unknown":
                self._unknown.add(fact.limit)
            if fact.state == "exceeded":
                self._call_back(gauge, fact)

    def _call_back(self, gauge: Gauge, fact: BudgetFact) -> None:
        call = gauge.budget.on_exceeded
        if call is None or gauge.told:
            return
        gauge.told = True
        try:
            call(fact)
        except Exception:
            _logger.exception("Budget(on_exceeded=%r) failed; the run goes on", call)

    def _publish(self, start: RunStarted, name: str, fact: Fact, now: int) -> None:
        if (bus := self._bus()) is None:
            return
        bus.publish(
            CustomEmitted(
                time=now,
                run_id=start.run_id,
                parent_run_id=start.parent_run_id,
                root_run_id=start.root_run_id,
                name=name,
                data=msgspec.to_builtins(fact),
            )
        )


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
    watcher.begin()
    return watcher


def watcher_of(bus: EventBus, budget: Budget | None = None, loops: Loops | None = None) -> Watcher:
    """Return what watches the root runs of *bus* as soon as it is told to `begin`; see `watch`."""
    with _lock:
        watcher = _watchers.get(bus)
        if watcher is None:
            watcher = _watchers[bus] = Watcher(bus)
            watcher.loops = loops_from_environment()
        if (given := budget or budget_from_environment()) is not None:
            watcher.budget = given
        if loops is not None:
            watcher.loops = loops
        return watcher
