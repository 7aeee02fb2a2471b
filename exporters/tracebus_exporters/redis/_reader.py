"""Reading all runs' streams as one log, in the order of positions.

An entry's id is the position of its last event (`123-0`), so one number is the place to read on from in
every stream. A run that had no events for a while announces itself in the index with its next ones:
only streams with events lately need be watched.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from tracebus.events import Gap, RunEnded
from tracebus_exporters.redis._packing import unpack_index
from tracebus_exporters.redis._parts import PartReader
from tracebus_exporters.redis._script import QUIET
from tracebus_exporters.redis._settings import Keys, Settings, connect
from tracebus_exporters.redis._writer import explained

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracebus.events import Event

    _Entries = list[tuple[bytes, dict[bytes, bytes]]]

__all__ = ["Reader"]

_ENTRIES = 1000
"""Entries asked of all streams together, but of each at least ten and at most fifty."""
_UNWATCH_EVERY = 1.0
"""Seconds between two looks at which streams need no longer be watched."""
_PAGE = 1000


class Reader:
    """A place in the log, and a connection to read on from it. Used from any thread, one at a time."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys
        self._lock = threading.Lock()
        self._client: Any = None
        self._cursor: int | None = None
        self._delivered = 0
        self._silent_until = 0
        self._ready: list[Event] = []
        self._watched: set[str] = set()
        self._next_unwatch = 0.0
        self._parts = PartReader(keys)

    def read(self, after: int, limit: int, block: int | None = None) -> list[Event]:
        """Return what `Log.read` returns; wait up to *block* milliseconds where there is nothing."""
        with self._lock, explained(self._settings):
            if after != self._delivered or self._cursor is None:
                self._place(after)
            if not self._ready:
                while len(self._ready) < limit and self._fetch(None if self._ready else block):
                    pass
            page, self._ready = self._ready[:limit], self._ready[limit:]
            if page:
                self._delivered = page[-1].seq
            return page

    def read_run(self, root_run_id: str) -> list[Event]:
        """Return what `Log.read_run` returns."""
        with self._lock, explained(self._settings):
            entries = self.client.xrange(self._keys.run(root_run_id))
            numbered = [(root_run_id, seq, fields) for seq, fields in _numbered(entries)]
            return [event for events in self._parts.events(self.client, numbered) for event in events]

    def head(self) -> int:
        """Return the position of the newest event."""
        with self._lock, explained(self._settings):
            return self._head()

    def index(self) -> tuple[list[Event], dict[str, str]]:
        """Return the starts, ends and gaps of the index, and which process began each run."""
        events: list[Event] = []
        producers: dict[str, str] = {}
        with self._lock, explained(self._settings):
            for seq, fields in self._index_entries():
                for event in unpack_index(seq, fields):
                    events.append(event)
                    if not isinstance(event, Gap):
                        producers.setdefault(event.run_id, fields[b"p"].decode())
        return events, producers

    def alive(self, producers: Iterable[str]) -> set[str]:
        """Return those of *producers* that gave a sign of life lately."""
        asked = sorted(set(producers))
        with self._lock, explained(self._settings):
            found = self._ask([("exists", self._keys.alive(producer)) for producer in asked])
        return {producer for producer, there in zip(asked, found, strict=True) if there}

    def about(self, roots: list[str]) -> list[tuple[int, int]]:
        """Return the number of events and the last position of each of *roots*."""
        with self._lock, explained(self._settings):
            found = self._ask([("hmget", self._keys.about(root), "n", "last") for root in roots])
        return [(int(count or 0), int(last or 0)) for count, last in found]

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None
            self._cursor = None

    @property
    def client(self) -> Any:
        """The connection; made with the first use."""
        if self._client is None:
            self._client = connect(self._settings)
        return self._client

    def _head(self) -> int:
        return int(self.client.get(self._keys.seq) or 0)

    def _place(self, after: int) -> None:
        """Go to *after*: to the beginning where the log is shorter, since it is then another one."""
        head = self._head()
        after = 0 if after > head else after
        if self._cursor is not None and self._cursor < after:
            # Forward: the runs that were watched, and those that announced themselves since.
            self._watched |= self._announced(self._between(self._cursor, after))
            self._cursor = self._delivered = after
            self._silent_until = 0
            self._ready = []
            return
        self._cursor = self._delivered = after
        # What was let go before a reader began at the beginning was not missed by it.
        self._silent_until = head if after == 0 else 0
        self._ready = []
        self._watched = set()
        if after:
            roots = {fields[b"r"].decode() for seq, fields in self._index_entries(after)} - {""}
            lasts = self._ask([("hget", self._keys.about(root), "last") for root in sorted(roots)])
            self._watched = {
                root for root, last in zip(sorted(roots), lasts, strict=True) if int(last or 0) > after
            }

    def _fetch(self, block: int | None) -> bool:
        """Read on; return whether there was anything."""
        self._unwatch()
        found, horizon = self._xread({"", *self._watched}, block)
        if not found:
            if self._head() < (self._cursor or 0):
                self._place(0)
            return False
        while new := self._announced(found.get("", [])) - self._watched:
            self._watched |= new
            more, horizon = self._xread(new, None, horizon)
            found |= more
        fresh = list(self._in_order(found, horizon))
        self._ready += fresh
        self._cursor = horizon
        self._watched.difference_update(_ended_roots(fresh))
        return True

    def _in_order(self, found: dict[str, _Entries], horizon: int) -> Iterator[Event]:
        """Yield the events up to *horizon* by position, with gaps for what is missing."""
        events = sorted(self._decoded(found, self._cursor or 0, horizon), key=lambda event: event.seq)
        before = self._ready[-1].seq if self._ready else self._delivered
        for event in events:
            first = event.seq - (event.missed if isinstance(event, Gap) else 1)
            before = max(before, self._silent_until)
            if first > before:
                yield Gap(seq=first, time=event.time, missed=first - before)
            yield event
            before = event.seq

    def _decoded(self, found: dict[str, _Entries], after: int, horizon: int) -> Iterator[Event]:
        of_runs: list[tuple[str, int, dict[bytes, bytes]]] = []
        for root, entries in found.items():
            for seq, fields in _numbered(entries):
                if seq > horizon:
                    break
                if root:
                    of_runs.append((root, seq, fields))
                elif not fields[b"r"]:
                    yield from unpack_index(seq, fields)
        for events in self._parts.events(self.client, of_runs):
            yield from (event for event in events if event.seq > after)

    def _xread(
        self, roots: set[str], block: int | None, horizon: int | None = None
    ) -> tuple[dict[str, _Entries], int]:
        """Return the entries behind the cursor, and how far they are complete, at most *horizon*.

        The entries are by root run, those of the index under the empty name. They are complete up to
        the newest entry there was; or up to where a stream was cut short, which may hold more.
        """
        names = {self._keys.run(root) if root else self._keys.index: root for root in roots}
        count = min(50, max(10, _ENTRIES // len(names)))
        reply = self.client.xread(dict.fromkeys(names, f"{self._cursor}-0"), count=count, block=block)
        found = {names[name.decode()]: entries for name, entries in _streams(reply) if entries}
        # Up to the newest entry of now all others are there now, and no further.
        newest = max(map(_last, found.values()), default=self._cursor or 0) if horizon is None else horizon
        limits = dict.fromkeys(found, count)
        if len(found.get("", [])) >= count:  # every start stands there: a few would not take us far
            after = found[""][-1][0].decode()
            found[""] += self.client.xrange(self._keys.index, f"({after}", count=_ENTRIES)
            limits[""] += _ENTRIES
        cuts = [_last(entries) for root, entries in found.items() if len(entries) >= limits[root]]
        return found, min([newest, *cuts])

    @staticmethod
    def _announced(entries: _Entries) -> set[str]:
        return {fields[b"r"].decode() for _, fields in entries} - {""}

    def _unwatch(self) -> None:
        """Stop watching runs that will announce themselves before they have anything to say."""
        if time.monotonic() < self._next_unwatch or not self._watched:
            return
        self._next_unwatch = time.monotonic() + _UNWATCH_EVERY
        roots = sorted(self._watched)
        now = int(self.client.time()[0])
        abouts = self._ask([("hmget", self._keys.about(root), "t", "last") for root in roots])
        for root, (active, last) in zip(roots, abouts, strict=True):
            gone = active is None or (now - int(active) > QUIET and int(last) <= (self._cursor or 0))
            if gone:
                self._watched.discard(root)

    def _between(self, after: int, until: int) -> _Entries:
        entries: _Entries = self.client.xrange(self._keys.index, f"({after}-0", f"{until}-0")
        return entries

    def _index_entries(self, until: int | None = None) -> Iterator[tuple[int, dict[bytes, bytes]]]:
        start, end = "-", "+" if until is None else f"{until}-0"
        while entries := self.client.xrange(self._keys.index, start, end, count=_PAGE):
            yield from _numbered(entries)
            start = f"({entries[-1][0].decode()}"

    def _ask(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """Send many commands at once; return their answers."""
        if not commands:
            return []
        pipeline = self.client.pipeline(transaction=False)
        for name, *arguments in commands:
            getattr(pipeline, name)(*arguments)
        return list(pipeline.execute())


def _streams(reply: Any) -> Iterator[tuple[bytes, _Entries]]:
    """Yield the streams of a reply to XREAD by name.

    With protocol 3 redis-py gives a dictionary, in which a stream's entries are one list deeper.
    """
    if not isinstance(reply, dict):
        yield from reply or ()
        return
    for name, entries in reply.items():
        deeper = bool(entries) and isinstance(entries[0], list)
        yield name, [entry for part in entries for entry in part] if deeper else entries


def _ended_roots(events: Iterable[Event]) -> Iterator[str]:
    """Yield the root runs that end in *events*: what comes of them later announces itself."""
    for event in events:
        if isinstance(event, RunEnded) and event.run_id == event.root_run_id:
            yield event.run_id


def _number(entry: tuple[bytes, dict[bytes, bytes]]) -> int:
    """Return the position an entry's id stands for."""
    return int(entry[0].partition(b"-")[0])


def _last(entries: _Entries) -> int:
    return _number(entries[-1])


def _numbered(entries: _Entries) -> Iterator[tuple[int, dict[bytes, bytes]]]:
    for entry in entries:
        yield _number(entry), entry[1]
