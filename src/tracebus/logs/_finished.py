"""Gathers the events of a log and gives out each root run when it is over; can be resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tracebus.events import Gap, RunEnded, RunStarted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.events import Event, RunEvent

__all__ = ["FinishedRuns", "Progress"]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a log was handed on."""

    position: int = 0
    """Every event up to here was handed on, or belongs to a run in `open`."""
    open: dict[str, int] = {}
    """Root runs met but not handed on yet: id → position of their first event."""

    @property
    def resume_after(self) -> int:
        """The position to read on behind."""
        return min((first - 1 for first in self.open.values()), default=self.position)


class _Root:
    """A root run that is not over."""

    __slots__ = ("ended", "events", "first", "open")

    def __init__(self, first: int) -> None:
        self.first = first
        self.events: list[Event] = []
        self.open: set[str] = set()
        self.ended = False


class FinishedRuns:
    """Gathers events until their root run is over, then gives them out together.

    A root run is over when it has ended and so have the runs below it. What comes of it later is
    given out as it comes. Holds the events of open runs in memory.

    Args:
        progress: where an earlier one stopped. Feed the events behind `progress.resume_after`.
    """

    def __init__(self, progress: Progress = Progress()) -> None:  # noqa: B008 -- immutable
        self._resumed = progress
        self._position = progress.resume_after
        self._roots: dict[str, _Root] = {}
        self._over: set[str] = set()

    @property
    def progress(self) -> Progress:
        """What to begin a later one with, once everything given out has arrived."""
        not_met_again = {
            run_id: first for run_id, first in self._resumed.open.items() if first > self._position
        }
        return Progress(
            position=max(self._position, self._resumed.position),
            open=not_met_again | {run_id: root.first for run_id, root in self._roots.items()},
        )

    def add(self, event: Event) -> list[Event]:
        """Take *event* and return the events that can now be handed on."""
        self._position = max(self._position, event.seq)
        if isinstance(event, Gap):
            return [event] if event.seq > self._resumed.position else []
        if event.seq <= self._resumed.position and event.root_run_id not in self._resumed.open:
            return []
        if event.root_run_id in self._over:
            return [event]
        return self._gathered(event)

    def ended(self) -> Iterator[list[Event]]:
        """Yield the runs whose root has ended while runs below it have not: nobody waits for those."""
        for run_id in [run_id for run_id, root in self._roots.items() if root.ended]:
            yield self._give_out(run_id)

    def unfinished(self) -> list[Event]:
        """Return the events of the runs that are not over, and keep them."""
        return [event for root in self._roots.values() for event in root.events]

    def _gathered(self, event: RunEvent) -> list[Event]:
        root = self._roots.get(event.root_run_id)
        if root is None and not isinstance(event, RunStarted):
            self._over.add(event.root_run_id)  # its beginning was handed on before, or is gone
            return [event]
        if root is None:
            root = self._roots[event.root_run_id] = _Root(event.seq)
        root.events.append(event)
        if isinstance(event, RunStarted):
            root.open.add(event.run_id)
        elif isinstance(event, RunEnded):
            root.open.discard(event.run_id)
            root.ended |= event.run_id == event.root_run_id
            if root.ended and not root.open:
                return self._give_out(event.root_run_id)
        return []

    def _give_out(self, run_id: str) -> list[Event]:
        self._over.add(run_id)
        return self._roots.pop(run_id).events
