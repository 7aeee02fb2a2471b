"""A cache of what was made of objects, by their identity."""

from __future__ import annotations

from typing import Any

_ENTRY = 200


class Memory:
    """What was made of objects met lately, by their identity; forgotten all at once when it is too much.

    Args:
        most: how much may be added, in whatever unit.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self.made: dict[int, tuple[object, dict[Any, Any]]] = {}
        """What was made, by the id of what it was made of, which stands beside it."""

    def get(self, value: object) -> dict[Any, Any]:
        """Return what was made of *value*, to be added to. The object is kept: its id is its own."""
        found = self.made.get(id(value))
        if found is None or found[0] is not value:
            found = self.made[id(value)] = (value, {})
            self.add(_ENTRY)
        return found[1]

    def add(self, size: int) -> None:
        """Count *size* more."""
        self._size += size
        if self._size > self._most:
            self.made, self._size = {}, 0
