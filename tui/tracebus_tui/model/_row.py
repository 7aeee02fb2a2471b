"""What runs that are folded into one row add up to."""

from __future__ import annotations

from bisect import bisect_left, insort
from itertools import count
from typing import TYPE_CHECKING

from tracebus.tree import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.events import RunKind
    from tracebus.tree import RunNode
    from tracebus_tui.model._rows import Row

_ids = count(1)
_FEW = 32
"""So many runs are put in their place one by one; more are sorted in."""


class Together(Totals):
    """Finished runs shown as one. Kept up to date by what folds them; a run more costs O(log n).

    Attributes:
        id: tells it from others in this process.
        name: the name all its runs share; empty for root runs of any name.
        kind: likewise their kind; `None` for root runs of any kind.
        seconds: how long they ran, added up.
        started_at, ended_at: when the first began and the last ended, in nanoseconds since the epoch.
        version: rises with every change.
        row: the row it is shown in; `None` where it has been taken apart.
    """

    __slots__ = (
        "_counters",
        "_durations",
        "ended_at",
        "id",
        "kind",
        "name",
        "row",
        "seconds",
        "started_at",
        "version",
    )

    def __init__(self, name: str = "", kind: RunKind | None = None) -> None:
        self.id = f"together {next(_ids)}"
        self.name = name
        self.kind = kind
        self.row: Row | None = None
        self.version = 0
        self.seconds = 0.0
        self.started_at = 0
        self.ended_at = 0
        self._counters = 0
        self._durations: list[float] = []

    @property
    def title(self) -> str:
        """Return what to call them where there is no room for more."""
        return self.name if self.kind is not None else f"{len(self):,} finished ok"

    def __len__(self) -> int:
        """Return how many runs they are."""
        return len(self._durations)

    def __bool__(self) -> bool:
        """Return that it is something, however few runs are left."""
        return True

    @property
    def counters(self) -> int:
        """Return the packed counters of all its runs and their descendants."""
        return self._counters

    @property
    def durations(self) -> tuple[float, ...]:
        """Return how long each run took, in seconds, the shortest first."""
        return tuple(self._durations)

    def percentile(self, share: float) -> float:
        """Return the seconds within which *share* (0 to 1) of the runs were done; 0 without any."""
        ordered = self._durations
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def add(self, nodes: Iterable[RunNode]) -> None:
        """Take finished runs in."""
        durations: list[float] = []
        for node in nodes:
            durations.append(node.duration or 0.0)
            self._counters += node.counters
            self._stretch(node.started_at or node.last_at, node.ended_at or node.last_at)
        self._sort_in(durations)

    def merge(self, other: Together) -> None:
        """Take all runs of *other* in."""
        self._counters += other.counters
        self._stretch(other.started_at, other.ended_at)
        self._sort_in([*other.durations])

    def discard(self, nodes: Iterable[RunNode], started_at: int) -> None:
        """Let go runs that have not changed since they were taken in; *started_at* is when the rest began."""
        for node in nodes:
            took = node.duration or 0.0
            del self._durations[bisect_left(self._durations, took)]
            self.seconds -= took
            self._counters -= node.counters
        self.started_at = started_at
        self.version += 1

    def become(self, nodes: Iterable[RunNode]) -> None:
        """Be the sum of *nodes* and nothing else; costs O(n)."""
        self.seconds = 0.0
        self.started_at = 0
        self.ended_at = 0
        self._counters = 0
        self._durations.clear()
        self.add(nodes)

    def _stretch(self, started_at: int, ended_at: int) -> None:
        self.started_at = min(self.started_at or started_at, started_at)
        self.ended_at = max(self.ended_at, ended_at)

    def _sort_in(self, durations: list[float]) -> None:
        self.version += 1
        self.seconds += sum(durations)
        if len(durations) > _FEW:
            self._durations += durations
            self._durations.sort()
        else:
            for took in durations:
                insort(self._durations, took)
