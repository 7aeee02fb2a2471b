"""About how much memory plain JSON takes."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["bytes_of"]

_PLACE = 64
"""Bytes of an item of a list or dict, and of a value that is neither a text nor of either kind."""
_MOST_VALUES = 2_000
"""Values looked at: nobody waits for the rest of a huge payload to be weighed."""


def bytes_of(values: Collection[Any], seen: set[int]) -> int:
    """Return about how many bytes *values* take, with what is in them.

    Args:
        values: JSON, and structs, which are taken to be small.
        seen: the ids of lists and dicts that were counted before and count no more; those found are added.
            They stay true for as long as somebody keeps the values.
    """
    size, room, pending = 0, _MOST_VALUES, [values]
    for inside in pending:  # which grows meanwhile
        count = len(inside)
        size += _PLACE * count
        room -= count
        for value in inside if room >= 0 else islice(inside, max(0, room + count)):
            kind = type(value)
            if kind is str:
                size += len(value)
            elif kind is dict:
                if id(value) not in seen:
                    seen.add(id(value))
                    pending.append(value.values())
            elif kind is list and id(value) not in seen:
                seen.add(id(value))
                pending.append(value)
    return size
