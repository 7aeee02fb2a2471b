"""What all rows of the list of runs are drawn with, and the signs before a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tracebus.tree import RunStatus
from tracebus_tui.drawing._glyphs import LETTERS
from tracebus_tui.drawing._waterfall import STYLE_OF_STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.tree import RunNode
    from tracebus_tui.drawing._cells import Span
    from tracebus_tui.drawing._columns import Columns
    from tracebus_tui.drawing._glyphs import Glyphs
    from tracebus_tui.model import Call, Row, Window


class Brush(NamedTuple):
    """What rows are drawn with."""

    columns: Columns
    glyphs: Glyphs
    now: int
    """Nanoseconds since the epoch."""
    tick: int
    """Turns the spinner."""
    window: Window | None = None
    """The stretch of time all bars are drawn on; each root run's own where there is none."""
    call: Callable[[RunNode], Call | None] | None = None
    """Tells which model call of its root run a run is; where there is nobody to tell, no number is shown."""


def guides(row: Row, limit: int, glyphs: Glyphs, depth: int | None = None) -> str:
    """Return the lines that lead to *row*; of deep ones only the last, after the depth as a number.

    *depth* is the row's, where that is known: finding out takes a step for every level.
    """
    parts: list[str] = []
    above = row.parent
    if above is None or above.item is None:
        return ""
    parts.append(glyphs.corner if row.last else glyphs.branch)
    most = max(1, limit // 2)
    while above.parent is not None and above.parent.item is not None:
        if len(parts) >= most:
            return f"{row.depth if depth is None else depth}{glyphs.ellipsis}" + "".join(reversed(parts))
        parts.append(glyphs.blank if above.last else glyphs.trunk)
        above = above.parent
    return "".join(reversed(parts))


def fold_sign(row: Row, glyphs: Glyphs) -> str:
    """Return the sign that says whether *row* is open; a blank where there is nothing below it."""
    if not row.kids:
        return " "
    return glyphs.opened if row.open else glyphs.closed


def state_span(status: RunStatus, brush: Brush) -> Span:
    """Return a state as sign and letter."""
    glyphs = brush.glyphs
    sign = glyphs.status[status]
    if status is RunStatus.RUNNING:
        sign = glyphs.spinner[brush.tick % len(glyphs.spinner)]
    return (sign + LETTERS[status], STYLE_OF_STATUS[status])
