"""Rows of cells as lines of a given width: the columns that fit, and a waterfall where there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rich.text import Text

from tracebus_exporters.console._bar import bar
from tracebus_exporters.console._styles import DIM, STATUS_STYLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus.signs import Glyphs
    from tracebus_exporters.console._bar import Scale
    from tracebus_exporters.console._cells import Cells

SMALLEST_BAR: Final = 12
_LARGEST_BAR: Final = 48
_COMFORTABLE_NAME: Final = 30
_SMALLEST_NAME: Final = 18
_BETWEEN: Final = 2

_HEADINGS: Final = {"time": "TIME", "ttft": "TTFT", "tokens": "TOKENS", "rate": "T/S", "cost": "COST"}
_STYLES: Final = {"time": "", "ttft": DIM, "tokens": "green", "rate": DIM, "cost": "yellow"}
_GIVEN_UP_FIRST: Final = ("rate", "ttft", "cost", "tokens")


class Layout(NamedTuple):
    """How wide what is. A column absent from `figures` is not drawn."""

    label: int
    figures: dict[str, int]
    bar: int

    @property
    def needs_heading(self) -> bool:
        """Return whether a column does not explain itself, as `$0.03` and `3.1s` do."""
        return "ttft" in self.figures or "rate" in self.figures


def layout_of(rows: Sequence[Cells], width: int, *, with_bar: bool) -> Layout:
    """Return the layout that shows *rows* best on *width* cells.

    Columns nobody fills are left out; where it is narrow, names give way first, then the rarer figures. A bar
    is worth more than the rate of tokens.
    """
    label = max((row.label.cell_len for row in rows), default=0)
    columns = _columns(rows)
    while columns and width - _taken(columns) < min(label, _SMALLEST_NAME):
        given_up = next((name for name in _GIVEN_UP_FIRST if name in columns), "time")
        del columns[given_up]
    if with_bar and not _bar_fits(label, width, columns) and "rate" in columns:
        without = {name: wide for name, wide in columns.items() if name != "rate"}
        columns = without if _bar_fits(label, width, without) else columns
    room = width - _taken(columns)
    if not with_bar or not _bar_fits(label, width, columns):
        return Layout(min(label, room), columns, 0)
    cells = min(_LARGEST_BAR, max(SMALLEST_BAR, room - label - _BETWEEN))
    return Layout(min(label, room - cells - _BETWEEN), columns, cells)


def heading(layout: Layout, scale: str) -> Text:
    """Return the line that names the columns."""
    line = Text().append("RUN".ljust(layout.label), DIM)
    for name, wide in layout.figures.items():
        line.append(" " * _BETWEEN + _HEADINGS[name].rjust(wide), DIM)
    if layout.bar:
        line.append(" " * _BETWEEN + "0" + scale.rjust(layout.bar - 1), DIM)
    return line


def lines_of(row: Cells, layout: Layout, scale: Scale | None, glyphs: Glyphs, width: int) -> Iterator[Text]:
    """Yield the line of *row*, then its notes."""
    line = row.label.copy()
    line.truncate(layout.label, overflow="ellipsis", pad=True)
    for name, wide in layout.figures.items():
        style = STATUS_STYLE[row.status] if name == "time" and row.status != "ok" else _STYLES[name]
        line.append(" " * _BETWEEN).append(getattr(row, name).rjust(wide), style)
    if scale is not None and row.span is not None and layout.bar:
        line.append(" " * _BETWEEN).append_text(_drawn(row, row.span, scale, glyphs))
    line.rstrip()
    yield line
    for note in row.notes:
        note.truncate(width, overflow="ellipsis")
        yield note


def _columns(rows: Sequence[Cells]) -> dict[str, int]:
    """Return the columns somebody fills, with the width they need."""
    columns = {}
    for name, title in _HEADINGS.items():
        widest = max((len(getattr(row, name)) for row in rows), default=0)
        if widest:
            columns[name] = max(widest, len(title))
    return columns


def _bar_fits(label: int, width: int, columns: dict[str, int]) -> bool:
    room = width - _taken(columns) - _BETWEEN
    return room - min(label, _COMFORTABLE_NAME) >= SMALLEST_BAR


def _taken(columns: dict[str, int]) -> int:
    return sum(wide + _BETWEEN for wide in columns.values())


def _drawn(row: Cells, span: tuple[int, int | None, int], scale: Scale, glyphs: Glyphs) -> Text:
    before, wait, mark, work = bar(*span, scale, glyphs)
    style = "blue" if row.status == "ok" else STATUS_STYLE[row.status]
    return Text(before).append(wait, DIM).append(mark, "bold yellow").append(work, style)
