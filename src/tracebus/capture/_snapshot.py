"""The shallow copy taken on the hot path."""

from __future__ import annotations

from itertools import islice
from sys import getsizeof
from typing import TYPE_CHECKING, Any, NamedTuple

from tracebus.capture._long_texts import LONG
from tracebus.capture._pieces import Piece, PieceList, few_pieces, is_shared, piece_list, piece_of

if TYPE_CHECKING:
    from tracebus.capture._pieces import Share

_LEVELS = 3
_MOST_ITEMS = 4_096  # copied for one payload: bounds the hot path at some tens of microseconds
_POINTER = 8
_PLACE = 64
_UNKNOWN = 256
"""Bytes an object counts until it is JSON."""
_FEW = 8
_MOST_LASTING = 256
_ATOMS = frozenset((str, int, float, bool, type(None), bytes))


class Shortened:
    """The first items of a container too large to copy, and how many it had."""

    __slots__ = ("items", "mapping", "size")

    def __init__(self, items: list[Any], size: int, *, mapping: bool) -> None:
        self.items = items
        self.size = size
        self.mapping = mapping


def snapshot(value: Any, max_items: int = 1_000) -> Any:
    """Copy the plain containers of *value* three levels deep; everything else stays by reference.

    What the program later does to its own dicts, lists, tuples and sets then leaves the event alone, and
    what it does to its messages and documents, which are copied as `Piece`s. Of a larger container the
    first *max_items* are copied, and some thousands of items in all. No code of the program runs (no
    `__iter__`, `__eq__`, `__hash__` or `__repr__` of its classes), so nothing of it can raise here.
    """
    return bounded(value, max_items)[0]


def bounded(value: Any, max_items: int = 1_000) -> tuple[Any, int]:
    """Do what `snapshot` does, and say how many bytes that keeps in memory at the most.

    Counts every part as if nothing else kept it; `weighed` says which do.
    """
    kind = type(value)
    if kind is dict:
        if len(value) <= _FEW and max_items >= _FEW and (found := _few(value, max_items)) is not None:
            return found
    elif kind is str:
        return value, len(value)
    elif is_shared(kind):
        if (piece := piece_of(value)) is not None:
            return piece, piece.size
    elif issubclass(kind, str):
        return _exact(value), max(_UNKNOWN, str.__len__(value))
    copier = _Copier(max_items)
    taken = copier.taken(value, _LEVELS)
    return taken, copier.bound


def _few(value: dict[Any, Any], max_items: int) -> tuple[dict[Any, Any], int] | None:
    """Return what most steps are given: a dictionary of few atoms, and of lists of messages; bounded."""
    copied = value.copy()
    bound = _PLACE * (1 + _FEW)
    for key, item in copied.items():
        kind = type(item)
        if kind is str:
            bound += len(item)
        elif kind is list and type(key) is str:
            if (pieces := few_pieces(item)) is not None:
                copied[key] = pieces
                bound += _PLACE + sum([piece.size + _POINTER for piece in pieces])
            elif len(item) <= max_items and (listed := piece_list(item.copy(), len(item))) is not None:
                copied[key] = listed
                bound += _POINTER + sum([piece.size for piece in listed.new])
            else:
                return None
        elif issubclass(kind, str):
            copied[key] = _exact(item)
            bound += max(_UNKNOWN, str.__len__(item))
        elif kind is bytes or kind not in _ATOMS:
            return None
    return copied, bound


def _exact(text: str) -> str:
    """Return *text*, of a subclass (a message's `text`, say), as an exact one, which costs its readers less.

    A long one stays what it is: those who hold the same object share it.
    """
    return text if str.__len__(text) >= LONG else str.__str__(text)


