"""Which runs may be folded without the user asking: those that ended well, with all below them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tracebus.tree import RunNode, RunStatus

if TYPE_CHECKING:
    from collections.abc import Collection

    from tracebus_tui.model._row import Row

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


def nodes_of(rows: Collection[Row]) -> list[RunNode]:
    """Return the runs of *rows*."""
    return [row.item for row in rows if isinstance(row.item, RunNode)]
