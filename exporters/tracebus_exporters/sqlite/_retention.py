"""Making room: the oldest events go first, a little at a time, so that writers hardly wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus_exporters.sqlite._parts import remove_unused

if TYPE_CHECKING:
    import sqlite3

    from tracebus.logs import Retention

__all__ = ["Pruner"]

_SLICE = 5_000
"""Positions freed in one transaction; tens of milliseconds."""
_PAGES = 2_000
"""Pages given back to the file system in one go."""
_AGES_ARE_GOOD_FOR = 60 * 10**9
"""Nanoseconds during which a cut by age is not computed again: it reads the whole table of runs."""


class Pruner:
    """Removes what a retention no longer allows, one slice a call.

    The events that stay are contiguous, so that a reader who fell behind can count what it missed.
    By age only whole runs go: the events from the first one of a young run or an open one stay.
    """

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._cut = 0
        self._cut_at: int | None = None

    def step(self, connection: sqlite3.Connection, now: int) -> int:
        """Remove one slice where there is something to remove; return how many events it had."""
        first = connection.execute("SELECT min(seq) FROM events").fetchone()[0]
        if first is None:
            return 0
        if self._retention.max_size is not None and _used(connection) > self._retention.max_size:
            return _remove(connection, first + _SLICE - 1)
        if self._retention.max_age is not None:
            cut = self._cut_by_age(connection, now, int(self._retention.max_age * 1e9))
            if first <= cut:
                return _remove(connection, min(cut, first + _SLICE - 1))
        return 0

    def _cut_by_age(self, connection: sqlite3.Connection, now: int, age: int) -> int:
        if self._cut_at is None or now - self._cut_at > _AGES_ARE_GOOD_FOR:
            self._cut_at, self._cut = now, _cut_before(connection, now - age)
        return self._cut


def _cut_before(connection: sqlite3.Connection, oldest: int) -> int:
    """Return the last position of the runs that may go, before the first event of any that is to stay."""
    kept = connection.execute(
        "SELECT min(first_seq) FROM runs JOIN producers ON producers.id = producer "
        "WHERE stored >= :oldest OR (ended IS NULL AND closed IS NULL AND heartbeat >= :oldest)",
        {"oldest": oldest},
    ).fetchone()[0]
    gone = connection.execute(
        "SELECT max(last_seq) FROM runs WHERE :kept IS NULL OR last_seq < :kept", {"kept": kept}
    )
    return int(gone.fetchone()[0] or 0)


def _remove(connection: sqlite3.Connection, cut: int) -> int:
    """Remove the events up to *cut* and the runs that have none left."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = connection.execute("DELETE FROM events WHERE seq <= ?", (cut,)).rowcount
        remove_unused(connection, cut)
        connection.execute("DELETE FROM runs WHERE last_seq <= ?", (cut,))
        connection.execute(
            "DELETE FROM producers WHERE closed IS NOT NULL AND id NOT IN (SELECT producer FROM runs)"
        )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
    return int(done)


def _used(connection: sqlite3.Connection) -> int:
    """Return the bytes the database's pages in use take."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
