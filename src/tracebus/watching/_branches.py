"""Whether one run could know of another: what began before the other's branch was over could not."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracebus.events import RunEnded, RunStarted

__all__ = ["Branch", "Branches"]

Branch = tuple[tuple[str, int], ...]
"""A run and the runs around it, innermost first, each with the time it began."""

_DEEPEST = 256
"""Levels that are looked at, from a run upwards."""
_MOST_ENDED = 4_096


class Branches:
    """Remembers when runs that matter ended, of all that are *open_runs* now or were."""

    def __init__(self, open_runs: Mapping[str, RunStarted]) -> None:
        self._open = open_runs
        self._ended: dict[str, int] = {}

    def of(self, start: RunStarted) -> Branch:
        """Return the branch of a run whose parents are open."""
        branch = [(start.run_id, start.time)]
        above = start.parent_run_id
        while above is not None and len(branch) < _DEEPEST and (run := self._open.get(above)) is not None:
            branch.append((run.run_id, run.time))
            above = run.parent_run_id
        return tuple(branch)

    def note_end(self, event: RunEnded) -> None:
        """Remember when a run ended; the oldest are forgotten, and are then taken to be over."""
        self._ended[event.run_id] = event.time
        if len(self._ended) > _MOST_ENDED:
            del self._ended[next(iter(self._ended))]

    def knows(self, later: Branch, earlier: Branch) -> bool:
        """Tell whether *later* began when *earlier* was over, each the branch below what is around both."""
        below = {around: run for (run, _), (around, _) in pairwise(earlier)}
        for (_, began), (around, _) in pairwise(later):
            if around in below:
                return began >= self._end_of(below[around])
        return True

    def _end_of(self, run_id: str) -> float:
        return float("inf") if run_id in self._open else self._ended.get(run_id, 0)
