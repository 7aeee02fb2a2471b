"""Folds runs that ended well by itself, so that the list shows what needs attention."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from tracebus.tree import BatchGroup, RunNode, RunStatus
from tracebus_tui.model._alike import Alike
from tracebus_tui.model._calm import FOLD_AFTER, is_calm
from tracebus_tui.model._quiet import Quiet
from tracebus_tui.model._row import Together

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tracebus_tui.model._row import Row
    from tracebus_tui.model._rows import Rows

_LAST: Final = 1 << 62


class Folding:
    """Folds what ended well: a root run, a crowd of them, siblings alike; orders the rows of a batch.

    Whoever takes events only notes here what happened; `tidy` does the rest, a few times a second.

    Attributes:
        ended: root rows that ended, with the time (ns since the epoch) from which they may fold.
        stirred: rows with many kids of which one ended, likewise.
        batches: rows of batches in which something began or ended.
        late: rows that came under a run that had ended.
        spared: gives the rows that must not be folded away: the cursor's, and pinned ones.
    """

    def __init__(self, rows: Rows) -> None:
        self.ended: deque[tuple[int, Row]] = deque()
        self.batches: set[Row] = set()
        self.late: list[Row] = []
        self.spared: Callable[[], Collection[Row]] = tuple
        self._rows = rows
        self._quiet = Quiet(rows)
        self._alike = Alike(rows)
        self.stirred = self._alike.stirred
        self._unsettled: deque[tuple[int, Row]] = deque()

    def tidy(self, now: int) -> None:
        """Fold what ended well a while before *now* (ns since the epoch)."""
        stirred: set[Row] = set()
        for row in self.late:
            self._came_late(row, now, stirred)
        self.late.clear()
        spared = self.spared()
        for waiting in (self.ended, self._unsettled):
            while waiting and waiting[0][0] <= now:
                self._settle(waiting.popleft()[1], now, spared)
        self._alike.tidy(now, spared)
        self._quiet.tidy(spared)
        for batch in self.batches:
            if batch.open:
                self.bring_up(batch)
        self.batches.clear()

    def bring_up(self, batch: Row) -> None:
        """Put what runs or did not end well first among the runs of *batch*."""
        kids = sorted(batch.kids, key=_attention)
        if kids != batch.kids:
            self._rows.replace(batch, kids)

    def release(self, row: Row) -> None:
        """Bring *row* out of whatever closed rows of many runs hide it."""
        while row.parent is not None:
            above = row.parent
            if isinstance(above.item, Together) and not above.open:
                self._take_out(row)
            row = row.parent

    def reconsider(self, row: Row, now: int = 0) -> None:
        """Look again at *row*, which the user closed, and at its siblings."""
        if row.parent is self._rows.top:
            if row.calm:
                self._quiet.offer(row)
        elif row.parent is not None:
            self._alike.stir(row.parent, now)

    def by_time(self, *, ordered: bool) -> None:
        """Note whether the top rows stand in the order in which they began."""
        self._quiet.enable(enabled=ordered)

    def look_again(self) -> None:
        """Note that top rows left from between others."""
        self._quiet.look_again()

    # How it is done.

    def _settle(self, row: Row, now: int, spared: Collection[Row]) -> None:
        """Close a root that ended, or look again later where the cursor is in it or something in it runs."""
        node = row.item
        if not isinstance(node, RunNode) or node.status is not RunStatus.OK:
            return
        if _within(row, spared) or (node.below and node.counts.running):
            self._unsettled.append((now + FOLD_AFTER, row))
            return
        if row.kids and not row.touched:
            self._rows.set_open(row, False)
        row.calm = is_calm(node)
        if row.calm and row.parent is self._rows.top:
            self._quiet.offer(row)

    def _came_late(self, row: Row, now: int, stirred: set[Row]) -> None:
        """Bring out what was folded as done and has something new below it, but for what is *stirred*."""
        above = row.parent
        while above is not None and above.item is not None and above not in stirred:
            stirred.add(above)
            if above.calm:
                above.calm = False
                self._take_out(above)
                if above.parent is self._rows.top:
                    self._unsettled.append((now + FOLD_AFTER, above))
                elif above.parent is not None:
                    self._alike.stir(above.parent, now + FOLD_AFTER)
            above = above.parent

    def _take_out(self, row: Row) -> None:
        group = row.parent
        if group is None or not isinstance(group.item, Together):
            return
        (self._quiet if group.parent is self._rows.top else self._alike).release(row)


def _within(row: Row, spared: Collection[Row]) -> bool:
    """Tell whether what is spared is in sight below *row*, as where the cursor is."""
    return row in spared and row.open and any(kid in spared for kid in row.kids)


def _attention(row: Row) -> int:
    """Return where among a batch's runs *row* stands: first what is not well; in the batch's order."""
    node = row.item
    if not isinstance(node, RunNode):
        return _LAST
    index = node.batch.index if node.batch is not None else 0
    return index if node.status is RunStatus.OK else index - _LAST


def is_large(group: BatchGroup) -> bool:
    """Tell whether *group* begins closed, and is put in order when it is opened."""
    return group.size > _LARGE_BATCH


_LARGE_BATCH: Final = 8
