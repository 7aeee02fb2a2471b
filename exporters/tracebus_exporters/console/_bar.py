"""The waterfall: when, within its root run, a run was at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tracebus.signs import Glyphs
    from tracebus.tree import RunNode


class Scale(NamedTuple):
    """A stretch of time on so many cells."""

    start: int
    end: int
    cells: int

    @property
    def seconds(self) -> float:
        """Return how long the stretch is."""
        return (self.end - self.start) / 1e9

    def cell(self, time: int) -> int:
        """Return the cell in which *time* (ns since the epoch) falls."""
        span = max(1, self.end - self.start)
        return min(self.cells - 1, max(0, (time - self.start) * self.cells // span))


def scale_of(root: RunNode, cells: int) -> Scale:
    """Return the scale of *root*'s whole tree on *cells* cells."""
    start = root.started_at or 0
    end = max((node.ended_at or node.last_at for node in root.walk()), default=start)
    return Scale(start, end, cells)


def bar(
    start: int, first_token: int | None, end: int, scale: Scale, glyphs: Glyphs
) -> tuple[str, str, str, str]:
    """Return a bar's cells: the blank before it, the wait, the first token's mark, the work.

    The wait and the mark are empty where nothing was streamed.
    """
    first, last = scale.cell(start), scale.cell(max(start, end - 1))
    if first_token is None:
        return " " * first, "", "", glyphs.work * (last - first + 1)
    mark = min(last, max(first, scale.cell(first_token)))
    return " " * first, glyphs.wait * (mark - first), glyphs.token, glyphs.work * (last - mark)
