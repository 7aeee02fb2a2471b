"""The shallow copy taken on the hot path."""

from __future__ import annotations

from itertools import islice
from typing import Any

_LEVELS = 3
_MOST_ITEMS = 4_096  # copied for one payload: bounds the hot path at some tens of microseconds
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

    What the program later does to its own dicts, lists, tuples and sets then leaves the event alone.
    Of a larger container the first *max_items* are copied, and some thousands of items in all.
    No code of the program runs (no `__iter__`, `__eq__`, `__hash__` or `__repr__` of its classes),
    so nothing of it can raise here.
    """
    if type(value) in _ATOMS:
        return value
    return _copy(value, _LEVELS, [_MOST_ITEMS], max_items)


def _copy(value: Any, levels: int, room: list[int], max_items: int) -> Any:
    kind = type(value)
    if kind is dict or issubclass(kind, dict):
        return _copied_dict(value, levels, room, max_items)
    if kind is list or kind is tuple or kind is set or kind is frozenset:
        return _copied_list(value, levels, room, max_items)
    return value


def _copied_dict(value: dict[Any, Any], levels: int, room: list[int], max_items: int) -> Any:
    size = dict.__len__(value)
    room[0] -= min(size, max_items)
    if type(value) is dict and size <= max_items:
        copied = value.copy()
    else:
        # dict's own `items`, since `copy` asks a subclass for its keys.
        pairs = list(islice(dict.items(value), max_items))
        if size > max_items or any(type(key) is not str for key, _ in pairs):
            return Shortened(pairs, size, mapping=True)
        copied = dict(pairs)
    if levels > 1:
        # Keys of other types stay out: storing under them would run their `__hash__`.
        nested = [
            (key, item) for key, item in copied.items() if type(item) not in _ATOMS and type(key) is str
        ]
        for key, item in nested:
            if room[0] <= 0:
                break
            copied[key] = _copy(item, levels - 1, room, max_items)
    return copied


def _copied_list(value: Any, levels: int, room: list[int], max_items: int) -> Any:
    size = len(value)
    room[0] -= min(size, max_items)
    copied = list(value) if size <= max_items else list(islice(value, max_items))
    if levels > 1:
        for index, item in enumerate(copied):
            if room[0] <= 0:
                break
            if type(item) not in _ATOMS:
                copied[index] = _copy(item, levels - 1, room, max_items)
    return copied if size <= max_items else Shortened(copied, size, mapping=False)
