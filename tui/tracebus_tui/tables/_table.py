"""A table that can be sorted by any of its columns, and shows as many as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, overload

from tracebus_tui.detail import Line
from tracebus_tui.drawing import clean, cut, right, width

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from tracebus_tui.drawing import Span

T = TypeVar("T")
_GAP = 1
_LONGEST = 400


class Column(NamedTuple, Generic[T]):
    """A column: how to read it, and how important it is."""

    title: str
    cells: int
    """How wide; of the first column, how wide at least: it takes what is left."""
    value: Callable[[T], Any]
    """What stands there and what is sorted by; `None` is unknown, shown as nothing and sorted last."""
    show: Callable[[Any], str] = str
    sorts: bool = True
    descending: bool = True
    """Which way the first press sorts."""
    rank: int = 0
    """Columns of higher rank leave first where it is narrow."""
    style: str = "value"
    at_left: bool = False

    def text(self, thing: T) -> str:
        """Return what stands there for *thing*, as one line."""
        value = self.value(thing)
        return "" if value is None else clean(self.show(value)[:_LONGEST])


class Table(Generic[T]):
    """Things in an order, a line each.

    Args:
        columns: the first one is the widest, and always shown.
        who: tells things apart from one reading to the next.
        by: the title of the column that sorts at first.
        style: the style of a thing's first column.
        nothing: what is said where there are no things.
    """

    def __init__(
        self,
        columns: Sequence[Column[T]],
        *,
        who: Callable[[T], Hashable],
        by: str,
        style: Callable[[T], str],
        nothing: str,
    ) -> None:
        self._columns = columns
        self._who = who
        self._by = by
        self._reverse = False
        self._style = style
        self.nothing = nothing
        self.things: list[T] = []

    @property
    def order(self) -> str:
        """Return what it is sorted by, in words."""
        return f"{self._by.lower()}{', reversed' if self._reverse else ''}"

    def put(self, things: Iterable[T]) -> None:
        """Show *things*, sorted."""
        column = self._column(self._by)
        known: list[tuple[Any, T]] = []
        unknown: list[T] = []
        for thing in things:
            value = column.value(thing)
            if value is None:
                unknown.append(thing)
            else:
                known.append((value, thing))
        known.sort(key=lambda pair: pair[0], reverse=column.descending != self._reverse)
        self.things = [thing for _, thing in known] + unknown

    def sort_by_next(self, cells: int) -> None:
        """Sort by the next of the columns that a width of *cells* shows."""
        titles = [column.title for column in self._fitting(cells) if column.sorts]
        place = titles.index(self._by) if self._by in titles else -1
        self.sort_by(titles[(place + 1) % len(titles)])

    def sort_by(self, title: str) -> None:
        """Sort by that column; by the same again, the other way round."""
        if title == self._by:
            self.turn_round()
            return
        self._by, self._reverse = title, False
        self.put(self.things)

    def turn_round(self) -> None:
        """Turn the order round."""
        self._reverse = not self._reverse
        self.put(self.things)

    def who_at(self, line: int) -> Hashable:
        """Return what tells the thing on *line* apart; `None` where there is none."""
        return self._who(self.things[line]) if 0 <= line < len(self.things) else None

    def line_of(self, who: Hashable) -> int | None:
        """Return the line of the thing that *who* tells apart."""
        return next((line for line, thing in enumerate(self.things) if self._who(thing) == who), None)

    # Laying out.

    def heading(self, cells: int, signs: str = "▼▲") -> list[Span]:
        """Return the titles, the one that sorts with a sign for the way."""
        spans: list[Span] = []
        for column, room in self._widths(cells):
            sorts = column.title == self._by
            down = column.descending != self._reverse
            title = column.title + (signs[0 if down else 1] if sorts else "")
            text = _fitted(title, room, at_left=column.at_left, first=not spans)
            spans.append((text, "key" if sorts else "heading"))
        return spans

    def title_at(self, cells: int, x: int) -> str | None:
        """Return the title of the column at cell *x*, where it can be sorted by."""
        end = 0
        for column, room in self._widths(cells):
            end += room
            if x < end:
                return column.title if column.sorts else None
        return None

    def __call__(self, cells: int, *, wrap: bool) -> Sequence[Line]:  # noqa: ARG002 - a line each, whatever its length
        """Return the lines, which are drawn when they are looked at."""
        if not self.things:
            return [Line([(self.nothing, "faint")])]
        widths = self._widths(cells)
        return _Drawn(self.things, lambda thing: Line(self._spans(thing, widths)))

    def _spans(self, thing: T, widths: list[tuple[Column[T], int]]) -> list[Span]:
        return [
            (
                _fitted(column.text(thing), room, at_left=column.at_left, first=not number),
                column.style if number else self._style(thing),
            )
            for number, (column, room) in enumerate(widths)
        ]

    def _widths(self, cells: int) -> list[tuple[Column[T], int]]:
        shown = self._fitting(cells)
        first = cells - sum(column.cells + _GAP for column in shown[1:])
        return [
            (column, column.cells + _GAP if number else max(1, first)) for number, column in enumerate(shown)
        ]

    def _fitting(self, cells: int) -> list[Column[T]]:
        shown = list(self._columns)
        while len(shown) > 1 and shown[0].cells + sum(column.cells + _GAP for column in shown[1:]) > cells:
            others = [column for column in shown[1:] if column.title != self._by or len(shown) == 2]  # noqa: PLR2004 - it alone
            shown.remove(max(others, key=lambda column: column.rank))
        return shown

    def _column(self, title: str) -> Column[T]:
        return next(column for column in self._columns if column.title == title)


class _Drawn(Sequence[Line], Generic[T]):
    """Things as lines, each drawn when it is asked for."""

    def __init__(self, things: Sequence[T], draw: Callable[[T], Line]) -> None:
        self._things = things
        self._draw = draw

    def __len__(self) -> int:
        return len(self._things)

    @overload
    def __getitem__(self, number: int) -> Line: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Line]: ...
    def __getitem__(self, number: int | slice) -> Line | Sequence[Line]:
        if isinstance(number, slice):
            return [self._draw(thing) for thing in self._things[number]]
        return self._draw(self._things[number])


def _fitted(text: str, cells: int, *, at_left: bool, first: bool) -> str:
    if not at_left:
        return right(cut(text, cells), cells)
    text = cut(text, cells - _GAP)
    spare = " " * (cells - width(text) - _GAP)
    return f"{text}{spare} " if first else f" {text}{spare}"
