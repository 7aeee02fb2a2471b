"""Which columns fit, and how wide they are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from tracebus_tui.drawing._cells import fit, right

if TYPE_CHECKING:
    from tracebus_tui.drawing._cells import Span
    from tracebus_tui.model import Window

_WIDE, _MIDDLE, _NARROW = 110, 72, 50
_MOST_NAME = 72
_MINUTE, _HOUR = 60, 3600


class Columns(NamedTuple):
    """The widths of the columns; 0 leaves one out. Between two of them is a blank."""

    name: int
    time: int
    first: int
    tokens: int
    rate: int
    cost: int
    bar: int

    @property
    def total(self) -> int:
        """Return the width of a row."""
        shown = [width for width in self if width]
        return sum(shown) + len(shown) - 1


def columns_for(width: int) -> Columns:
    """Return the columns for rows of *width* cells. The waterfall goes last, the cost first."""
    if width >= _WIDE:
        fixed = (7, 6, 11, 5, 8)
        share = 0.28
    elif width >= _MIDDLE:
        fixed, share = (7, 0, 10, 4, 0), 0.2
    elif width >= _NARROW:
        fixed, share = (7, 0, 0, 0, 0), 0.25
    else:
        return Columns(max(1, width - 8), 7, 0, 0, 0, 0, 0)
    bar = round(width * share)
    blanks = sum(1 for column in fixed if column) + 1
    name = min(_MOST_NAME, width - sum(fixed) - bar - blanks)
    bar = width - sum(fixed) - name - blanks
    return Columns(name, *fixed, bar)


def figures(
    columns: Columns,
    *,
    took: Span,
    first: str = "",
    tokens: str = "",
    rate: Span = ("", ""),
    cost: str = "",
) -> list[Span]:
    """Return the cells of the columns of figures that are there, each after a blank."""
    cells: tuple[tuple[int, Span], ...] = (
        (columns.time, took),
        (columns.first, (first, "faint")),
        (columns.tokens, (tokens, "tokens")),
        (columns.rate, rate),
        (columns.cost, (cost, "cost")),
    )
    return [(" " + right(text, width), style) for width, (text, style) in cells if width]


def heading(
    columns: Columns,
    order: str,
    *,
    arrow: str = "→",
    path: Span | None = None,
    window: Window | None = None,
) -> list[Span]:
    """Return the line above the rows, with *path*, what the first of them is under, in its first column."""
    name = fit(" RUN" if order == "start" else f" RUN by {order}", columns.name)
    titles = zip(("TIME", "TTFT", f"TOK i{arrow}o", "t/s", "COST"), columns[1:6], strict=True)
    cells = [right(title, width) for title, width in titles if width]
    if columns.bar:
        cells.append(fit(_scale_of(columns.bar, window), columns.bar))
    if path is None:
        return [(" ".join([name, *cells]), "heading")]
    text, style = path
    return [(fit(text, columns.name), style), (" " + " ".join(cells) if cells else "", "heading")]


def _scale_of(cells: int, window: Window | None) -> str:
    """Return what the bars' ends mean."""
    if window is None:
        start, middle, end = "0", "run time", "end"
    elif window.live:
        start, middle, end = f"-{_length(window.seconds)}", "wall clock", "now"
    else:
        clock = time.strftime("%H:%M:%S", time.localtime(window.start / 1e9))
        start, middle, end = clock, "wall clock", f"+{_length(window.seconds)}"
    room = max(0, cells - len(start) - len(end))
    if window is not None and room < len(middle) + 2:
        middle = middle[:4] if room > len("wall") + 1 else ""
    return f"{start}{middle:^{max(0, room)}}{end}"


def _length(seconds: int) -> str:
    if seconds < _MINUTE:
        return f"{seconds}s"
    return f"{seconds // _MINUTE}m" if seconds < _HOUR else f"{seconds // _HOUR}h"
