"""Rows of their own for what a filter or a focus leaves of the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.tree import BatchGroup, RunNode
from tracebus_tui.model._row import Row, Together
from tracebus_tui.model._rows import Rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


def narrowed(tops: Sequence[Row], wanted: Collection[str] | None, closed: Collection[str]) -> Rows:
    """Return copies of *tops* and of the rows below them.

    Args:
        tops: where to begin.
        wanted: the keys of the rows that are left; `None` for all.
        closed: the keys of those that are not open.
    """
    rows = Rows()
    flat = wanted is not None  # who filters wants to see each hit
    pairs: list[tuple[Row, Row | None]] = [(kid, None) for kid in reversed(_apart(tops, flat=flat))]
    while pairs:
        row, below = pairs.pop()
        key = key_of(row)
        if wanted is not None and key not in wanted:
            continue
        copy = Row(row.item, open=key not in closed if wanted is not None else row.open)
        rows.add(copy, below)
        pairs.extend((kid, copy) for kid in reversed(_apart(row.kids, flat=flat)))
    return rows


def above(hits: Iterable[Row | None]) -> set[str]:
    """Return the keys of *hits*, and of the rows they are below of."""
    wanted: set[str] = set()
    for hit in hits:
        row = hit
        while row is not None and row.item is not None and (key := key_of(row)) not in wanted:
            wanted.add(key)
            row = row.parent
    return wanted


def key_of(row: Row) -> str:
    """Return what a row goes by, whether live or narrowed."""
    match row.item:
        case RunNode():
            return row.item.run_id
        case BatchGroup():
            return f"batch {row.item.id}"
        case Together():
            return row.item.id
        case None:
            return ""


def _apart(rows: Sequence[Row], *, flat: bool) -> Sequence[Row]:
    """Return *rows*, with *flat* those that are folded together one by one."""
    if not flat:
        return rows
    return [kid for row in rows for kid in (row.kids if isinstance(row.item, Together) else [row])]
