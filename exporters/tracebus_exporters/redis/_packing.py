"""From events to stream entries and back: one entry holds a batch of one root run's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import force_setattr, replace

from tracebus.events import Gap, RunEnded, RunStarted, decode_batch, encode_batch, settle_all
from tracebus.logs import Part, take_apart, thread_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tracebus.events import Event
    from tracebus.logs import Places

__all__ = ["NEWER", "Entry", "pack", "places_in", "unpack", "unpack_index"]

NEWER = msgspec.msgpack.encode([{"type": "part"}])
"""In the place of events that have parts, for versions that know none: they say that it is newer."""

_MOST_EVENTS = 128


class Entry(msgspec.Struct, frozen=True):
    """What becomes one entry of a run's stream and, where it tells of starts and ends, of the index."""

    root: str
    """The root run's id; empty for a gap, which stands in the index only."""
    span: int
    """Positions it takes."""
    data: bytes
    index: bytes
    """The starts and ends in it without what is long; empty where there are none."""
    ends: bool = False
    """Whether the root run ends in it."""
    places: bytes = b""
    """Where in which of its events parts belong; empty where none does."""
    parts: tuple[Part, ...] = ()
    """The texts and messages its events refer to."""

    @property
    def size(self) -> int:
        """Bytes it takes here and on the way, about."""
        return len(self.data) + len(self.index) + len(self.places) + 200


def pack(events: Sequence[Event]) -> list[Entry]:
    """Return *events* as entries: run by run, each run's events in their order; gaps where they stand."""
    settle_all(events)
    entries: list[Entry] = []
    groups: dict[str, list[Event]] = {}
    for event in events:
        if isinstance(event, Gap):
            entries += _entries(groups)
            groups = {}
            entries.append(Entry("", event.missed, b"", encode_batch([event])))
        else:
            groups.setdefault(event.root_run_id, []).append(event)
    return [*entries, *_entries(groups)]


def unpack(seq: int, fields: Mapping[bytes, bytes]) -> list[Event]:
    """Return the events of a run's entry; *seq*, the entry's id, is the position of the last."""
    events = decode_batch(fields.get(b"e") or fields[b"d"])
    for position, event in enumerate(events, seq - len(events) + 1):
        force_setattr(event, "seq", position)
    return events


def places_in(fields: Mapping[bytes, bytes]) -> dict[int, Places]:
    """Return where in an entry's events parts belong, by the events' places in the entry."""
    return _decode_places(fields[b"p"]) if b"p" in fields else {}


_decode_places = msgspec.msgpack.Decoder(dict[int, list[tuple[list[str | int], Any]]]).decode


def unpack_index(seq: int, fields: Mapping[bytes, bytes]) -> list[Event]:
    """Return the starts, ends and gaps of an entry of the index, without what is long in them."""
    if not fields[b"d"]:
        return []
    events = decode_batch(fields[b"d"])
    first = seq - int(fields[b"n"])
    for event in events:
        # A slim event's own `seq` is its place in the entry; a gap ends where its entry does.
        force_setattr(event, "seq", seq if isinstance(event, Gap) else first + event.seq)
    return events


def _entries(groups: dict[str, list[Event]]) -> Iterator[Entry]:
    for root, events in groups.items():
        for start in range(0, len(events), _MOST_EVENTS):
            part = events[start : start + _MOST_EVENTS]
            slim = [_slim(event, place) for place, event in enumerate(part, 1) if type(event) in _LIFECYCLE]
            ends = any(isinstance(event, RunEnded) and event.run_id == root for event in slim)
            index = encode_batch(slim) if slim else b""
            taken = [take_apart(event) for event in part]
            places = {
                number: [(place.path, _ids(place.parts, place.is_list)) for place in apart.places]
                for number, apart in enumerate(taken)
                if apart.places
            }
            parts = {
                found.digest: found for apart in taken for place in apart.places for found in place.parts
            }
            yield Entry(
                root,
                len(part),
                encode_batch([apart.event for apart in taken]),
                index,
                ends,
                msgspec.msgpack.encode(places) if places else b"",
                tuple(parts.values()),
            )


def _ids(parts: Sequence[Part], is_list: bool) -> Any:  # noqa: FBT001  # data
    ids = [part.digest for part in parts]
    return ids if is_list else ids[0]


_LIFECYCLE = frozenset((RunStarted, RunEnded))


def _slim(event: Event, place: int) -> Event:
    """Return a start or an end without what is long, for lists of runs."""
    changes: dict[str, Any] = {"seq": place, "inputs": None, "cuts": ()}
    if isinstance(event, RunStarted):
        thread = thread_of(event.metadata)
        changes["metadata"] = {} if thread is None else {"thread_id": thread}
    elif isinstance(event, RunEnded):
        changes["outputs"] = None
        if event.error is not None:
            changes["error"] = replace(event.error, traceback=None)
    return replace(event, **changes)
