"""Attaches the watcher of budgets and loops to a bus, as `observe`, `observing` or `install` ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.watching import Budget, Loops, watch
from tracebus.watching._budget import budget_from_environment
from tracebus.watching._loops import loops_from_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.bus import EventBus

__all__ = ["watched"]


def watched(
    bus: EventBus, budget: Budget | None, loops: Loops | None, *, each: bool = False
) -> Callable[[str], None] | None:
    """Watch *bus*; return what is to be told of every root run that begins, `None` where nothing is.

    Args:
        bus: whose root runs.
        budget: what each of them may use.
        loops: what counts as running in circles; what `TRACEBUS_LOOPS` says where it is `None`.
        each: whether *budget* is that of single root runs, and not of all of the bus.

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
    watcher = watch(bus, budget=None if each else budget, loops=loops)
    if budget is None or not each:
        return None
    own = budget

    def begins(run_id: str) -> None:
        watcher.claim(run_id, own)

    return begins
