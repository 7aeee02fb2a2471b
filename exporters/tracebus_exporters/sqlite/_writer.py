"""Appending: one transaction a batch, the index of runs kept in the same one."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import msgspec

from tracebus.events import Gap, settle_all
from tracebus.logs import take_apart
from tracebus_exporters.sqlite._accounts import ADD_MODEL, ADD_TOKENS, account
from tracebus_exporters.sqlite._changes import FINISH, TOUCH, Changes, upsert
from tracebus_exporters.sqlite._connection import explained, open_for_writing
from tracebus_exporters.sqlite._forking import keep_out_of_forks
from tracebus_exporters.sqlite._insertion import Insertion
from tracebus_exporters.sqlite._parts import PartWriter
from tracebus_exporters.sqlite._producer import Producer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tracebus.events import Event
    from tracebus.logs import Taken
    from tracebus_exporters.sqlite._changes import RunChange

__all__ = ["Writer"]


class Writer:
    """The one connection of this process that writes; used from any thread, one at a time."""

    def __init__(self, path: Path, clock: Callable[[], int]) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._roots: dict[str, int] = {}
        self._parts = PartWriter()
        self._begun: set[str] = set()
        """Open runs of which this process has stored events."""
        self.producer: Producer | None = None
        self.pid = os.getpid()
        """The process the connection belongs to."""
        keep_out_of_forks(self)

    @property
    def use(self) -> threading.RLock:
        """What is held while SQLite is used."""
        return self._lock

    def append(self, events: Sequence[Event]) -> int:
        """Store *events* in one transaction; return the last position."""
        with self._lock, explained(self._path):
            try:
                return self._transaction(events)
            except _OutOfDateError:  # what we knew of the table is forgotten now
                return self._transaction(events)

    def transact(self, work: Callable[[sqlite3.Connection], int]) -> int:
        """Run *work* with the connection and nobody else writing from this process."""
        with self._lock, explained(self._path):
            return work(self._opened())

    def beat(self) -> None:
        """Say that this process is alive, where it has said anything at all."""
        with self._lock:
            if self._connection is not None and self.producer is not None:
                with explained(self._path):
                    self.producer.beat(self._connection, self._clock())

    def close(self) -> None:
        """Say that this process is done, and release the file."""
        with self._lock:
            connection, self._connection = self._connection, None
            producer, self.producer = self.producer, None
            self._forget()
            if connection is None:
                return
            try:
                if producer is not None:
                    with explained(self._path):
                        producer.close(connection, self._clock())
            finally:
                connection.close()

    def abandon(self) -> sqlite3.Connection | None:
        """Forget the connection without touching it: it belongs to the process we were forked from."""
        connection, self._connection = self._connection, None
        self._lock = threading.RLock()
        self.producer = None
        self.pid = os.getpid()
        self._forget()
        return connection

    @property
    def opened(self) -> bool:
        """Whether the file is open."""
        return self._connection is not None

    def _opened(self) -> sqlite3.Connection:
        """Return the connection; a new one where somebody removed or replaced the file."""
        if self._connection is not None and self._inode != _inode(self._path):
            self._connection.close()
            self._connection = None
        if self._connection is None:
            self._forget()
            self._connection = open_for_writing(self._path)
            self._inode = _inode(self._path)
            self.producer = Producer.register(self._connection, self._clock())
        return self._connection

    def _forget(self) -> None:
        """Forget what is known of the tables' content."""
        self._roots.clear()
        self._begun.clear()
        self._parts.forget()

    def _transaction(self, events: Sequence[Event]) -> int:
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            last = self._store(connection, events)
            connection.execute("COMMIT")
        except BaseException:
            self._forget()
            _roll_back(connection)
            raise
        return last

    def _store(self, connection: sqlite3.Connection, events: Sequence[Event]) -> int:
        seq = last_seq(connection)
        assert self.producer is not None
        if not events:
            return seq
        settle_all(events)
        changes = Changes()
        places: list[tuple[int, str]] = []
        for event in events:
            if isinstance(event, Gap):
                seq += event.missed
                places.append((seq, ""))
                continue
            seq += 1
            changes.add(event, seq)
            places.append((seq, event.root_run_id))
        account(connection, changes)
        now = self._clock()
        self._index(connection, changes, self.producer.id, now)
        roots = self._root_ids(connection, {root for _, root in places})
        taken = [take_apart(event) for event in events]
        data = _encoded([apart.event for apart in taken])
        rows = [(position, roots[root], text) for (position, root), text in zip(places, data, strict=True)]
        if any(apart.places for apart in taken):
            self._with_parts(connection, rows, taken)
        else:
            _EVENTS.run(connection, rows)
        self.producer.beat_if_due(connection, now)
        return seq

    def _with_parts(
        self, connection: sqlite3.Connection, rows: Iterable[tuple[int, int, str]], taken: Iterable[Taken]
    ) -> None:
        parts = [
            self._parts.places(connection, apart.places, row[0]) if apart.places else None
            for row, apart in zip(rows, taken, strict=True)
        ]
        _EVENTS_WITH_PARTS.run(connection, [(*row, part) for row, part in zip(rows, parts, strict=True)])

    def _index(self, connection: sqlite3.Connection, changes: Changes, producer: int, now: int) -> None:
        """Bring the table of runs up to date.

        Raises:
            _OutOfDateError: a run we had stored is gone, or another process's now.
        """
        begun, roots = self._begun, self._roots
        known: list[RunChange] = []
        new: list[RunChange] = []
        for run in changes.runs.values():
            stored = run.run_id in begun if run.owned else run.run_id in roots
            (known if stored and run.start is None else new).append(run)
        added = changes.added
        upsert(connection, new, added, producer, now)
        touched = connection.executemany(TOUCH, [run.touch(producer, now) for run in known])
        if known and touched.rowcount != len(known):
            raise _OutOfDateError
        connection.executemany(FINISH, [run.finish(run.end) for run in known if run.end is not None])
        connection.executemany(ADD_TOKENS, [(*more.counts, run_id) for run_id, more in added.items()])
        connection.executemany(
            ADD_MODEL, [(model, run_id) for run_id, more in added.items() for model in more.models]
        )
        if len(begun) > _MOST_KNOWN:
            begun.clear()
        begun.update(run.run_id for run in new if run.owned and run.end is None)
        begun.difference_update(run.run_id for run in known if run.end is not None)
        for run in new:  # it may have been removed, and be another row now
            roots.pop(run.run_id, None)

    def _root_ids(self, connection: sqlite3.Connection, wanted: set[str]) -> dict[str, int]:
        """Return the row of every root run in *wanted*; 0 stands for no run."""
        known = self._roots
        if len(known) > _MOST_KNOWN:
            known.clear()
        known[""] = 0
        for root in wanted:
            if root not in known:
                found = connection.execute("SELECT id FROM runs WHERE run_id = ?", (root,)).fetchone()
                known[root] = found[0]
        return known


_EVENTS = Insertion("events", ("seq", "root", "data"))
_EVENTS_WITH_PARTS = Insertion("events", ("seq", "root", "data", "parts"))
_MOST_KNOWN = 10_000

_encode_lines = msgspec.json.Encoder().encode_lines


class _OutOfDateError(Exception):
    """The tables no longer hold what this process stored."""


def _encoded(events: Sequence[Event]) -> list[str]:
    """Return *events* as JSON, all in one go: JSON has no line break in it."""
    return _encode_lines(events).decode().split("\n")[:-1]


def last_seq(connection: sqlite3.Connection) -> int:
    """Return the position of the newest event there has been, whether it is still stored or not."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return int(found[0]) if found else 0


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # SQLite has done it itself where the disk was full
        connection.execute("ROLLBACK")


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0
