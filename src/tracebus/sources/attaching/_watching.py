"""Attaches the watcher of budgets and loops to a bus, as `observe`, `observing` or `install` ask."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tracebus.exceptions import ClosedBusError
from tracebus.sources.tracking._signs import FirstSigns
from tracebus.watching import Budget, Loops, watcher_of
from tracebus.watching._budget import budget_from_environment
from tracebus.watching._loops import loops_from_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.bus import EventBus
    from tracebus.sources.tracking._tracker import RunTracker
    from tracebus.watching import Watcher

__all__ = ["watched"]


def watched(
    bus: EventBus,
    tracker: RunTracker,
    budget: Budget | None,
    loops: Loops | None,
    *,
    each: bool = False,
) -> Callable[[str], None] | None:
    """Watch *bus*; return what is to be told of every root run that begins, `None` where nothing is.

    Who looks for circles begins with the first run that could go in one: what most chains do costs a program
    no thread that reads it, or only the one that watches a budget.

    Args:
        bus: whose root runs.
        tracker: what tells them to it.
        budget: what each of them may use.
        loops: what counts as running in circles; what `TRACEBUS_LOOPS` says where it is `None`.
        each: whether they are those of single root runs, and not of all of the bus.

    Raises:
        TypeError: *budget* is no `Budget`, or *loops* no `Loops`.
    """
    if loops is not None and not isinstance(loops, Loops):
        raise TypeError(f"loops takes a tracebus.watching.Loops such as Loops(same_call=5), not {loops!r}")
    if budget is not None and not isinstance(budget, Budget):
        raise TypeError(f"budget takes a tracebus.Budget such as Budget(cost=0.50), not {budget!r}")
    nothing = budget is None and loops is None and loops_from_environment() is None
    if nothing and budget_from_environment() is None:
        return None
    watcher = watcher_of(bus, None if each else budget, None if each else loops)
    if budget is not None or watcher.budgets.budget is not None:
        watcher.begin_budgets()
    for wanted in filter(None, (watcher.circles.loops, loops)):
        tracker.signs.watch_also(_first_signs(wanted), lambda: _begin(watcher))
        watcher.expect_circles()
    if not each or (budget is None and loops is None):
        return None

    def begins(run_id: str) -> None:
        watcher.claim(run_id, budget, loops)

    return begins


def _first_signs(loops: Loops) -> FirstSigns:
    signs = {
        "calls": loops.least_calls(),
        "answers": loops.same_answer,
        "turns": loops.least_turns(),
        "failures": loops.same_failure,
    }
    return FirstSigns(**{name: count for name, count in signs.items() if count})


def _begin(watcher: Watcher) -> None:
    with contextlib.suppress(ClosedBusError):  # meanwhile: nobody could be told
        watcher.begin_circles()
