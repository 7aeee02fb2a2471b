"""Texts and messages in Redis: beside their root run's stream, once, as long as the stream."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import msgspec

from tracebus.logs import PartCache, ids_in, put_together
from tracebus_exporters.redis._packing import places_in, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus.events import Event
    from tracebus.logs import Part, Places
    from tracebus_exporters.redis._packing import Entry
    from tracebus_exporters.redis._settings import Keys

__all__ = ["PartReader", "StoredParts"]

_DIGEST = 16
_VALUE, _RUN = b"v", b"r"
_MOST_ROOTS = 1_000
_MOST_ASKED = 1_000


class _OfRun:
    """What this process has stored for one root run."""

    def __init__(self) -> None:
        self.batches = 0
        self.stamps: dict[bytes, int] = {}
        """Digests of the parts, and a position their stamps are at least."""


class StoredParts:
    """Which parts this process has stored, by root run; the script makes sure that they still are."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, _OfRun] = OrderedDict()

    def forget(self, entries: Sequence[Entry]) -> None:
        """Forget what was stored for the runs of *entries*: the server has lost it."""
        for entry in entries:
            self._runs.pop(entry.root, None)

    def arguments(self, entry: Entry, new: dict[str, dict[bytes, Part]]) -> list[Any]:
        """Return what the script is told of *entry*'s parts, and add those it is given to *new*."""
        run = self._runs.get(entry.root) or _OfRun()
        added = new.setdefault(entry.root, {})
        relied: list[int] = []
        given: list[Any] = []
        for part in entry.parts:
            _give(part, run.stamps, added, relied, given)
        return [run.batches, int(bool(relied)), min(relied, default=0), len(given) // 2, *given]

    def stored(self, entries: Sequence[Entry], new: dict[str, dict[bytes, Part]], position: int) -> None:
        """Take note that *entries* with *new* parts are stored, the last event at *position*."""
        first = position - sum(entry.span for entry in entries) + 1
        for root in {entry.root for entry in entries if entry.parts}:
            run = self._runs.setdefault(root, _OfRun())
            self._runs.move_to_end(root)
            run.batches += 1
            run.stamps.update(dict.fromkeys(new[root], first))
        for entry in entries:
            if entry.ends:
                self._runs.pop(entry.root, None)
        while len(self._runs) > _MOST_ROOTS:
            self._runs.popitem(last=False)


def _give(
    part: Part, stamps: dict[bytes, int], added: dict[bytes, Part], relied: list[int], given: list[Any]
) -> None:
    """Add *part*, after what it consists of, to what is *given*, or its position to what is *relied* on."""
    if part.digest in added:
        return
    if (stamp := stamps.get(part.digest)) is not None:
        relied.append(stamp)
        return
    for member in part.members:
        _give(member, stamps, added, relied, given)
    added[part.digest] = part
    data = b"".join([member.digest for member in part.members]) if part.is_run else part.encoded()
    given += (part.digest, (_RUN if part.is_run else _VALUE) + data)


class PartReader:
    """Puts the events of entries together, and keeps some parts for the next ones."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._cache = PartCache()

    def events(
        self, client: Any, entries: Sequence[tuple[str, int, dict[bytes, bytes]]]
    ) -> Iterator[list[Event]]:
        """Yield the events of every (root run, position, fields), put together."""
        placed = [places_in(fields) for _, _, fields in entries]
        wanted = {
            (root, part_id)
            for (root, _, _), places in zip(entries, placed, strict=True)
            for of_event in places.values()
            for part_id in ids_in(of_event)
        }
        found = self._fetched(client, wanted)
        for (root, seq, fields), places in zip(entries, placed, strict=True):
            events = unpack(seq, fields)
            for number, of_event in places.items():
                _put(events[number], of_event, root, found)
            yield events

    def _fetched(self, client: Any, wanted: set[tuple[str, bytes]]) -> dict[tuple[str, bytes], Any]:
        """Return parts by root run and id. One of a run is another run's, too: ids are contents."""
        found: dict[tuple[str, bytes], Any] = {}
        missing: dict[str, list[bytes]] = {}
        for root, part_id in wanted:
            try:
                found[root, part_id] = self._cache.get(part_id)
            except KeyError:
                missing.setdefault(root, []).append(part_id)
        runs: dict[tuple[str, bytes], list[bytes]] = {}
        for root, ids in missing.items():
            for start in range(0, len(ids), _MOST_ASKED):
                asked = ids[start : start + _MOST_ASKED]
                for part_id, data in zip(asked, client.hmget(self._keys.parts(root), asked), strict=True):
                    if data is None:
                        continue
                    if data[:1] == _RUN:
                        runs[root, part_id] = [data[at : at + _DIGEST] for at in range(1, len(data), _DIGEST)]
                    else:
                        value = msgspec.json.decode(data[1:])
                        found[root, part_id] = self._cache.keep(part_id, value, len(data))
        if runs:
            self._join_runs(client, runs, found)
        return found

    def _join_runs(
        self,
        client: Any,
        runs: dict[tuple[str, bytes], list[bytes]],
        found: dict[tuple[str, bytes], Any],
    ) -> None:
        members = {(root, member) for (root, _), ids in runs.items() for member in ids} - found.keys()
        found |= self._fetched(client, members) if members else {}
        for (root, part_id), ids in runs.items():
            if all((root, member) in found for member in ids):
                run = tuple([found[root, member] for member in ids])
                found[root, part_id] = self._cache.keep(part_id, run, 8 * len(run))


def _put(event: Event, places: Places, root: str, found: dict[tuple[str, bytes], Any]) -> None:
    put_together(event, places, lambda part_id: found[root, part_id])
