"""Which runs may be folded without the user asking: those that ended well, with all below them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tracebus.tree import RunNode, RunStatus
from tracebus_tui.model._row import Together

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

    from tracebus_tui.model._row import Row

ALIKE: Final = 10
"""Fewer siblings are told apart at a glance."""
FOLD_AFTER: Final = 3_000_000_000
"""Nanoseconds after which what ended well folds."""


def is_calm(node: RunNode) -> bool:
    """Tell whether *node* and everything below it have been seen to begin and to end well."""
    if node.status is not RunStatus.OK or node.start is None:
        return False
    if not node.children:
        return True
    below = node.counts
    return not (
        below.running or below.error or below.cancelled or below.abandoned or below.interrupted or below.lost
    )


def kept_out(row: Row, spared: Collection[Row]) -> bool:
    """Tell whether *row* stays in sight because the user opened it, or it is one of the *spared*."""
    return (row.open and row.touched and bool(row.kids)) or row in spared


def likeness(row: Row) -> Hashable:
    """Return what *row* has in common with those it may fold with."""
    item = row.item
    if isinstance(item, RunNode) or (isinstance(item, Together) and item.loop is None):
        return (item.kind, item.name)
    return id(row)


def due(row: Row, now: int, spared: Collection[Row]) -> int | None:
    """Return when *row* may fold with siblings; `None` where it may not."""
    node = row.item
    if not isinstance(node, RunNode) or node.status is not RunStatus.OK or node.end is None:
        return None
    if row in spared or (node.below and node.counts.running):
        return now + FOLD_AFTER
    if kept_out(row, spared) or not (row.calm or is_calm(node)):
        return None
    return node.end.time + FOLD_AFTER


def nodes_of(rows: Collection[Row]) -> list[RunNode]:
    """Return the runs of *rows*."""
    return [row.item for row in rows if isinstance(row.item, RunNode)]
