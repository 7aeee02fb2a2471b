"""Positions in a file of lines."""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from msgspec.structs import force_setattr

from tracebus.events import Gap, decode_json
from tracebus.exceptions import InvalidEventError, InvalidLogError, UnknownEventTypeError
from tracebus.logs import put_together
from tracebus_exporters.jsonl._file import opened
from tracebus_exporters.jsonl._parts import PartIndex, is_part, places_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tracebus.events import Event
    from tracebus.logs import Places

__all__ = ["PRUNED", "Tail", "event_in", "require_log"]

_MARK_EVERY = 1000

_STARTS = (b'{"type":"', b'{"parts":')
"""What our lines begin with, which an editor may have changed."""
PRUNED = b'"pruned":true'
"""What marks the first line of a pruned file: a gap that stands for the positions removed."""


class Tail:
    """Which position begins at which byte, as far as the file has been read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._inode: int | None = None
        self._seen: tuple[int, int] | None = None
        self._positions = [0]
        self._offsets = [0]
        self._read_to = 0
        self._parts = PartIndex()

    def read(self, after: int, limit: int) -> list[Event]:
        """Return what `Log.read` returns."""
        found: list[Event] = []
        apart: list[tuple[Event, Places]] = []
        with self._lock, opened(self._path) as file:
            if file is None or limit < 1:
                return found
            if self._check(file):
                after = 0
            expected = after
            for position, line in self._lines(file, after):
                event = event_in(line)
                if event is None and position == 1:
                    raise _no_log(self._path)
                if event is None or (after == 0 and not found and PRUNED in line):
                    expected = position if event else expected
                    continue
                _place(event, position, after)
                missing = position - (event.missed if isinstance(event, Gap) else 1) - expected
                if missing > 0:
                    found.append(Gap(seq=expected + missing, time=event.time, missed=missing))
                if (places := places_in(line)) is not None:
                    apart.append((event, places))
                found.append(event)
                expected = position
                if len(found) >= limit:
                    break
            for event, places in apart:
                put_together(event, places, partial(self._parts.part, file))
        return found[:limit]

    def head(self, file: BinaryIO) -> int:
        """Return the position of the last whole line."""
        with self._lock:
            self._check(file)
            position = self._positions[-1]
            return max((found for found, _ in self._lines(file, position)), default=position)

    def position_at(self, file: BinaryIO, offset: int) -> int:
        """Return the last position before the byte *offset*."""
        with self._lock:
            self._check(file)
            mark = bisect_right(self._offsets, offset) - 1
            position = before = self._positions[mark]
            for position, _ in self._lines(file, before):
                if file.tell() > offset:
                    return before
                before = position
            return position

    def first_position(self, file: BinaryIO) -> int:
        """Return the last position that was pruned, 0 where none was."""
        file.seek(0)
        line = file.readline()
        event = event_in(line) if PRUNED in line else None
        return event.missed if isinstance(event, Gap) else 0

    def changed(self) -> bool:
        """Return whether the file was written, replaced or made since this was asked last."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False
        now = (found.st_ino, found.st_size)
        changed, self._seen = now != self._seen, now
        return changed

    def _check(self, file: BinaryIO) -> bool:
        """Forget the marks of a file that was rotated or truncated; return whether it was."""
        found = os.fstat(file.fileno())
        known, self._inode = self._inode, found.st_ino
        if known in {None, found.st_ino} and found.st_size >= self._read_to:
            return False
        replaced = PRUNED not in _first_line(file)
        self._positions, self._offsets, self._read_to = [0], [0], 0
        self._parts.forget()
        return replaced

    def _lines(self, file: BinaryIO, after: int) -> Iterator[tuple[int, bytes]]:
        """Yield the whole lines behind the position *after*, with their positions."""
        mark = bisect_right(self._positions, after) - 1
        position = self._positions[mark]
        offset = self._offsets[mark]
        file.seek(offset)
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            if is_part(line):
                self._parts.note(line, offset)
            else:
                position += _span(line)
            offset += len(line)
            self._read_to = max(self._read_to, offset)
            if number % _MARK_EVERY == 0 and offset > self._offsets[-1]:
                self._positions.append(position)
                self._offsets.append(offset)
            if position > after and not is_part(line):
                yield position, line


def require_log(file: BinaryIO, path: Path) -> None:
    """Refuse the file of somebody else: what is written behind its lines could not be read.

    Raises:
        InvalidLogError: it begins with a line that is no event.
    """
    file.seek(0)
    begins = file.read(len(_STARTS[0]))
    if any(start.startswith(begins) for start in _STARTS):
        return
    line = _first_line(file)
    if not is_part(line) and event_in(line) is None:
        raise _no_log(path)


def _no_log(path: Path) -> InvalidLogError:
    return InvalidLogError(f"{path} is no log of events: its first line is none")


def _first_line(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.readline()


def _span(line: bytes) -> int:
    """Return how many positions *line* takes, without decoding more lines than necessary."""
    if b'"gap"' not in line:
        return 1
    event = event_in(line)
    return event.missed if isinstance(event, Gap) else 1


def event_in(line: bytes) -> Event | None:
    """Return the event in *line*; `None` where it is none, which a gap will tell.

    Raises:
        UnknownEventTypeError: it was written by a newer tracebus.
    """
    try:
        return decode_json(line)
    except UnknownEventTypeError:
        raise
    except InvalidEventError:
        return None


def _place(event: Event, position: int, after: int) -> None:
    force_setattr(event, "seq", position)
    if isinstance(event, Gap):
        force_setattr(event, "missed", min(event.missed, position - after))
