"""Which columns fit, and how wide they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tracebus_tui.drawing._cells import fit, right

if TYPE_CHECKING:
    from tracebus_tui.drawing._cells import Span

_WIDE, _MIDDLE, _NARROW = 110, 72, 50
_MOST_NAME = 72


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


def heading(columns: Columns, order: str) -> list[Span]:
    """Return the line above the rows."""
    name = fit(" RUN" if order == "start" else f" RUN by {order}", columns.name)
    titles = zip(("TIME", "TTFT", "TOK i→o", "t/s", "COST"), columns[1:6], strict=True)
    cells = [right(title, width) for title, width in titles if width]
    if columns.bar:
        middle = "run time"
        inside = f"0{middle:^{max(0, columns.bar - 4)}}end"
        cells.append(fit(inside, columns.bar))
    return [(" ".join([name, *cells]), "heading")]
