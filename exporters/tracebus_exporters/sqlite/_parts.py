"""The parts of events: texts and messages stored once, however many events have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tracebus.logs import PartCache

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from tracebus.logs import Part, Place

__all__ = ["LAG", "PartReader", "PartWriter", "remove_unused"]

LAG = 256
"""Positions an event's parts may be older than the event, by their stamps. A part used longer is stamped
anew: so its stamp alone tells that no event has it any more, and it goes soon after its last event."""

_MOST_KNOWN = 50_000
_MOST_VARIABLES = 500
_ADD = "INSERT INTO parts (digest, stamp, data, is_run) VALUES (?, ?, ?, ?)"
_STAMP = "UPDATE parts SET stamp = max(stamp, ?) WHERE id = ?"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class PartWriter:
    """Stores parts, and remembers which are stored. Used inside the transaction that stores the events."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, int]] = {}
        """The id of a part, and a position its stamp is at least."""

    def forget(self) -> None:
        """Forget what is stored: it may have been undone, or be another file."""
        self._known.clear()

    def places(self, connection: sqlite3.Connection, places: Iterable[Place], seq: int) -> str | None:
        """Store what is not stored of an event's parts; return where they belong, `None` without any."""
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        found = [
            (place.path, ids if place.is_list else ids[0])
            for place in places
            if (ids := [self._stored(connection, part, seq) for part in place.parts]) or place.is_list
        ]
        return _encode(found).decode() if found else None

    def _stored(self, connection: sqlite3.Connection, part: Part, seq: int, lag: int | None = None) -> int:
        """Return the id of *part*, stored now if it was not, its stamp at most *lag* (`LAG`) behind *seq*."""
        known = self._known.get(part.digest)
        if known is not None and known[1] > seq - (LAG if lag is None else lag):
            return known[0]
        part_id = self._found(connection, part, seq, None if known is None else known[0])
        if part_id is None:
            part_id = self._new(connection, part, seq)
        self._known[part.digest] = (part_id, seq)
        return part_id

    def _found(self, connection: sqlite3.Connection, part: Part, seq: int, known: int | None) -> int | None:
        """Stamp *part* where it is stored, and return its id; ids are never given twice."""
        part_id = known
        if known is None or not connection.execute(_STAMP, (seq, known)).rowcount:
            row = connection.execute("SELECT id FROM parts WHERE digest = ?", (part.digest,)).fetchone()
            if row is None:
                return None
            part_id = int(row[0])
            connection.execute(_STAMP, (seq, part_id))
        if part.is_run:
            self._members(connection, part, seq)
        return part_id

    def _new(self, connection: sqlite3.Connection, part: Part, seq: int) -> int:
        data = _encode(self._members(connection, part, seq)) if part.is_run else part.encoded()
        added = connection.execute(_ADD, (part.digest, seq, data.decode(), part.is_run))
        assert added.lastrowid is not None
        return added.lastrowid

    def _members(self, connection: sqlite3.Connection, part: Part, seq: int) -> list[int]:
        """Return the ids of the messages of a run of them, which must stay as long as it.

        Those that are known are stamped at once: each statement lets the program's threads in between.
        """
        members = part.members
        known = {one.digest: self._known[one.digest] for one in members if one.digest in self._known}
        stale = {digest: part_id for digest, (part_id, stamp) in known.items() if stamp < seq}
        if stale:
            marks = ",".join("?" * len(stale))
            stamped = connection.execute(
                f"UPDATE parts SET stamp = max(stamp, ?) WHERE id IN ({marks}) AND NOT is_run",  # noqa: S608 -- question marks
                (seq, *stale.values()),
            )
            if stamped.rowcount == len(stale):
                self._known |= {digest: (part_id, seq) for digest, part_id in stale.items()}
        return [self._stored(connection, member, seq, 1) for member in members]


class PartReader:
    """Reads parts, and keeps some: events that have a part in common get the same object."""

    def __init__(self) -> None:
        self._cache = PartCache()

    def forget(self) -> None:
        """Forget everything: it is another file."""
        self._cache.forget()

    def read(self, connection: sqlite3.Connection, wanted: set[int]) -> dict[int, Any]:
        """Return the parts of these ids: JSON data, or a tuple of it for a run of messages."""
        found: dict[int, Any] = {}
        missing: list[int] = []
        for part_id in wanted:
            try:
                found[part_id] = self._cache.get(part_id)
            except KeyError:
                missing.append(part_id)
        if missing:
            self._fetch(connection, missing, found)
        return found

    def _fetch(self, connection: sqlite3.Connection, missing: list[int], found: dict[int, Any]) -> None:
        runs: dict[int, list[int]] = {}
        for start in range(0, len(missing), _MOST_VARIABLES):
            ids = missing[start : start + _MOST_VARIABLES]
            marks = ",".join("?" * len(ids))
            rows = connection.execute(f"SELECT id, data, is_run FROM parts WHERE id IN ({marks})", ids)  # noqa: S608 -- question marks
            for part_id, data, is_run in rows:
                if is_run:
                    runs[part_id] = _decode(data)
                else:
                    found[part_id] = self._cache.keep(part_id, _decode(data), len(data))
        if not runs:
            return
        members = self.read(connection, {member for ids in runs.values() for member in ids} - found.keys())
        members |= found
        for part_id, ids in runs.items():
            if all(member in members for member in ids):
                run = tuple([members[member] for member in ids])
                found[part_id] = self._cache.keep(part_id, run, 8 * len(ids))


def remove_unused(connection: sqlite3.Connection, cut: int) -> None:
    """Remove the parts that neither an event behind the position *cut* has nor the next one may have."""
    connection.execute(
        "DELETE FROM parts WHERE stamp <= "
        "min(?, (SELECT seq FROM sqlite_sequence WHERE name = 'events')) + 1 - ?",
        (cut, LAG),
    )
