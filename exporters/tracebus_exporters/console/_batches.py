"""Runs of one batch call, gathered until the last has ended."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from rich.text import Text

from tracebus.tree import RunStatus
from tracebus_exporters.console._cells import batch_cells, error_text, spread
from tracebus_exporters.console._styles import DIM, STATUS_STYLE

if TYPE_CHECKING:
    from tracebus.signs import Glyphs
    from tracebus.tree import BatchGroup, RunNode
    from tracebus_exporters.console._cells import Cells

_TROUBLE = 5
"""So many runs that did not end well are named."""


class Gathered:
    """What is kept of a batch's runs: enough for its summary, and no run."""

    def __init__(self, group: BatchGroup) -> None:
        self.group = group
        self._durations: list[float] = []
        self._model_calls: list[float] = []
        self._slowest: tuple[float, int] = (0.0, 0)
        self._trouble: list[tuple[RunStatus, int, RunNode]] = []
        self._more_trouble = 0

    def add(self, root: RunNode) -> None:
        """Note the ended *root*."""
        if root.duration is not None:
            self._durations.append(root.duration)
            self._slowest = max(self._slowest, (root.duration, root.batch.index if root.batch else 0))
        if not root.is_model:
            calls = (node.duration for node in root.walk() if node.is_model)
            self._model_calls += [duration for duration in calls if duration is not None]
        if root.status is RunStatus.OK:
            return
        if len(self._trouble) < _TROUBLE:
            self._trouble.append((root.status, root.batch.index if root.batch else 0, root))
        else:
            self._more_trouble += 1

    def cells(self, glyphs: Glyphs) -> Cells:
        """Return the batch as one row with its notes."""
        notes = [Text("   ").append_text(self._spread())] if self._durations else []
        if len(self._model_calls) > 1:
            calls = spread(_spread_of(self._model_calls))
            notes.append(
                Text("   ").append(f"{len(self._model_calls):,} model calls, ", DIM).append_text(calls)
            )
        notes += [self._note(status, index, root, glyphs) for status, index, root in self._trouble]
        if self._more_trouble:
            notes.append(Text().append(f"   … {self._more_trouble:,} more that did not end well", DIM))
        return batch_cells(self.group, self.group.name, notes, glyphs)

    def _spread(self) -> Text:
        each = spread(_spread_of(self._durations))
        return each.append(f", slowest #{self._slowest[1]}", DIM) if len(self._durations) > 1 else each

    @staticmethod
    def _note(status: RunStatus, index: int, root: RunNode, glyphs: Glyphs) -> Text:
        note = Text("   ").append(f"{glyphs.status[status]} ", STATUS_STYLE[status]).append(f"#{index} ", DIM)
        return note.append_text(error_text(root.error) if root.error is not None else Text(status.value))


def _spread_of(durations: list[float]) -> tuple[float, float, float]:
    return min(durations), median(durations), max(durations)
