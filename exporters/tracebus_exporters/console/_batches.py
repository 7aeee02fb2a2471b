"""Runs of one batch call, gathered until the last has ended."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from rich.text import Text

from tracebus.tree import RunStatus
from tracebus_exporters.console._cells import batch_cells, error_text, spread
from tracebus_exporters.console._glyphs import DIM, STATUS_STYLE

if TYPE_CHECKING:
    from tracebus.tree import BatchGroup, RunNode
    from tracebus_exporters.console._cells import Cells
    from tracebus_exporters.console._glyphs import Glyphs

_TROUBLE = 5
"""So many runs that did not end well are named."""


class Gathered:
    """What is kept of a batch's runs: enough for its summary, and no run."""

    def __init__(self, group: BatchGroup) -> None:
        self.group = group
        self._durations: list[float] = []
        self._trouble: list[tuple[RunStatus, int, RunNode]] = []
        self._more_trouble = 0

    def add(self, root: RunNode) -> None:
        """Note the ended *root*."""
        if root.duration is not None:
            self._durations.append(root.duration)
        if root.status is RunStatus.OK:
            return
        if len(self._trouble) < _TROUBLE:
            self._trouble.append((root.status, root.batch.index if root.batch else 0, root))
        else:
            self._more_trouble += 1

    def cells(self, glyphs: Glyphs) -> Cells:
        """Return the batch as one row with its notes."""
        notes = [Text("   ").append_text(self._spread())] if self._durations else []
        notes += [self._note(status, index, root, glyphs) for status, index, root in self._trouble]
        if self._more_trouble:
            notes.append(Text().append(f"   … {self._more_trouble:,} more that did not end well", DIM))
        return batch_cells(self.group, self.group.name, notes, glyphs)

    def _spread(self) -> Text:
        return spread((min(self._durations), median(self._durations), max(self._durations)))

    @staticmethod
    def _note(status: RunStatus, index: int, root: RunNode, glyphs: Glyphs) -> Text:
        note = Text("   ").append(f"{glyphs.status[status]} ", STATUS_STYLE[status]).append(f"#{index} ", DIM)
        return note.append_text(error_text(root.error) if root.error is not None else Text(status.value))
