"""The shallow copy taken on the hot path."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from tracebus.capture._long_texts import LONG
from tracebus.capture._pieces import is_shared, piece_list, piece_of

if TYPE_CHECKING:
    from tracebus.capture._pieces import Share

_LEVELS = 3
_MOST_ITEMS = 4_096  # copied for one payload: bounds the hot path at some tens of microseconds
_POINTER = 8
_PLACE = 64
_UNKNOWN = 256
"""Bytes an object counts until it is JSON."""
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
    return weighed(value, max_items).value


class Weighed(NamedTuple):
    """A snapshot, and what it keeps in memory."""

    value: Any
    own: int
    """Bytes nothing else keeps, about."""
    shares: tuple[Share, ...]
    """What other snapshots may keep, too."""


def weighed(value: Any, max_items: int = 1_000) -> Weighed:
    """Do what `snapshot` does, and say what that keeps in memory."""
    copier = _Copier(max_items)
    taken = copier.taken(value, _LEVELS)
    return Weighed(taken, copier.own, tuple(copier.shares))


class _Copier:
    """Copies one payload."""

    __slots__ = ("_max_items", "_room", "own", "shares")

    def __init__(self, max_items: int) -> None:
        self._max_items = max_items
        self._room = _MOST_ITEMS
        self.own = 0
        self.shares: list[Share] = []

    def taken(self, value: Any, levels: int) -> Any:
        """Return *value* as it is kept, its containers copied *levels* deep."""
        kind = type(value)
        if kind in _ATOMS:
            self._weigh(kind, value)
            return value
        if levels > 0 and self._room > 0:
            if kind is dict or issubclass(kind, dict):
                return self._dict(value, levels)
            if kind is list or kind is tuple or kind is set or kind is frozenset:
                return self._list(value, levels)
        if is_shared(kind):
            if (piece := piece_of(value)) is not None:
                self.shares.append((piece, piece.size))
                return piece
        elif levels > 0 and self._room > 0 and hasattr(kind, "__dataclass_fields__"):
            return self._dataclass(value, kind, levels)
        self.own += _UNKNOWN
        return value

    def _dataclass(self, value: Any, kind: type, levels: int) -> Any:
        """Return another of its *kind* (a LangGraph state or command) with copies in its fields."""
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

    def _weigh(self, kind: type, value: Any) -> None:
        if kind is str or kind is bytes:
            if len(value) >= LONG:
                self.shares.append((value, len(value)))
            else:
                self.own += len(value)

    def _dict(self, value: dict[Any, Any], levels: int) -> Any:
        size = dict.__len__(value)
        self._room -= min(size, self._max_items)
        self.own += _PLACE * min(size, self._max_items)
        if type(value) is dict and size <= self._max_items:
            copied = value.copy()
        else:
            # dict's own `items`, since `copy` asks a subclass for its keys.
            pairs = list(islice(dict.items(value), self._max_items))
            if size > self._max_items or any(type(key) is not str for key, _ in pairs):
                return Shortened(pairs, size, mapping=True)
            copied = dict(pairs)
        # Keys of other types stay out: storing under them would run their `__hash__`.
        for key, item in list(copied.items()):
            kind = type(item)
            if kind in _ATOMS:
                self._weigh(kind, item)
            elif type(key) is str:
                copied[key] = self.taken(item, levels - 1)
        return copied

    def _list(self, value: Any, levels: int) -> Any:
        size = len(value)
        self._room -= min(size, self._max_items)
        self.own += _POINTER * min(size, self._max_items)
        copied = list(value) if size <= self._max_items else list(islice(value, self._max_items))
        pieces = piece_list(copied, size)
        if pieces is not None:
            self.shares.append((pieces.chain, _POINTER))
            self.shares += ((piece, piece.size) for piece in pieces.new)
            return pieces
        for index, item in enumerate(copied):
            kind = type(item)
            if kind in _ATOMS:
                self._weigh(kind, item)
            else:
                copied[index] = self.taken(item, levels - 1)
        return copied if size <= self._max_items else Shortened(copied, size, mapping=False)
