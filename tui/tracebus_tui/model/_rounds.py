"""The rounds of a long agent: its first one and its last two stay, those between are one row."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tracebus.tree import RunNode
from tracebus_tui.model._calm import ALIKE, due, likeness, nodes_of
from tracebus_tui.model._row import Loop, Row, Together

if TYPE_CHECKING:
    from collections.abc import Collection

    from tracebus_tui.model._rows import Rows

ROUNDS: Final = 20
"""So many siblings that repeat a few names are the rounds of a loop."""
_MOST_NAMES: Final = 8


class Rounds:
    """Folds the middle of a loop, as the page does: what ended well, from `ALIKE` neighbours on."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def fold(self, rows: list[Row], now: int, spared: Collection[Row]) -> tuple[list[Row], int | None]:
        """Return *rows*, siblings, with the middle folded; and when to look again, `None` for never."""
        loop = next((one for row in rows if (one := _loop_in(row)) is not None), None) or _loop_of(rows)
        if loop is None:
            return rows, None
        first, last = len(loop.names), len(rows) - 2 * len(loop.names)
        while last > first and likeness(rows[last]) != loop.first:
            last -= 1
        if last <= first:
            return rows, None
        told, crowd = rows[:first], list[Row]()
        again: int | None = None
        for row in rows[first:last]:
            when = due(row, now, spared) if likeness(row) in loop.names else None
            if _loop_in(row) is not None or (when is not None and when <= now):
                crowd.append(row)
                continue
            if when is not None:
                again = when if again is None else min(again, when)
            told += self._folded(crowd, loop)
            crowd = []
            told.append(row)
        told += self._folded(crowd, loop)
        return [*told, *rows[last:]], again

    def release(self, row: Row, fold: Row, above: Row, loop: Loop) -> None:
        """Take *row* out of *fold*, to stand where it stood."""
        before, after, place = fold.kids[: row.place], fold.kids[row.place + 1 :], fold.place
        _detach(fold)
        here = [
            *self._folded(before, loop, opened=fold.open),
            row,
            *self._folded(after, loop, opened=fold.open),
        ]
        self._rows.replace(above, [*above.kids[:place], *here, *above.kids[place + 1 :]], place)

    def _folded(self, crowd: list[Row], loop: Loop, *, opened: bool = False) -> list[Row]:
        """Return *crowd*, runs and rows of rounds side by side, as one row where that is called for."""
        folds = [row for row in crowd if _loop_in(row) is not None]
        members = [member for row in crowd for member in (row.kids if row in folds else [row])]
        if len(members) < ALIKE or (len(crowd) == 1 and folds):
            return crowd
        for row in crowd:
            row.calm = True
            if row not in folds and row.kids:
                self._rows.set_open(row, False)
        opened = opened or any(fold.open for fold in folds)
        group = folds[0] if folds else Row(Together(loop=loop), open=opened)
        for other in folds[1:]:
            _detach(other)
        together = group.item
        assert isinstance(together, Together)
        together.row = group
        if group is crowd[0] and len(folds) == 1:
            together.add(nodes_of(crowd[1:]))
        else:
            together.become(nodes_of(members))
        self._rows.replace(group, members, len(group.kids) if group is crowd[0] else 0)
        self._rows.set_open(group, opened)
        return [group]


def _loop_in(row: Row) -> Loop | None:
    """Return of which loop *row* is the middle."""
    return row.item.loop if isinstance(row.item, Together) else None


def _loop_of(rows: list[Row]) -> Loop | None:
    """Return the loop that *rows* are the rounds of."""
    if len(rows) < ROUNDS:
        return None
    names = Counter(likeness(row) for row in rows if isinstance(row.item, RunNode))
    repeated = frozenset(name for name, times in names.items() if times > 2)  # noqa: PLR2004 - twice is chance
    if not repeated or len(names) > _MOST_NAMES:
        return None
    first = likeness(rows[0]) if isinstance(rows[0].item, RunNode) else next(iter(repeated))
    return Loop(first, repeated)


def _detach(fold: Row) -> None:
    """Let *fold* go; it still knows its members, so that a cursor on it finds to one of them."""
    fold.parent = None
    if isinstance(fold.item, Together):
        fold.item.row = None
