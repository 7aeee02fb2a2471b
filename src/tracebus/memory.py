"""About how much memory plain JSON takes, by a look at its containers and none at its single values."""

from __future__ import annotations

from itertools import compress
from sys import getsizeof
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["bytes_of"]

_MOST_VALUES = 2_000
"""Values looked at, about: nobody waits for the rest of a huge payload to be weighed."""
_CONTAINERS = frozenset((dict, list))


def bytes_of(values: Collection[Any], seen: set[int]) -> int:
    """Return about how many bytes *values* and what is in them take.

    Args:
        values: JSON, and structs, of which only what they take themselves counts.
        seen: the ids of containers that were counted before and count no more; those found are added.
            They stay true for as long as somebody keeps the containers.
    """
    size, room = sum(map(getsizeof, values)), _MOST_VALUES
    pending = [*_containers(values)]
    while pending and room > 0:
        value = pending.pop()
        if id(value) in seen:
            size -= getsizeof(value)
            continue
        seen.add(id(value))
        inside = value.values() if type(value) is dict else value
        room -= len(inside)
        size += sum(map(getsizeof, inside))
        pending += _containers(inside)
    return size


def _containers(values: Collection[Any]) -> Iterator[Any]:
    return compress(values, map(_CONTAINERS.__contains__, map(type, values)))
