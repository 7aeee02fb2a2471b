"""Reading: by position, by run, and the question whether there is anything new."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import force_setattr

from tracebus.events import Gap, decode_json
from tracebus.logs import Places, ids_in, put_together
from tracebus_exporters.sqlite import _queries, _schema
from tracebus_exporters.sqlite._connection import explained, open_for_reading
from tracebus_exporters.sqlite._forking import keep_out_of_forks
from tracebus_exporters.sqlite._parts import PartReader
from tracebus_exporters.sqlite._producer import LOST_AFTER
from tracebus_exporters.sqlite._writer import last_seq

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tracebus.events import Event
    from tracebus.logs import RunQuery, RunSummary

__all__ = ["Reader"]

_FILE_CHECK = 0.5
"""Seconds between two looks whether the file is still the same one."""


class Reader:
    """One connection that reads; used from any thread, one at a time."""

    def __init__(self, path: Path, clock: Callable[[], int]) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._version = 0
        self._next_check = 0.0
        self._begun_anew = False
        self._parts = PartReader()
        keep_out_of_forks(self)

    @property
    def use(self) -> threading.Lock:
        """What is held while SQLite is used."""
        return self._lock

    def read(self, after: int, limit: int) -> list[Event]:
        """Return what `Log.read` returns."""
        with self._reading() as connection:
            if connection is None:
                return []
            if self._begun_anew:
                self._begun_anew, after = False, 0
            events = self._events(connection, "WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))
        return list(_with_gap(iter(events), after))

    def read_run(self, root_run_id: str) -> list[Event]:
        """Return what `Log.read_run` returns."""
        with self._reading() as connection:
            if connection is None:
                return []
            of_run = "WHERE root = (SELECT id FROM runs WHERE run_id = ?) ORDER BY seq"
            return self._events(connection, of_run, (root_run_id,))

    def head(self) -> int:
        """Return the position of the newest event."""
        with self._reading() as connection:
            return 0 if connection is None else last_seq(connection)

    def runs(self, query: RunQuery) -> list[RunSummary]:
        """Return what `Log.runs` returns."""
        with self._reading() as connection:
            return [] if connection is None else _queries.runs(connection, query, self._silent_since())

    def find_run(self, run_id: str) -> RunSummary | None:
        """Return what `Log.find_run` returns."""
        with self._reading() as connection:
            return None if connection is None else _queries.find(connection, run_id, self._silent_since())

    def lost(self) -> frozenset[str]:
        """Return what `Log.lost` returns."""
        with self._reading() as connection:
            return frozenset() if connection is None else _queries.lost(connection, self._silent_since())

    def changed(self) -> bool:
        """Return whether anything was stored since this was asked last. Costs microseconds."""
        if self._connection is None or time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + _FILE_CHECK
            if self._moved():
                return True
        if self._connection is None:
            return False
        with self._lock, explained(self._path):
            version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        changed, self._version = version != self._version, version
        return changed

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def abandon(self) -> sqlite3.Connection | None:
        """Forget the connection without touching it: it belongs to the process we were forked from."""
        connection, self._connection = self._connection, None
        self._lock = threading.Lock()
        return connection

    def _events(
        self, connection: sqlite3.Connection, which: str, arguments: tuple[object, ...]
    ) -> list[Event]:
        """Return whole events: they and their parts are read at one moment, whoever prunes the log."""
        parts = "parts" if _schema.version(connection) > 1 else "NULL"  # an old log in a place nobody writes
        connection.execute("BEGIN")
        try:
            rows = connection.execute(f"SELECT seq, data, {parts} FROM events {which}", arguments).fetchall()  # noqa: S608 -- our own words
            places = {seq: _decode_places(of_event) for seq, _, of_event in rows if of_event is not None}
            wanted = {part for of_event in places.values() for part in ids_in(of_event)}
            found = self._parts.read(connection, wanted) if wanted else {}
        finally:
            connection.execute("COMMIT")
        events: list[Event] = []
        for seq, data, _ in rows:
            event = decode_json(data)
            force_setattr(event, "seq", seq)
            if seq in places:
                put_together(event, places[seq], found.__getitem__)
            events.append(event)
        return events

    def _silent_since(self) -> int:
        return self._clock() - int(LOST_AFTER * 1e9)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        with self._lock, explained(self._path):
            if self._connection is None or self._moved():
                self._reopen()
            yield self._connection

    def _moved(self) -> bool:
        """Return whether the file was made, removed or replaced since it was opened."""
        return _inode(self._path) != (self._inode if self._connection is not None else None)

    def _reopen(self) -> None:
        if self._connection is not None:
            self._connection.close()
        inode = _inode(self._path)
        self._parts.forget()
        self._connection = open_for_reading(self._path)
        if self._connection is not None:
            self._begun_anew = self._inode not in {None, inode}
            self._inode = inode


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


_decode_places: Callable[[str], Places] = msgspec.json.Decoder(list[tuple[list[str | int], Any]]).decode


def _with_gap(events: Iterator[Event], after: int) -> Iterator[Event]:
    """Begin with a `Gap` where the log no longer holds what followed *after*."""
    for event in events:
        first = event.seq - (event.missed if isinstance(event, Gap) else 1)
        if after and first > after:
            yield Gap(seq=first, time=event.time, missed=first - after)
        yield event
        yield from events
