"""Ends orphans: open runs whose parent or call has ended, and whose end LangChain never reports.

Measured on langchain-core 1.8: a cancelled `ainvoke` of a chat model or retriever ends without a
word, a parent may end before its children (a failed sibling in `abatch` or `RunnableParallel`, an early
`break`, a background task), and the late ends may come some loop ticks later, much later, or never. So
after a run ended with open descendants there is a grace. Whoever is still open then is looked at: while
the task or thread that executes it lives, it is left alone.
"""

from __future__ import annotations

import _thread
import contextlib
import heapq
import itertools
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from tracebus.events import Outcome
from tracebus.sources.tracking._alarm import Alarm
from tracebus.sources.tracking._fate import SILENT_KINDS, fate_of, is_over
from tracebus.sources.tracking._open_run import Life

if TYPE_CHECKING:
    import threading
    from collections.abc import Hashable

    from tracebus.clock import Clock
    from tracebus.sources.tracking._open_run import Executor, OpenRun

_SECOND = 1_000_000_000
_LONGEST_WAIT = 10 * _SECOND
"""How long after it was seen alive a run is looked at again, at the most."""

_ORDERLY = (Outcome.OK, Outcome.ERROR)
"""Outcomes after which a descendant may well go on: a failed sibling, a background task."""


@dataclass(slots=True, eq=False)
class _Case:
    run: OpenRun
    outcome: Outcome
    """How whoever *run* belongs to ended; with *closes* `run` and *final*, how it did itself."""
    ended: int
    """When whoever ended did, be it *run* itself or the call it belongs to."""
    closes: Literal["run", "children"]
    patient: bool
    """Whether, where nobody knows who executes it, the grace begins anew as long as something happens
    in the tree."""
    final: bool = False
    """Whether *run* is over for certain."""
    error: Any = None
    wait: int = 0
    """How long after this look the next one follows, while it is seen alive."""
    asked: set[int] = field(default_factory=set)
    """The loops (by `id`) that were asked to take some turns since a run was found without a task."""
    turned: set[int] = field(default_factory=set)


class GivesUp(Protocol):
    """Who closes a run that nobody else will: its tracker."""

    def give_up(self, run: OpenRun, outcome: Outcome, at: int, error: Any = None) -> None:
        """Close *run* as ended with *outcome* at time *at*, and all below it that does not go on."""