class _Copier:
    """Copies one payload."""

    __slots__ = ("_max_items", "_room", "bound")

    def __init__(self, max_items: int) -> None:
        self._max_items = max_items
        self._room = _MOST_ITEMS
        self.bound = 0

    def taken(self, value: Any, levels: int) -> Any:
        """Return *value* as it is kept, its containers copied *levels* deep."""
        kind = type(value)
        if kind in _ATOMS:
            if kind is str or kind is bytes:
                self.bound += len(value)
            return value
        if levels > 0 and self._room > 0:
            if kind is dict or issubclass(kind, dict):
                return self._dict(value, levels)
            if kind is list or kind is tuple or kind is set or kind is frozenset:
                return self._list(value, levels)
        if is_shared(kind):
            if (piece := piece_of(value)) is not None:
                self.bound += piece.size
                return piece
        elif levels > 0 and self._room > 0 and hasattr(kind, "__dataclass_fields__"):
            return self._dataclass(value, kind, levels)
        self.bound += _UNKNOWN
        return value

    def _dataclass(self, value: Any, kind: type, levels: int) -> Any:
        """Return another of its *kind* (a LangGraph state or command) with copies in its fields."""
        self.bound += _UNKNOWN
        if hasattr(kind, "__del__") or type(kind) is not type:
            return value
        try:
            copied: Any = object.__new__(kind)
            for name in kind.__dataclass_fields__:  # type: ignore[attr-defined]  # it has them
                taken = self.taken(object.__getattribute__(value, name), levels - 1)
                object.__setattr__(copied, name, taken)
        except (AttributeError, TypeError):  # a field without a value, or computed, or another base
            return value
        return copied

    def _dict(self, value: dict[Any, Any], levels: int) -> Any:
        size = dict.__len__(value)
        self._room -= min(size, self._max_items)
        self.bound += _PLACE * (1 + min(size, self._max_items))
        if type(value) is dict and size <= self._max_items:
            copied = value.copy()
        else:
            # dict's own `items`, since `copy` asks a subclass for its keys.
            pairs = list(islice(dict.items(value), self._max_items))
            if size > self._max_items or any(type(key) is not str for key, _ in pairs):
                self.bound += _UNKNOWN * len(pairs)
                return Shortened(pairs, size, mapping=True)
            copied = dict(pairs)
        # Keys of other types stay out: storing under them would run their `__hash__`.
        for key, item in list(copied.items()):
            kind = type(item)
            if kind is str or kind is bytes:
                self.bound += len(item)
            elif kind not in _ATOMS:
                if type(key) is str:
                    copied[key] = self.taken(item, levels - 1)
                else:
                    self.bound += _UNKNOWN
        return copied

    def _list(self, value: Any, levels: int) -> Any:
        size = len(value)
        self._room -= min(size, self._max_items)
        self.bound += _PLACE + _POINTER * min(size, self._max_items)
        copied = list(value) if size <= self._max_items else list(islice(value, self._max_items))
        pieces = piece_list(copied, size)
        if pieces is not None:
            self.bound += _POINTER + sum([piece.size for piece in pieces.new])
            return pieces
        for index, item in enumerate(copied):
            kind = type(item)
            if kind is str or kind is bytes:
                self.bound += len(item)
            elif kind not in _ATOMS:
                copied[index] = self.taken(item, levels - 1)
        return copied if size <= self._max_items else Shortened(copied, size, mapping=False)


class Weighed(NamedTuple):
    """What a snapshot keeps in memory."""

    own: int
    """Bytes nothing else keeps, about."""
    shares: tuple[Share, ...]
    """What other snapshots may keep, too."""


def weighed(taken: Any) -> Weighed:
    """Say what *taken*, a snapshot, keeps in memory."""
    own = 0
    shares: list[Share] = []
    pending = [(taken, _LEVELS)]
    while pending:
        value, levels = pending.pop()
        kind = type(value)
        if kind is str or kind is bytes:
            if len(value) >= LONG:
                shares.append((value, len(value)))
            else:
                own += len(value)
        elif kind is Piece:
            shares.append((value, value.size))
        elif kind is PieceList:
            shares.append((value.chain, _POINTER))
            shares += ((piece, piece.size) for piece in value.new)
        elif kind not in _ATOMS:
            frame, place, inside = _contents(value, kind, levels)
            own += frame + place * len(inside)
            pending += ((item, levels - 1) for item in inside)
    return Weighed(own, tuple(shares))


def lasting(taken: Any) -> int | None:
    """Return about how many bytes *taken*, a snapshot, keeps; `None` where something of the program is in it.

    Few places are looked at, fewer than are copied: what stands in them is ours.
    """
    size = room = 0
    pending = [(taken, _LEVELS)]
    for value, levels in pending:  # which grows meanwhile
        kind = type(value)
        if kind in _ATOMS:
            size += getsizeof(value)
        elif kind is Piece:
            if not value.lasting:
                return None
            size += value.size
        elif levels > 0 and (kind is list or (kind is dict and all(type(key) is str for key in value))):
            room += len(value)
            if room > _MOST_LASTING:
                return None
            pending += ((item, levels - 1) for item in (value if kind is list else value.values()))
            size += _PLACE * len(value)
        else:
            return None
    return size


def _as_kept(key: Any, item: Any) -> Any:
    """Return *item*, or, where it was not copied because of its key, something nobody looks into."""
    return item if type(key) is str or type(item) in _ATOMS else _NOT_COPIED


_NOT_COPIED = object()


def _contents(value: Any, kind: type, levels: int) -> tuple[int, int, list[Any]]:
    """Return about how many bytes a container takes, and each place in it; and what is in it."""
    if kind is Shortened:
        return _PLACE, _PLACE if value.mapping else _POINTER, value.items
    if levels > 0 and kind is dict:
        return _PLACE, _PLACE, [_as_kept(key, item) for key, item in value.items()]
    if levels > 0 and kind is list:
        return _PLACE, _POINTER, list(value)
    if levels > 0 and hasattr(kind, "__dataclass_fields__") and type(kind) is type:
        return _UNKNOWN, 0, list(getattr(value, "__dict__", {}).values())
    return _UNKNOWN, 0, []
