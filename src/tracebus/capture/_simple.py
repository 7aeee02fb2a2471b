"""The JSON of what most payloads are: short texts, numbers and messages, with nothing to cut or to redact.

All else goes the long way, `_walk`, which gives the same for these too, at several times the cost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from tracebus.capture._long_texts import LONG
from tracebus.capture._piece_forms import LIST_SIZE, list_again, piece_form
from tracebus.capture._pieces import Piece, PieceList
from tracebus.capture._reuse import PieceForm, remember
from tracebus.capture._texts import INT_MAX, INT_MIN, NUMBER_SIZE, scrubbed

if TYPE_CHECKING:
    from tracebus.capture._policy import Capture

__all__ = ["Simple", "simple", "simple_form"]

_MOST_ITEMS = 64
_MOST_LEVELS = 6
"""Containers in one another: what is deeper may come back to itself."""
_LONGEST_KEY = 256


class Simple(NamedTuple):
    """A payload that is JSON as it stands."""

    plain: Any
    size: int
    """What it takes of a payload's `max_size`."""
    levels: int
    """How many containers are in one another."""
    own: int
    """What of its size is no piece's."""
    used: tuple[object, ...]
    """The forms of the pieces in it."""


def simple(value: Any, capture: Capture) -> Simple | None:
    """Return the JSON of *value*; `None` where something might have to be cut, redacted or converted.

    It asks no function for redaction: where *capture* has one, this is not for it.
    """
    kind = type(value)
    atom = _text(value, capture) if kind is str else _number(value, kind)
    if atom is not None:
        return Simple(value, atom, 0, atom, ()) if atom < capture.max_size else None
    reading = _Reading(capture)
    found = reading.value(value, kind, 0)
    if found is None:
        return None
    plain, size, levels = found
    if size >= capture.max_size or levels > capture.max_depth:
        return None  # one that takes all the room might have been cut on the way
    return Simple(plain, size, levels, size - reading.shared, tuple(reading.used))


def simple_form(piece: Piece, depth: int, capture: Capture) -> PieceForm | None:
    """Return what *piece* looks like inside *depth* containers; `None` where it is not that simple."""
    found = simple(piece.plain(), capture)
    if found is None or found.used or found.levels + depth > capture.max_depth:
        return None
    form = PieceForm(found.plain, found.size, (), 0)
    form.depth, form.deepest = depth, max(depth, depth + found.levels - 1)
    return form


class _Reading:
    """One payload being looked through."""

    __slots__ = ("_capture", "shared", "used")

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self.shared = 0
        """What the pieces take of the payload's size."""
        self.used: list[object] = []

    def value(self, value: Any, kind: type, depth: int) -> tuple[Any, int, int] | None:
        """Return a container's or a piece's JSON, its size, and the containers in one another."""
        if kind is Piece:
            return self._piece(value, depth)
        if kind is PieceList:
            return self._pieces(value, depth)
        if depth >= _MOST_LEVELS:
            return None
        if kind is dict:
            return self._mapping(value, depth)
        return self._listing(value, depth) if kind is list or kind is tuple else None

    def _mapping(self, value: dict[Any, Any], depth: int) -> tuple[Any, int, int] | None:
        capture = self._capture
        if len(value) > _MOST_ITEMS or len(value) > capture.max_items:
            return None
        size, levels = 3, 0
        result = value.copy()
        for key, item in result.items():
            if type(key) is not str or len(key) > _LONGEST_KEY or not key.isascii() or key == "value":
                return None  # `{"name": …, "value": …}` may be a pair with a secret
            kind = type(item)
            if item is not None and kind is not bool and capture.is_secret(key):
                return None
            size += len(key) + 4
            if (more := _text(item, capture) if kind is str else _number(item, kind)) is not None:
                size += more
            elif (inside := self.value(item, kind, depth + 1)) is not None:
                result[key] = inside[0]
                size += inside[1]
                levels = max(levels, inside[2])
            else:
                return None
        return result, size, levels + 1

    def _listing(self, value: Any, depth: int) -> tuple[Any, int, int] | None:
        capture = self._capture
        if len(value) > _MOST_ITEMS or len(value) > capture.max_items:
            return None
        size, levels = LIST_SIZE, 0
        result = list(value)
        for index, item in enumerate(result):
            kind = type(item)
            if kind is list or kind is tuple:
                return None  # may be a pair with a secret
            if (more := _text(item, capture) if kind is str else _number(item, kind)) is not None:
                size += more
            elif (inside := self.value(item, kind, depth + 1)) is not None:
                result[index] = inside[0]
                size += inside[1]
                levels = max(levels, inside[2])
            else:
                return None
        return result, size, levels + 1

    def _piece(self, piece: Piece, depth: int) -> tuple[Any, int, int] | None:
        if not piece.lasting:  # what is round messages, as a prompt's value
            return (
                None if depth >= _MOST_LEVELS else self.value(content := piece.plain(), type(content), depth)
            )
        form = self._form(piece, depth)
        if form is None:
            return None
        self.shared += form.size
        self.used.append(form)
        return form.plain, form.size, form.deepest - form.depth + 1

    def _pieces(self, found: PieceList, depth: int) -> tuple[Any, int, int] | None:
        if depth + 1 >= self._capture.max_depth:
            return None
        again = list_again(found, depth, self._capture, self._form)
        if again is None or again.noted or found.length > len(again.plain):
            return None
        self.shared += again.size
        remember(again.use)
        self.used.append(again.use)
        return again.plain, again.size + LIST_SIZE, 2

    def _form(self, piece: Piece, depth: int) -> PieceForm | None:
        """Return the form of *piece*, of which nothing is cut."""
        form = piece_form(piece, depth, self._capture, self._new_form)
        return None if form is None or form.cuts or form.more_cuts else form

    def _new_form(self, piece: Piece, depth: int) -> PieceForm | None:
        return simple_form(piece, depth, self._capture)


def _text(text: str, capture: Capture) -> int | None:
    """Return the room *text* takes as it is; `None` where it may not stay so."""
    size = len(text)
    fits = size < LONG and size <= capture.max_string and text.isascii()
    return size + 3 if fits and scrubbed(text, capture) is text else None


def _number(value: Any, kind: type) -> int | None:
    """Return the room a number, a truth value or nothing takes; `None` of anything else."""
    if kind is int:
        return NUMBER_SIZE if INT_MIN <= value <= INT_MAX else None
    if kind is float:
        return NUMBER_SIZE if math.isfinite(value) else None
    return NUMBER_SIZE if value is None or kind is bool else None
