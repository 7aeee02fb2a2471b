"""The JSON of pieces, made once and used in every event that holds them.

Whoever stores or sends events asks `form_of` about a dictionary or list in a payload: the answer tells what
it is made of, so that a part stored before need not be encoded again.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import Cut

__all__ = ["CHUNK", "ChunkForm", "ListForm", "ListUse", "PieceForm", "Segment", "form_of", "remember"]

CHUNK = 32
"""Pieces of one part of a long list. What a list that grew costs is a 32nd of the square."""


class PieceForm:
    """One piece as JSON under one policy."""

    __slots__ = (
        "__weakref__",
        "cuts",
        "deepest",
        "depth",
        "digest",
        "exact_depth",
        "more_cuts",
        "plain",
        "size",
    )

    def __init__(self, plain: Any, size: int, cuts: tuple[Cut, ...], more_cuts: int) -> None:
        self.plain = plain
        self.size = size
        """What it takes of a payload's `max_size`."""
        self.cuts = cuts
        """Their paths begin at the piece."""
        self.more_cuts = more_cuts
        self.digest: bytes | None = None
        """Of the encoded form, once somebody has encoded it."""
        self.depth = self.deepest = 0
        self.exact_depth = False

    def holds_at(self, depth: int, most: int) -> bool:
        """Tell whether it looks the same inside *depth* containers, where *most* may be nested."""
        if depth == self.depth:
            return True
        return not self.exact_depth and self.deepest - self.depth + depth < most


class ChunkForm:
    """`CHUNK` pieces that follow one another."""

    __slots__ = ("__weakref__", "digest", "forms")

    def __init__(self, forms: tuple[PieceForm, ...]) -> None:
        self.forms = forms
        self.digest: bytes | None = None

    @property
    def plain(self) -> list[Any]:
        """Return the pieces' JSON."""
        return [form.plain for form in self.forms]


Segment: TypeAlias = "PieceForm | ChunkForm"


class ListUse:
    """What one list in one event is made of."""

    __slots__ = ("__weakref__", "plain", "segments")

    def __init__(self, plain: list[Any], segments: tuple[Segment, ...]) -> None:
        self.plain = plain
        self.segments = segments


class ListForm:
    """A list of pieces as JSON under one policy, with what the next, longer one takes over. Immutable."""

    __slots__ = ("chunks", "depth", "ends", "forms", "noted", "pieces", "plain")

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.pieces: list[object] = []
        """The pieces themselves: which they are is all that is asked of them here."""
        self.plain: list[Any] = []
        self.ends: list[int] = []
        """What the pieces up to each take of a payload's `max_size`."""
        self.forms: list[PieceForm] = []
        self.noted: list[tuple[int, PieceForm]] = []
        """Those with cuts, and where they stand."""
        self.chunks: list[ChunkForm] = []

    def beginning(self, count: int) -> ListForm:
        """Return what the first *count* pieces are as a list."""
        if count == len(self.pieces):
            return self
        found = ListForm(self.depth)
        found.pieces, found.plain = self.pieces[:count], self.plain[:count]
        found.ends, found.forms = self.ends[:count], self.forms[:count]
        found.noted = [(place, form) for place, form in self.noted if place < count]
        found.chunks = self.chunks[: count // CHUNK]
        return found

    def followed_by(self, pieces: Sequence[object], forms: Sequence[PieceForm]) -> ListForm:
        """Return a list with *pieces*, of which these are the *forms*, behind those there are."""
        found = ListForm(self.depth)
        start = len(self.pieces)
        end = self.ends[-1] if self.ends else 0
        ends: list[int] = []
        for form in forms:
            end += form.size
            ends.append(end)
        found.pieces = [*self.pieces, *pieces]
        found.plain = [*self.plain, *(form.plain for form in forms)]
        found.ends = [*self.ends, *ends]
        found.forms = [*self.forms, *forms]
        noted = [(place, form) for place, form in enumerate(forms, start) if form.cuts]
        found.noted = [*self.noted, *noted] if noted else self.noted
        found.chunks = [
            *self.chunks,
            *(
                ChunkForm(tuple(found.forms[place : place + CHUNK]))
                for place in range(len(self.chunks) * CHUNK, len(found.forms) - CHUNK + 1, CHUNK)
            ),
        ]
        return found

    def segments(self) -> tuple[Segment, ...]:
        """Return what the list is made of."""
        return (*self.chunks, *self.forms[len(self.chunks) * CHUNK :])


_by_plain: weakref.WeakValueDictionary[int, PieceForm | ListUse] = weakref.WeakValueDictionary()


def remember(form: PieceForm | ListUse) -> None:
    """Have `form_of` find *form* as long as somebody keeps it."""
    _by_plain[id(form.plain)] = form


def form_of(plain: Any) -> PieceForm | ListUse | None:
    """Return what is known of *plain*, a part of an event's payload."""
    found = _by_plain.get(id(plain))
    return found if found is not None and found.plain is plain else None
