"""Parts a reader has decoded, kept for the next event that has them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

__all__ = ["PartCache"]

_MOST_BYTES = 16_000_000


class PartCache:
    """Decoded parts by their ids, those used longest ago forgotten first; events share the objects."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._parts: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self._most_bytes = most_bytes
        self._size = 0

    def forget(self) -> None:
        """Forget everything: the ids are another log's from now on."""
        self._parts.clear()
        self._size = 0

    def get(self, part_id: Any) -> Any:
        """Return the part of this id.

        Raises:
            KeyError: it is not here.
        """
        value = self._parts[part_id][0]
        self._parts.move_to_end(part_id)
        return value

    def keep(self, part_id: Any, value: Any, size: int) -> Any:
        """Remember *value*, which took *size* bytes, and return it."""
        before = self._parts.pop(part_id, None)
        self._size += size - (before[1] if before else 0)
        self._parts[part_id] = (value, size)
        while self._size > self._most_bytes and len(self._parts) > 1:
            self._size -= self._parts.popitem(last=False)[1][1]
        return value
