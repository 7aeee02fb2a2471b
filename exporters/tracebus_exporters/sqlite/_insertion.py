"""Rows written many at a time: one row a statement costs twice as much, and lets other threads in between."""

from __future__ import annotations

from itertools import chain
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
        table: with its columns, as in `events (seq, root)`.
        columns: how many.
        conflict: what is done with a row that is there already.
    """

    def __init__(self, table: str, columns: int, conflict: str = "") -> None:
        row = f"({', '.join('?' * columns)})"
        self._at_once = min(_MOST_ROWS, _MOST_VARIABLES // columns)
        self._one = f"INSERT INTO {table} VALUES {row} {conflict}"  # noqa: S608 -- our own words
        self._many = f"INSERT INTO {table} VALUES {', '.join([row] * self._at_once)} {conflict}"  # noqa: S608

    def run(self, connection: sqlite3.Connection, rows: Sequence[Sequence[object]]) -> None:
        """Insert *rows*, in order."""
        step = self._at_once
        whole = len(rows) - len(rows) % step
        if whole:
            together = [
                list(chain.from_iterable(rows[start : start + step])) for start in range(0, whole, step)
            ]
            connection.executemany(self._many, together)
        connection.executemany(self._one, rows[whole:])
