"""Rows written many at a time: one row a statement costs twice as much, and lets other threads in between."""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

__all__ = ["Insertion"]

_MOST_ROWS = 64
_MOST_VARIABLES = 400
"""In one statement: every SQLite takes 999, longer statements gain no more."""


class Insertion:
    """An `INSERT` of any number of rows.

    Args:
        table: its name.
        columns: which differ from row to row, in order.
        shared: which have one value in all rows.
        conflict: what is done with a row that is there already.
    """

    def __init__(
        self, table: str, columns: Sequence[str], *, shared: Sequence[str] = (), conflict: str = ""
    ) -> None:
        self._at_once = min(_MOST_ROWS, _MOST_VARIABLES // len(columns))
        begin = f"INSERT INTO {table} ({', '.join((*shared, *columns))}) VALUES"
        # A value that all rows have is bound once for all of them: binding is half of the work.
        place = count(len(shared) + 1)
        common = [f"?{number + 1}" for number in range(len(shared))]
        rows = [[*common, *(f"?{next(place)}" for _ in columns)] for _ in range(self._at_once)]
        values = [f"({', '.join(row)})" for row in rows]
        self._one = f"{begin} {values[0]} {conflict}"
        self._many = f"{begin} {', '.join(values)} {conflict}"

    def run(
        self, connection: sqlite3.Connection, rows: Sequence[Sequence[object]], shared: Sequence[object] = ()
    ) -> None:
        """Insert *rows*, in order."""
        step = self._at_once
        whole = len(rows) - len(rows) % step
        if whole:
            together = [
                [*shared, *chain.from_iterable(rows[start : start + step])] for start in range(0, whole, step)
            ]
            connection.executemany(self._many, together)
        connection.executemany(self._one, [(*shared, *row) for row in rows[whole:]])