class Reaper:
    """Closes, after a grace, runs whose parent or call is over, and whose task or thread is gone.

    Its alarm's thread exists only while something is due: a program whose runs all end in order
    never has one.
    """

    def __init__(
        self,
        tracker: GivesUp,
        lock: threading.RLock,
        clock: Clock,
        orphan_grace: float,
        cancel_grace: float,
    ) -> None:
        self._tracker = weakref.ref(tracker)
        self._lock: Any = lock
        self._clock = clock
        self._orphan_grace = int(orphan_grace * _SECOND)
        self._cancel_grace = int(cancel_grace * _SECOND)
        self._cases: list[tuple[int, int, _Case]] = []
        self._order = itertools.count()
        self._alarm = Alarm(weakref.WeakMethod(self.sweep), self._lock)

    def watch(self, run: OpenRun, outcome: Outcome, now: int) -> None:
        """Close what is open below *run*, which has just ended with *outcome*, after the grace."""
        self._add(_Case(run, outcome, now, "children", patient=outcome in _ORDERLY), now)

    def watch_late(self, run: OpenRun, outcome: Outcome) -> None:
        """Close *run*, which began after its parent had ended with *outcome*, once it falls silent."""
        now = self._clock()
        with self._lock:
            self._add(_Case(run, outcome, now, "run", patient=True), now)

    def expect_end(self, run: OpenRun, outcome: Outcome, error: Any, *, final: bool) -> None:
        """Close *run*, whose call is over, unless LangChain reports its end within the grace.

        Where it is not *final* that *run* is over as well, whoever executes it decides.
        """
        now = self._clock()
        self._add(_Case(run, outcome, now, "run", patient=False, final=final, error=error), now)

    def note_start(self, run: OpenRun, runner: Executor, parent_key: Hashable | None, *, alone: bool) -> None:
        """Keep an eye on *run*, which *runner* begins to execute, if its cancellation goes unreported.

        One that it began before as the same parent's, that neither ended nor streams, was cancelled: its
        caller goes on (`asyncio.wait_for`). Unless they are not *alone*, and began together.
        """
        before, runner.last = runner.last, None
        if before is not None and before.outcome is None and not before.streamed:
            above = None if before.parent is None else before.parent.told_as
            if above == parent_key:
                now = self._clock()
                self._add(_Case(before, Outcome.CANCELLED, now, "run", patient=False, final=True), now)
        if run.kind in SILENT_KINDS:
            if alone:
                runner.last = run
            if parent_key is None:  # else its parent's end has it closed
                run.watch = self._called_after(run, runner)

    def _called_after(self, run: OpenRun, runner: Executor) -> object:
        """Have *run* closed soon after its task is gone, while what this returns is kept."""
        task = None if runner.task is None else runner.task()
        me = weakref.ref(self)

        def task_is_gone(_: object) -> None:
            # Wherever a garbage collector runs: nothing that takes a lock.
            if (reaper := me()) is not None:
                with contextlib.suppress(RuntimeError):  # no more threads: `close_all` is next
                    _thread.start_new_thread(reaper.watch_late, (run, Outcome.OK))

        return None if task is None else weakref.ref(task, task_is_gone)

    def reset(self, lock: Any) -> None:
        """Forget everything: after a fork there is neither timer nor open run."""
        self._lock = lock
        self._cases.clear()
        self._alarm = Alarm(weakref.WeakMethod(self.sweep), self._lock)

    def sweep(self) -> None:
        """Close whatever is due now, and come back for the rest."""
        tracker = self._tracker()
        if tracker is None:
            return
        with self._lock:
            now = self._clock()
            due: list[_Case] = []
            while self._cases and self._cases[0][0] <= now:
                due.append(heapq.heappop(self._cases)[2])
            for case in due:
                self._settle(tracker, case, now)
            self._arm(now)

    def settle_all(self) -> None:
        """Close whatever anybody waits for and is over, at once: there will be no later look."""
        tracker = self._tracker()
        if tracker is None:
            return
        with self._lock:
            cases, self._cases = sorted(self._cases), []
            for _, _, case in cases:
                for run in self._subjects(case):
                    if case.final or is_over(run, case.run) is not Life.LIVES:
                        self._close(tracker, case, run)

    def _subjects(self, case: _Case) -> list[OpenRun]:
        if case.closes == "children":
            return list((case.run.children or {}).values())
        return [case.run] if case.run.outcome is None else []

    def _settle(self, tracker: GivesUp, case: _Case, now: int) -> None:
        """Close what is over of *case*, and put the rest off."""
        again: int | None = None
        for run in self._subjects(case):
            if (due := self._next_look(case, run, now)) is None:
                self._close(tracker, case, run)
            else:
                again = due if again is None else min(again, due)
        if again is not None:
            self._put(again, case)

    def _next_look(self, case: _Case, run: OpenRun, now: int) -> int | None:
        """Return when to look at *run* again; `None` where it is over."""
        life = Life.LIVES if _is_told_soon(run) else Life.GONE if case.final else is_over(run, case.run)
        if life is Life.LIVES:
            case.wait = min(max(case.wait + case.wait // 2, self._cancel_grace), _LONGEST_WAIT)
            return now + max(case.wait, 1)
        quiet_since = run.root.last_seen
        if life is Life.UNKNOWN and case.patient and now - quiet_since < self._orphan_grace:
            return quiet_since + self._orphan_grace
        return None if self._loop_has_turned(case, run) else now + max(self._cancel_grace, 1)

    def _loop_has_turned(self, case: _Case, run: OpenRun) -> bool:
        """Tell whether what the run's task left to its loop has had its turn; ask for it if need be."""
        runner = run.runner
        loop = None if runner is None or runner.loop is None else runner.loop()
        if runner is None or loop is None or loop.is_closed() or id(loop) in case.turned:
            return True
        if id(loop) not in case.asked:
            turned, me = case.turned, id(loop)
            if not runner.after_turns(lambda: turned.add(me)):
                return True
            case.asked.add(me)
        return False

    def _close(self, tracker: GivesUp, case: _Case, run: OpenRun) -> None:
        if case.final:
            tracker.give_up(run, case.outcome, case.ended, case.error)
        else:
            tracker.give_up(run, fate_of(run, case.outcome), case.ended)

    def _add(self, case: _Case, now: int) -> None:
        self._put(now + self._cancel_grace, case)
        self._arm(now)

    def _put(self, due: int, case: _Case) -> None:
        heapq.heappush(self._cases, (due, next(self._order), case))

    def _arm(self, now: int) -> None:
        """Have `sweep` called when the first case is due."""
        if self._cases:
            self._alarm.set((self._cases[0][0] - now) / _SECOND)


def _is_told_soon(run: OpenRun) -> bool:
    """Tell whether the graph that *run* is a held node of is at work: it says how the node ended."""
    graph = run.parent
    return bool(run.held) and graph is not None and graph.outcome is None and is_over(graph) is Life.LIVES
