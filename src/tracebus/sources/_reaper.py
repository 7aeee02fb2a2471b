"""Ends for runs whose end LangChain never reports.

Measured on langchain-core 1.8: a cancelled `ainvoke` of a chat model or retriever ends without a
word, a parent may end before its children (a failed sibling in `RunnableParallel`, an early
`break`, a background task), and the late ends may come some loop ticks later, or never. So after a
run ended with open descendants there is a grace; whoever is still open then is closed.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import weakref
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tracebus.events import Outcome, RunKind

if TYPE_CHECKING:
    from tracebus.clock import Clock
    from tracebus.sources._tracker import OpenRun, RunTracker

_SECOND = 1_000_000_000

_SILENT_KINDS = frozenset((RunKind.CHAT_MODEL, RunKind.LLM, RunKind.RETRIEVER))
"""Kinds whose cancellation LangChain does not report."""

_ORDERLY = (Outcome.OK, Outcome.ERROR)
"""Outcomes after which a descendant may well go on: a failed sibling, a background task."""


class _Case(NamedTuple):
    due: int
    order: int
    run: OpenRun
    outcome: Outcome
    ended: int
    """When whoever ended did, be it *run* itself or the call it belongs to."""
    closes: Literal["run", "children"]
    patient: bool
    """Whether the grace begins anew as long as something happens in the tree."""
    error: Any = None


class Reaper:
    """Closes, after a grace, runs whose parent or call is over.

    Its timer thread exists only while something is due: a program whose runs all end in order
    never has one.
    """

    def __init__(
        self,
        tracker: RunTracker,
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
        self._cases: list[_Case] = []
        self._order = itertools.count()
        self._timer: threading.Timer | None = None
        self._armed_for = 0

    def watch(self, run: OpenRun, outcome: Outcome, now: int) -> None:
        """Close what is open below *run*, which has just ended with *outcome*, after the grace."""
        self._add(run, outcome, now, "children", patient=outcome in _ORDERLY)

    def watch_late(self, run: OpenRun, outcome: Outcome) -> None:
        """Close *run*, which began after its parent had ended with *outcome*, once it falls silent."""
        self._add(run, _fate(run, outcome), self._clock(), "run", patient=True)

    def expect_end(self, run: OpenRun, outcome: Outcome, error: Any) -> None:
        """Close *run*, whose call is over, unless LangChain reports its end within the grace."""
        self._add(run, outcome, self._clock(), "run", patient=False, error=error)

    def reset(self, lock: Any) -> None:
        """Forget everything: after a fork there is neither timer nor open run."""
        self._lock = lock
        self._cases.clear()
        self._timer = None

    def sweep(self) -> None:
        """Close whatever is due now, and come back for the rest."""
        tracker = self._tracker()
        if tracker is None:
            return
        with self._lock:
            self._timer = None
            now = self._clock()
            while self._cases and self._cases[0].due <= now:
                self._settle(tracker, heapq.heappop(self._cases), now)
            self._arm(now)

    def _add(
        self,
        run: OpenRun,
        outcome: Outcome,
        now: int,
        closes: Literal["run", "children"],
        *,
        patient: bool,
        error: Any = None,
    ) -> None:
        due = now + (self._orphan_grace if patient else self._cancel_grace)
        case = _Case(due, next(self._order), run, outcome, now, closes, patient, error)
        heapq.heappush(self._cases, case)
        self._arm(now)

    def _settle(self, tracker: RunTracker, case: _Case, now: int) -> None:
        quiet_since = case.run.root.last_seen
        if case.patient and now - quiet_since < self._orphan_grace:
            again = case._replace(due=quiet_since + self._orphan_grace, order=next(self._order))
            heapq.heappush(self._cases, again)
        elif case.closes == "run":
            tracker.close_unreported(case.run, case.outcome, case.ended, case.error)
        else:
            for child in list((case.run.children or {}).values()):
                tracker.close_unreported(child, _fate(child, case.outcome), case.ended)

    def _arm(self, now: int) -> None:
        """Have `sweep` called when the first case is due."""
        if not self._cases:
            return
        due = self._cases[0].due
        if self._timer is not None:
            if self._armed_for <= due:
                return
            self._timer.cancel()
        timer = threading.Timer(max(due - now, 0) / _SECOND, self.sweep)
        timer.daemon = True
        timer.name = "tracebus-reaper"
        self._timer, self._armed_for = timer, due
        try:
            timer.start()
        except RuntimeError:
            # The interpreter is shutting down: `close_all` at exit ends what is open.
            self._timer = None


def _fate(child: OpenRun, parent: Outcome) -> Outcome:
    """Return how a run ended that outlived its parent without a word."""
    if parent not in _ORDERLY:
        return parent
    if child.kind in _SILENT_KINDS and not child.streamed:
        # LangChain reports every end of these but a cancelled one (`asyncio.wait_for`, say).
        return Outcome.CANCELLED
    return Outcome.ABANDONED
