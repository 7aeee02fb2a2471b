"""Root runs that ended well, many side by side, as one row: `≡ 3,380 finished ok`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tracebus_tui.model._calm import kept_out, nodes_of
from tracebus_tui.model._row import Row, Together

if TYPE_CHECKING:
    from collections.abc import Collection

    from tracebus_tui.model._rows import Rows

QUIET: Final = 20
"""Fewer neighbours are no crowd."""
NEWEST: Final = 10
"""So many rows at the end of the list stay as they are, that it does not jump under who watches it."""
_MANY = 64
"""More rows than this at a time are looked at in one go."""


class Quiet:
    """Keeps neighbouring root rows that are calm, closed and not spared folded, from `QUIET` of them on.

    Looks only at rows that were offered, at those it had to leave out, and at their neighbours; where
    something folds, at the rows after it too. A group never grows smaller than `QUIET`, except that
    runs leave the view.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._offered: list[Row] = []
        self._aside: dict[Row, None] = {}
        """Calm rows that could not join: spared, opened, or among the newest."""
        self._spared: Collection[Row] = ()
        """Those of the last time, which may not be any more."""
        self._enabled = True
        self._all = False

    def offer(self, row: Row) -> None:
        """Note that *row*, at the top, became calm."""
        self._offered.append(row)

    def look_again(self) -> None:
        """Look at all rows with the next `tidy`."""
        self._all = True

    def enable(self, *, enabled: bool) -> None:
        """Take all groups apart, or form them again: neighbours mean something in the order of time only."""
        if enabled == self._enabled:
            return
        self._enabled = enabled
        if enabled:
            self.look_again()
        else:
            self._dissolve()

    def tidy(self, spared: Collection[Row]) -> None:
        """Fold what there is to fold."""
        offered = [*self._offered, *self._aside, *self._spared]
        self._offered.clear()
        self._spared = spared
        if not self._enabled:
            return
        if self._all:
            self._all = False
            self._aside.clear()
            self._regroup(0, spared)
        elif offered:
            self._aside.clear()
            self._join(offered, spared)

    def release(self, row: Row) -> None:
        """Take *row* out of its group, to stand where it stood; what is left of a small group does too."""
        group = row.parent
        if group is None or not isinstance(group.item, Together):
            return
        parts = (group.kids[: row.place], group.kids[row.place + 1 :])
        larger = max(parts, key=len)
        here: list[Row] = []
        for part in parts:
            if part is parts[1]:
                here.append(row)
            if len(part) < QUIET:
                here += part
            elif part is larger:
                self._rows.replace(group, part)
                group.item.become(nodes_of(part))
                here.append(group)
            else:
                here.append(self._grouped(part, opened=group.open))
        top, place = self._rows.top, group.place
        if group not in here:
            _detach(group)
        self._rows.replace(top, [*top.kids[:place], *here, *top.kids[place + 1 :]], place)
        self._aside.update((one, None) for one in here if one.calm)

    # How it is done.

    def _join(self, offered: list[Row], spared: Collection[Row]) -> None:
        """Fold those of *offered* that stand in a crowd or beside a group."""
        top = self._rows.top
        limit = len(top.kids) - NEWEST
        ready: list[Row] = []
        for row in offered:
            if row.parent is not top or not row.calm:
                continue  # it left, is in a group, or stirred again
            if row.place < limit and _joins(row, spared):
                ready.append(row)
            else:
                self._aside[row] = None
        crowded = ready if len(ready) > _MANY else [row for row in ready if self._crowded(row, limit, spared)]
        if crowded:
            self._regroup(min(row.place for row in crowded), spared)

    def _crowded(self, row: Row, limit: int, spared: Collection[Row]) -> bool:
        """Tell whether *row* stands beside a group, or among enough that could be one."""
        kids = self._rows.top.kids
        count = 1
        for step in (-1, 1):
            place = row.place + step
            while 0 <= place < len(kids):
                near = kids[place]
                if isinstance(near.item, Together):
                    return True
                if place >= limit or not _joins(near, spared):
                    break
                count += 1
                if count >= QUIET:
                    return True
                place += step
        return False

    def _regroup(self, first: int, spared: Collection[Row]) -> None:
        """Fold every crowd from the one around row number *first* on."""
        top = self._rows.top
        kids = top.kids
        limit = len(kids) - NEWEST
        while first and (isinstance(kids[first - 1].item, Together) or _joins(kids[first - 1], spared)):
            first -= 1
        kept = kids[:first]
        crowd: list[Row] = []
        for place in range(first, len(kids)):
            row = kids[place]
            if isinstance(row.item, Together) or (place < limit and _joins(row, spared)):
                crowd.append(row)
                continue
            if crowd:
                kept += self._folded(crowd)
                crowd = []
            if row.calm:
                self._aside[row] = None
            kept.append(row)
        kept += self._folded(crowd)
        if len(kept) != len(kids):
            self._rows.replace(top, kept, first)

    def _folded(self, crowd: list[Row]) -> list[Row]:
        """Return *crowd*, rows and groups side by side, as one group where that is called for."""
        groups = [row for row in crowd if isinstance(row.item, Together)]
        if len(crowd) <= 1 or (not groups and len(crowd) < QUIET):
            return crowd
        if not groups:
            return [self._grouped(crowd)]
        group = groups[0]
        together = group.item
        assert isinstance(together, Together)
        members: list[Row] = []
        for row in crowd:
            members += row.kids if isinstance(row.item, Together) else [row]
        together.add(nodes_of(crowd))
        opened = group.open
        for other in groups[1:]:
            assert isinstance(other.item, Together)
            together.merge(other.item)
            opened = opened or other.open
            _detach(other)
        self._rows.replace(group, members, len(group.kids) if crowd[0] is group else 0)
        self._rows.set_open(group, opened)
        return [group]

    def _grouped(self, members: list[Row], *, opened: bool = False) -> Row:
        together = Together()
        group = together.row = Row(together, open=opened)
        together.add(nodes_of(members))
        self._rows.replace(group, members)
        return group

    def _dissolve(self) -> None:
        top = self._rows.top
        kept: list[Row] = []
        for row in top.kids:
            if isinstance(row.item, Together):
                kept += row.kids
                _detach(row)
            else:
                kept.append(row)
        self._aside.clear()
        self._rows.replace(top, kept)


def _joins(row: Row, spared: Collection[Row]) -> bool:
    return row.calm and not (row.open and row.kids) and not kept_out(row, spared)


def _detach(group: Row) -> None:
    """Let *group* go; it still knows its members, so that a cursor on it finds to one of them."""
    group.parent = None
    if isinstance(group.item, Together):
        group.item.row = None
