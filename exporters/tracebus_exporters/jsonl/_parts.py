"""Texts and messages in a file of lines: a line of its own each, once; later lines refer back to it.

::

    {"type":"part","id":"kvN…","data":{"type":"human","content":"…"}}
    {"type":"part","id":"m4r…","members":["kvN…", …]}
    {"parts":[[["inputs","messages"],["kvN…","m4r…"]]],"type":"run_started",…,"inputs":{"messages":[]}}

An id is the content's digest, so writers need not agree on ids. A version that knows no parts meets a
`type` it does not know before any event that has one, and says so.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from tracebus.events import Gap, encode_json, settle
from tracebus.logs import PartCache, ids_in, take_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tracebus.events import Event
    from tracebus.logs import Part, Places

__all__ = ["PartIndex", "PartWriter", "is_part", "needed_parts", "places_in"]

_START = b'{"type":"part","id":"'
_EVENT_START = b'{"parts":'
_MOST_KNOWN = 100_000
_MARK = 64


class _PartLine(msgspec.Struct):
    id: str
    data: Any = None
    members: list[str] | None = None


class _Placed(msgspec.Struct):
    parts: list[tuple[list[str | int], Any]]


_encode = msgspec.json.Encoder().encode
_decode_part = msgspec.json.Decoder(_PartLine).decode
_decode_placed = msgspec.json.Decoder(_Placed).decode


def is_part(line: bytes) -> bool:
    """Tell whether *line* is a part and no event."""
    return line.startswith(_START)


def places_in(line: bytes) -> Places | None:
    """Return where in the event of *line* parts belong; `None` where it has none."""
    return _decode_placed(line).parts if line.startswith(_EVENT_START) else None


class PartWriter:
    """Makes lines of events, and remembers which parts the file has. Used while the file is locked."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()
        self._file: tuple[int, int] | None = None
        self._mark = b""
        self._end = 0

    def lines(self, file: BinaryIO, events: Sequence[Event]) -> tuple[bytes, set[bytes]]:
        """Return the lines of *events*, and the digests of the parts among them."""
        if not self._is_same(file) or len(self._known) > _MOST_KNOWN:
            self._known = set()
        new: set[bytes] = set()
        lines: list[bytes] = []
        for event in events:
            if isinstance(event, Gap):
                lines.append(encode_json(event))
                continue
            apart = take_apart(settle(event))
            if not apart.places:
                lines.append(encode_json(apart.event))
                continue
            found = [
                (place.path, ids if place.is_list else ids[0])
                for place in apart.places
                if (ids := [self._stored(part, new, lines) for part in place.parts]) or place.is_list
            ]
            lines.append(_EVENT_START + _encode(found) + b"," + encode_json(apart.event)[1:])
        return b"".join([line + b"\n" for line in lines]), new

    def written(self, file: BinaryIO, data: bytes, new: set[bytes]) -> None:
        """Take note that *data*, with *new* parts in it, stands at the end of the file."""
        found = os.fstat(file.fileno())
        self._file, self._end = (found.st_dev, found.st_ino), found.st_size
        self._mark = data[-_MARK:]
        self._known |= new

    def _is_same(self, file: BinaryIO) -> bool:
        """Tell whether what we wrote last still stands where it stood: the file is no other, and not cut."""
        found = os.fstat(file.fileno())
        if self._file != (found.st_dev, found.st_ino) or found.st_size < self._end:
            return False
        file.seek(self._end - len(self._mark))
        return file.read(len(self._mark)) == self._mark

    def _stored(self, part: Part, new: set[bytes], lines: list[bytes]) -> str:
        part_id = urlsafe_b64encode(part.digest)[:22].decode()
        if part.digest in self._known or part.digest in new:
            return part_id
        if part.is_run:
            members = [self._stored(member, new, lines) for member in part.members]
            rest = b'","members":' + _encode(members)
        else:
            rest = b'","data":' + part.encoded()
        lines.append(_START + part_id.encode() + rest + b"}")
        new.add(part.digest)
        return part_id


class PartIndex:
    """Where the parts of a file stand, as far as it was read."""

    def __init__(self) -> None:
        self._offsets: dict[str, int] = {}
        self._cache = PartCache()

    def forget(self) -> None:
        """Forget everything: it is another file."""
        self._offsets.clear()
        self._cache.forget()

    def note(self, line: bytes, offset: int) -> None:
        """Take note of the part in *line*, which begins at *offset*."""
        end = line.index(b'"', len(_START))
        self._offsets[line[len(_START) : end].decode()] = offset

    def part(self, file: BinaryIO, part_id: str) -> Any:
        """Return a part: JSON data, or a tuple of it for a run of messages.

        Raises:
            KeyError: there is none.
        """
        try:
            return self._cache.get(part_id)
        except KeyError:
            file.seek(self._offsets[part_id])
            line = file.readline()
        found = _decode_part(line)
        if found.members is None:
            return self._cache.keep(part_id, found.data, len(line))
        run = tuple([self.part(file, member) for member in found.members])
        return self._cache.keep(part_id, run, 8 * len(run))


def needed_parts(file: BinaryIO, keep: int) -> Iterator[bytes]:
    """Yield the lines before the offset *keep* with parts that events behind it have."""
    file.seek(keep)
    needed = {part_id for line in file if (places := places_in(line)) for part_id in ids_in(places)}
    for line in file_until(file, keep, whole=True):
        if (part := _as_part(line)) is not None and part.members and part.id in needed:
            needed.update(part.members)
    for line in file_until(file, keep):
        if (part := _as_part(line)) is not None and part.id in needed:
            yield line


def file_until(file: BinaryIO, end: int, *, whole: bool = False) -> Iterable[bytes]:
    """Yield the lines before the offset *end*, or all of them."""
    file.seek(0)
    offset = 0
    for line in file:
        if offset >= end and not whole:
            return
        offset += len(line)
        yield line


def _as_part(line: bytes) -> _PartLine | None:
    return _decode_part(line) if is_part(line) and line.endswith(b"\n") else None
