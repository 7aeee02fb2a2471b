"""What of the runs is shown, in which order, and where the cursor is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.tree import BatchGroup, RunNode, RunStatus
from tracebus_tui.model._filter import parse_filter
from tracebus_tui.model._folding import is_large
from tracebus_tui.model._narrowing import above, key_of, narrowed
from tracebus_tui.model._orders import ORDERS
from tracebus_tui.model._row import Row, Together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tracebus_tui.model._filter import Test
    from tracebus_tui.model._orders import Order
    from tracebus_tui.model._row import Item
    from tracebus_tui.model._rows import Rows
    from tracebus_tui.model._runs import Runs


class View:
    """The rows on show: all of them, or those a filter leaves; and a cursor on one of them.

    The cursor holds on to its row, not to its line.
    """

    def __init__(self, runs: Runs) -> None:
        self.source = runs
        self.rows = runs.rows
        self.cursor: Row | None = None
        self.filter_text = ""
        self.only_hits = True
        """Whether a filter hides what it does not hit; otherwise hits are marked."""
        self.hits: set[str] = set()
        self.pins: dict[str, None] = {}
        self.order = ORDERS[0]
        self.reversed = False
        self.focus: str | None = None
        """The run whose subtree alone is shown."""
        self._test: Test | None = None
        self._closed: set[str] = set()
        self._sorted = False
        """Whether the live rows stand in an order other than that of time."""
        runs.folding.spared = self._spared

    # What is shown.

    def set_filter(self, text: str) -> None:
        """Show what *text* describes, with ancestors; everything where it is empty.

        Raises:
            FilterError: *text* makes no sense; the old filter stays.
        """
        self._test = parse_filter(text, pinned=lambda node: node.run_id in self.pins)
        self.filter_text = text
        self._closed.clear()
        self.rebuild()

    @property
    def narrowed(self) -> bool:
        """Return whether the rows shown are made by `rebuild`, and not the live ones."""
        return (self._test is not None and self.only_hits) or self.focus is not None

    @property
    def by_time(self) -> bool:
        """Return whether root rows stand in the order in which they began."""
        return self.order is ORDERS[0] and not self.reversed

    def rebuild(self) -> None:
        """Work out again what a filter, a focus or an order leaves."""
        before = self.cursor
        self.hits = {node.run_id for node in self._nodes() if self._test(node)} if self._test else set()
        self.rows = self._narrowed() if self.narrowed else self.source.rows
        if self.narrowed or self._sorted or not self.by_time:
            self.sort()
        self.cursor = self._find(before.item) if before is not None else None
        if self.cursor is None and before is not None and isinstance(before.item, Together) and before.kids:
            self.cursor = self._find(before.kids[0].item)
        if self.cursor is not None and not self.narrowed:
            self.source.folding.release(self.cursor)
        self.settle()

    def sort(self) -> None:
        """Bring the top rows into order; crowds fold in the order of time only."""
        key = self.order.key
        if self.rows is self.source.rows:
            self._sorted = not self.by_time
            self.source.folding.by_time(ordered=self.by_time)
        self.rows.sort(lambda row: key(row.item), reverse=self.order.descending != self.reversed)

    def order_by(self, order: Order, *, reverse: bool = False) -> None:
        """Sort root rows by *order*."""
        self.order, self.reversed = order, reverse
        self.rebuild() if self.narrowed else self.sort()

    # The cursor.

    @property
    def node(self) -> RunNode | None:
        """Return the run the cursor is on."""
        item = self.cursor.item if self.cursor is not None else None
        return item if isinstance(item, RunNode) else None

    @property
    def line(self) -> int:
        """Return the cursor's line."""
        return self.rows.line_of(self.cursor) if self.cursor is not None else 0

    def move_to(self, line: int) -> None:
        """Put the cursor on *line*, or the nearest there is."""
        if len(self.rows):
            self.cursor = self.rows.at(max(0, min(line, len(self.rows) - 1)))

    def reveal(self, item: Item | None) -> bool:
        """Put the cursor on *item*, opening what hides it; return whether it is there."""
        row = self._find(item)
        if row is None:
            return False
        if not self.narrowed:
            self.source.folding.release(row)
        above = row.parent
        while above is not None:
            self.rows.set_open(above, True)
            above = above.parent
        self.cursor = row
        return True

    def settle(self) -> None:
        """Bring a cursor whose row was folded away or has left to a row that is shown."""
        row = self.cursor
        while row is not None and row.parent is None and isinstance(row.item, Together) and row.kids:
            row = row.kids[0]  # those it was made of stand alone again, or in a larger one
        if row is not None and row.parent is not None and _root(row) is self.rows.top:
            self.cursor = self.rows.shown(row)
        else:
            self.cursor = self.rows.at(0) if len(self.rows) else None

    def set_open(self, row: Row, *, opened: bool) -> None:
        """Open or close a row because the user said so."""
        row.touched = True
        self.rows.set_open(row, opened)
        if self._test is not None and self.only_hits:
            (self._closed.discard if opened else self._closed.add)(key_of(row))
        elif self.narrowed and (original := self.source.row_for(row.item)) is not None:
            original.touched = True
            self.source.rows.set_open(original, opened)
        if isinstance(row.item, BatchGroup) and opened and not self.narrowed and is_large(row.item):
            self.source.folding.bring_up(row)
        if not opened and not self.narrowed:
            self.source.folding.reconsider(row)
        self.settle()

    def open_to(self, depth: int) -> None:
        """Show *depth* levels of runs: 1 the roots alone. What is folded together stays so."""
        above: dict[Row | None, int] = {}  # runs down to each row, itself included
        for row in list(self.rows):
            runs = above.get(row.parent, 0)
            above[row] = runs + isinstance(row.item, RunNode)
            self._set(row, opened=not isinstance(row.item, Together) and runs + 1 < depth)
        self.settle()

    def open_all(self, *, opened: bool, below: Row | None = None) -> None:
        """Open or close all rows, or *below* with all that is in it."""
        for row in list(self.rows) if below is None else list(_walk(below)):
            self._set(row, opened=opened)
        self.settle()

    # Jumps.

    def next_where(self, test: Callable[[RunNode], bool], *, back: bool = False) -> bool:
        """Move to the next run from the cursor on that passes *test*, hidden ones too, going round."""
        rows = list(self.rows)
        here = next((place for place, row in enumerate(rows) if row is self.cursor), 0 if back else -1)
        step = -1 if back else 1
        for distance in range(1, len(rows) + 1):
            node = rows[(here + step * distance) % len(rows)].item
            if isinstance(node, RunNode) and test(node):
                return self.reveal(node)
        return False

    def next_error(self, *, back: bool = False) -> bool:
        """Move to the next run that failed by itself, not only because a child did."""
        return self.next_where(_failed_itself, back=back)

    def next_hit(self, *, back: bool = False) -> bool:
        """Move to the next run the filter hits."""
        return self.next_where(lambda node: node.run_id in self.hits, back=back)

    def next_pin(self) -> bool:
        """Move to the next pinned run."""
        return self.next_where(lambda node: node.run_id in self.pins)

    def model_calls(self) -> Sequence[RunNode]:
        """Return the model calls of the root run the cursor is in, in the order they began."""
        row = self.cursor
        while row is not None and not isinstance(row.item, RunNode):
            row = row.parent
        node = row.item if row is not None else None
        if not isinstance(node, RunNode):
            return ()
        return self.source.calls.all_of(node.root_run_id)

    def extreme(self, measure: Callable[[RunNode], float | None]) -> bool:
        """Move to the run with the greatest *measure*; parents have no say where a child explains them."""
        measured = [
            (amount, node)
            for node in self._nodes()
            if not node.children and (amount := measure(node)) is not None and amount > 0
        ]
        return bool(measured) and self.reveal(max(measured, key=lambda pair: pair[0])[1])

    # How it is done.

    def _set(self, row: Row, *, opened: bool) -> None:
        row.touched = True
        self.rows.set_open(row, opened)
        if self._test is not None and self.only_hits:
            (self._closed.discard if opened else self._closed.add)(key_of(row))
        elif not opened and not self.narrowed:
            self.source.folding.reconsider(row)

    def _spared(self) -> set[Row]:
        """Return the rows that must stay in sight: the cursor's and the pinned, with what is above them."""
        items: list[Item | None] = [self.source.runs.get(run_id) for run_id in self.pins]
        items.append(self.cursor.item if self.cursor is not None else None)
        rows: set[Row] = set()
        for item in items:
            row = self.source.row_for(item)
            while row is not None and row not in rows:
                rows.add(row)
                row = row.parent
        return rows

    def _nodes(self) -> Iterator[RunNode]:
        return (row.item for row in self.source.rows if isinstance(row.item, RunNode))

    def _find(self, item: Item | None) -> Row | None:
        if item is None or not self.narrowed:
            return self.source.row_for(item)
        return next((row for row in self.rows if row.item is item), None)

    def _narrowed(self) -> Rows:
        """Return rows of their own for what the filter and the focus leave."""
        start = self.source.row_of(self.focus) if self.focus else None
        tops = [start] if start else self.source.rows.top.kids
        if self._test is None or not self.only_hits:
            return narrowed(tops, None, self._closed)
        return narrowed(tops, above(map(self.source.row_of, self.hits)), self._closed)


def _walk(row: Row) -> Iterable[Row]:
    """Yield *row* and all that is below it."""
    pending = [row]
    while pending:
        found = pending.pop()
        yield found
        pending.extend(found.kids)


def _root(row: Row) -> Row:
    while row.parent is not None:
        row = row.parent
    return row


def _failed_itself(node: RunNode) -> bool:
    return node.status is RunStatus.ERROR and not any(kid.status is RunStatus.ERROR for kid in node.children)
