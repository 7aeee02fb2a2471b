"""What the readers that watch root runs share: how they read, and what a run was given of its own."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Generic, TypeVar

from tracebus.events import Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracebus.bus import EventBus
    from tracebus.events import Event, RunStarted

__all__ = ["LINGER", "MOST_RUNS", "OneByOne", "Own"]

T = TypeVar("T")

_logger = logging.getLogger("tracebus")

LINGER = 0.05
"""Seconds that events are gathered before somebody looks at them: who is told in some hundredths of a second
is told before the next answer of a model, and every turn of a thread costs the program a little."""
MOST_RUNS = 10_000
"""Root runs that are watched at the same time."""


class Own(Generic[T]):
    """Remembers things by the root runs they belong to, until their first events are read."""

    __slots__ = ("_given",)

    def __init__(self) -> None:
        self._given: dict[str, T] = {}

    def give(self, run_id: str, thing: T) -> None:
        """Give the root run *run_id*, which is about to begin, a *thing* of its own."""
        given = self._given
        if len(given) >= MOST_RUNS:  # of runs that were over before anybody watched
            with contextlib.suppress(StopIteration, RuntimeError):  # another thread did the same
                given.pop(next(iter(given)), None)
        given[run_id] = thing

    def pop(self, event: RunStarted) -> T | None:
        """Return what was given to the root run that begins with *event*, or to what is called here of it."""
        if not self._given:
            return None
        return self._given.pop(event.root_run_id, None) or self._given.pop(event.run_id, None)


class OneByOne:
    """Reads events such that what a bug of ours makes of one costs no other, and counts what was missed.

    Args:
        bus: returns the bus they come from, `None` once it is gone.
        what: what is watched, as the log shall say where it could not be.
    """

    __slots__ = ("_bus", "_failed", "_what")

    def __init__(self, bus: Callable[[], EventBus | None], what: str) -> None:
        self._bus = bus
        self._what = what
        self._failed = False

    def read(self, batch: Sequence[Event], learn: Callable[[Event], object]) -> None:
        """Have *learn* called with every event of *batch*; the first failure is logged, and no other."""
        for event in batch:
            try:
                learn(event)
                if isinstance(event, Gap) and (bus := self._bus()) is not None:
                    bus.count("events_unwatched", event.missed)
            except Exception:
                if not self._failed:
                    _logger.exception("%s could not be watched; said once", self._what)
                self._failed = True
