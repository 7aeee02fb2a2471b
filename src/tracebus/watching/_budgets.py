"""The reader of a bus that adds up what its root runs use of their budgets."""

from __future__ import annotations

import logging
import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING

from tracebus.clock import system_clock
from tracebus.events import RunEnded, RunStarted
from tracebus.pricing import warm_up
from tracebus.watching._alarm_clock import AlarmClock
from tracebus.watching._facts import BUDGET, publish
from tracebus.watching._gauge import MODELS, NEVER, Gauge
from tracebus.watching._own import LINGER, MOST_RUNS, OneByOne, Own
from tracebus.watching._sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.bus import EventBus
    from tracebus.clock import Clock
    from tracebus.events import Event
    from tracebus.watching._budget import Budget
    from tracebus.watching._facts import BudgetFact

__all__ = ["BudgetWatcher"]

_logger = logging.getLogger("tracebus")


class BudgetWatcher:
    """Watches the budgets of one bus's root runs: an exporter that writes back what it notices.

    It reads events on a thread of its own; the program's path is not touched. Of most it looks at no more
    than whether a model runs above them: what others do uses nothing but time.
    """

    settles_itself = reads_few = True
    reads_along = True
    linger = LINGER

    def __init__(self, bus: EventBus, clock: Clock = system_clock) -> None:
        self._bus = weakref.ref(bus)
        self._events = OneByOne(self._bus, "what a run uses")
        self._clock = clock
        self.budget: Budget | None = None
        """Of root runs that have none of their own."""
        self._alarms = AlarmClock(self._rang, clock)
        self._own_process()

    def _own_process(self) -> None:
        self._lock = threading.Lock()
        self._unknown: set[str] = set()
        """Limits of which the log was told that their use is unknown."""
        self.own: Own[Budget] = Own()
        """Budgets of root runs that are about to begin."""
        self._gauges: OrderedDict[str, Gauge] = OrderedDict()
        self._rings_at = NEVER
        """When the alarm clock is set to: the earliest time that is news in itself."""

    def export(self, batch: Sequence[Event], /) -> None:
        """Learn from *batch*."""
        self._events.read(batch, self._learn)

    def _learn(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._started(event)
        elif isinstance(event, RunEnded):
            self._ended(event)

    def _started(self, event: RunStarted) -> None:
        gauge = self._gauges.get(event.root_run_id) or self._began(event)
        if gauge is None or not (event.kind in MODELS or event.parent_run_id in gauge.below):
            return
        if gauge.apply(event):
            self._tell(gauge, event.time)

    def _ended(self, event: RunEnded) -> None:
        gauge = self._gauges.get(event.root_run_id)
        if gauge is None:
            return
        is_top = event.run_id == gauge.start.run_id
        if (is_top or event.run_id in gauge.below) and gauge.apply(event):
            self._tell(gauge, event.time)
        if is_top:
            with self._lock:
                self._gauges.pop(event.root_run_id, None)

    def flush(self, timeout: float, /) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Watch no more."""
        self._alarms.stop()

    def after_fork(self) -> None:
        """Leave the runs so far to the parent process."""
        self._own_process()
        self._alarms.reset()

    def _began(self, event: RunStarted) -> Gauge | None:
        """Watch a root run, or what another process called here, if it has a budget."""
        budget = self.own.pop(event) or self.budget
        if budget is None:
            return None
        if budget.cost is not None:
            warm_up()  # takes a tenth of a second, once, which must not fall into a run's last second
        gauge = Gauge(event, budget)
        with self._lock:
            self._gauges[event.root_run_id] = gauge
            if len(self._gauges) > MOST_RUNS:
                self._gauges.popitem(last=False)
        publish(self._bus(), event, BUDGET, gauge.begun(), event.time)
        if gauge.due_at < self._rings_at:
            with self._lock:
                self._set_alarm(gauge.due_at)
        return gauge

    # Time -----------------------------------------------------------------------------------------

    def _set_alarm(self, at: int) -> None:
        """Have the clock ring at *at*, if nothing makes it ring before."""
        if at < self._rings_at:
            self._rings_at = at
            self._alarms.set(at, "")

    def _rang(self, _: str) -> None:
        """Look at the runs while nothing happens in them: time passes all the same."""
        now = self._clock()
        with self._lock:
            self._rings_at = NEVER
            due = [gauge for gauge in self._gauges.values() if gauge.is_due(now)]
        for gauge in due:
            self._tell(gauge, now)
        with self._lock:
            self._set_alarm(min((gauge.due_at for gauge in self._gauges.values()), default=NEVER))

    # Telling --------------------------------------------------------------------------------------

    def _tell(self, gauge: Gauge, now: int) -> None:
        with self._lock:  # the alarm clock asks for news, too
            news = gauge.news(now)
        for fact in news:
            publish(self._bus(), gauge.start, BUDGET, fact, now)
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
