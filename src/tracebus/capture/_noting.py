"""Bookkeeping while a payload becomes JSON: how much room the limits leave, and what was cut where."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from tracebus.capture._text import REDACTED
from tracebus.events import Cut

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.capture._policy import Capture
    from tracebus.capture._reuse import PieceForm
    from tracebus.events import CutReason

MOST_CUTS = 100
"""Cuts noted for one payload; one more, for `/cuts` itself, says how many there were."""
_LONGEST_POINTER = 1_024

Path: TypeAlias = "tuple[Path, str | int] | None"
"""Where a value stands, from the inside out."""


class Noting:
    """What the limits leave room for, and what was cut."""

    __slots__ = ("_capture", "_cuts", "_more_cuts", "_pointer", "_room", "_shared")

    _capture: Capture
    _pointer: str
    _room: int
    _shared: int
    """What pieces take of the room that is gone."""
    _cuts: list[Cut]
    _more_cuts: int

    def own(self) -> int:
        """Return how many characters are no piece's."""
        return self._capture.max_size - self._room - self._shared

    def noted(self) -> tuple[Cut, ...]:
        """Return the cuts, the last one saying how many there were if not all are listed."""
        if self._more_cuts:
            return (*self._cuts, Cut("/cuts", "items", MOST_CUTS + self._more_cuts))
        return tuple(self._cuts)

    def _redacted(self, path: Path) -> str:
        self._note(path, "redacted")
        return self._placeholder(REDACTED)

    def _placeholder(self, text: str) -> str:
        self._room -= len(text) + 3
        return text

    def _note_again(self, form: PieceForm, path: Path) -> None:
        """Note what was cut in a piece, now at *path*."""
        for cut in form.cuts:
            if len(self._cuts) >= MOST_CUTS:
                self._more_cuts += 1
            else:
                self._cuts.append(Cut(_joined(self._at(path), cut.path), cut.reason, cut.size))
        self._more_cuts += form.more_cuts

    def _note(self, path: Path, reason: CutReason, size: int | None = None) -> None:
        if len(self._cuts) >= MOST_CUTS:
            self._more_cuts += 1
        else:
            self._cuts.append(Cut(self._at(path), reason, size))

    def _at(self, path: Path) -> str:
        """Return *path* as a JSON Pointer, or its nearest ancestor's that is not too long."""
        segments: list[str] = []
        while path is not None:
            path, segment = path
            segments.append(str(segment).replace("~", "~0").replace("/", "~1"))
        return _longer(self._pointer, reversed(segments))


def _longer(pointer: str, segments: Iterable[str]) -> str:
    """Return *pointer* with as many of the escaped *segments* as it may hold."""
    for segment in segments:
        if len(pointer) + len(segment) >= _LONGEST_POINTER:
            break
        pointer = f"{pointer}/{segment}"
    return pointer


def _joined(pointer: str, relative: str) -> str:
    return _longer(pointer, relative.split("/")[1:])


def depth_of(path: Path) -> int:
    depth = 0
    while path is not None:
        path, _ = path
        depth += 1
    return depth
