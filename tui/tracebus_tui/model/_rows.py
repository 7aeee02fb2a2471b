"""Which run stands on which line: an index of rows that can be folded."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING

from tracebus_tui.model._row import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


_height = attrgetter("height")


class Rows:
    """All rows, by line number and back.

    A change is noted with the rows it is under, up to one that is noted already: O(1) for each of many in one
    place, however deep. Whoever asks for lines has the heights told, each row once; an answer costs O(depth).
    """

    def __init__(self) -> None:
        self.top = Row(None)
        self.top.height = 0
        self.version = 0
        """Rises with every change of the order or the number of lines."""

    def __len__(self) -> int:
        self._catch_up(self.top)
        return self.top.inner

    def add(self, row: Row, parent: Row | None = None) -> None:
        """Put *row*, with what is below it, last under *parent*."""
        above = parent or self.top
        kids = above.kids
        self._catch_up(row)
        row.untold = 0
        row.parent = above
        row.place = len(kids)
        kids.append(row)
        self._grow(above, row.height)

    def remove(self, row: Row) -> None:
        """Take *row* out with what is below it."""
        above = row.parent
        if above is None:
            return
        self._catch_up(above)
        del above.kids[row.place]
        for place in range(row.place, len(above.kids)):
            above.kids[place].place = place
        above.forget_offsets(row.place)
        row.parent = None
        self._grow(above, -row.height)

    def keep(self, wanted: Callable[[Row], bool], above: Row | None = None) -> list[Row]:
        """Drop every row directly below *above*, or at the top, that is not *wanted*; return the dropped."""
        above = above or self.top
        gone = [row for row in above.kids if not wanted(row)]
        if gone:
            first = gone[0].place
            for row in gone:
                row.parent = None
            self.replace(above, [row for row in above.kids if row.parent is above], first)
        return gone

    def sort(self, key: Callable[[Row], Any], *, reverse: bool) -> None:
        """Bring the top rows into the order of *key*."""
        self.replace(self.top, sorted(self.top.kids, key=key, reverse=reverse))

    def replace(self, above: Row, kids: list[Row], first: int = 0) -> None:
        """Give *above* these *kids* instead of its own; those before number *first* stay where they are.

        Costs what it takes to number the rows from *first* on. What is in no list any more has no parent
        either: the caller sees to that.
        """
        self._catch_up(above)
        above.kids = kids
        for place in range(first, len(kids)):
            row = kids[place]
            if row.noted and row.parent is not None:  # where it comes from
                self._catch_up(row.parent)
            self._catch_up(row)
            row.untold = 0  # its height is counted whole
            row.place = place
            row.parent = above
        above.forget_offsets(first)
        self._grow(above, sum(map(_height, kids)) - above.inner)

    def set_open(self, row: Row, opened: bool) -> None:  # noqa: FBT001 - the value to set
        """Show or hide what is below *row*."""
        if row.open == opened or row is self.top:
            return
        self._catch_up(row)
        row.open = opened
        self.version += 1
        self._note(row, row.inner if opened else -row.inner)

    def at(self, line: int) -> Row:
        """Return the row on *line*, from 0.

        Raises:
            IndexError: there is no such line.
        """
        if not 0 <= line < len(self):  # which catches up
            raise IndexError(f"line {line} of {len(self)}")
        row = self.top
        while True:
            if len(row.kids) == 1:
                row = row.kids[0]
            else:
                offsets = row.offsets()
                place = bisect_right(offsets, line) - 1
                line -= offsets[place]
                row = row.kids[place]
            if line == 0:
                return row
            line -= 1

    def line_of(self, row: Row) -> int:
        """Return the line *row* is on; of a hidden row, the line of the closed row it is in."""
        self._catch_up(self.top)
        line = 0
        while row.parent is not None:
            above = row.parent
            if not above.open:
                line = 0
            elif above is not self.top:
                line += above.offsets()[row.place] + 1 if row.place else 1
            elif row.place:
                line += above.offsets()[row.place]
            row = above
        return line

    def shown(self, row: Row) -> Row:
        """Return *row*, or the closed row that hides it."""
        found, above = row, row.parent
        while above is not None:
            if not above.open:
                found = above
            above = above.parent
        return found

    def window(self, line: int, height: int) -> list[Row]:
        """Return the rows of at most *height* lines from *line* on."""
        if not 0 <= line < len(self) or height <= 0:
            return []
        rows = [self.at(line)]
        while len(rows) < height and (following := _next(rows[-1])) is not None:
            rows.append(following)
        return rows

    def depths(self, window: list[Row]) -> list[int]:
        """Return how many rows each of *window*, rows on lines that follow one another, is indented under."""
        depths: list[int] = []
        before: Row | None = None
        for row in window:
            if before is None:
                depth = row.depth
            elif row.parent is before:
                depth += 1
            else:
                while before is not None and before.parent is not row.parent:
                    before = before.parent
                    depth -= 1
            depths.append(depth)
            before = row
        return depths

    def __iter__(self) -> Iterator[Row]:
        """Yield every row, hidden ones too, parents first."""
        pending = list(reversed(self.top.kids))
        while pending:
            row = pending.pop()
            yield row
            pending.extend(reversed(row.kids))

    def _grow(self, row: Row, change: int) -> None:
        """Count *change* lines more directly below *row*."""
        self.version += 1
        row.inner += change
        if row.open:
            self._note(row, change)

    def _note(self, row: Row, change: int) -> None:
        """Note that *row*, with what is shown below it, takes *change* lines more."""
        if row is self.top:
            return
        row.height += change
        row.untold += change
        while not row.noted and (above := row.parent) is not None:
            row.noted = True
            if above.news is None:
                above.news = []
            above.news.append(row)
            if not above.open:
                return
            row = above

    def _catch_up(self, row: Row) -> None:
        """Have *row* hear of all lines that came and went below it."""
        if row.news is None:
            return
        waiting = [row]
        for above in waiting:  # grows on the way
            if above.news is not None:
                waiting += above.news
        for above in reversed(waiting):
            if above.news is not None:
                self._hear(above, above.news)

    def _hear(self, above: Row, news: list[Row]) -> None:
        """Count the lines that came and went below *above*'s kids in *news*."""
        lines = 0
        for kid in news:
            lines += kid.untold
            above.forget_offsets(kid.place + 1)
            kid.untold = 0
            kid.noted = False
        above.news = None
        above.inner += lines
        if above.open and above is not self.top:
            above.height += lines
            above.untold += lines


def _next(row: Row) -> Row | None:
    """Return the row on the line after *row*'s."""
    if row.open and row.kids:
        return row.kids[0]
    while row.parent is not None:
        if not row.last:
            return row.parent.kids[row.place + 1]
        row = row.parent
    return None
