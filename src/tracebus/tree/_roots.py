"""The root runs of a tree, and which of them leave when there are too many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.tree._counters import STATUS_UNIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.tree._node import RunNode


class Roots:
    """The roots in the order they became known; those that finished first leave first.

    Attributes:
        all: the roots that are there.
        statuses: packed counts of all roots by state, those that left included.
        left: the ids of roots that left, as many as are kept: late events about them are no new runs.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"max_roots is {limit}: a tree keeps at least one root run")
        self.all: list[RunNode] = []
        self.statuses = 0
        self.left: dict[str, None] = {}
        self._limit = limit
        # In the order they finished; a dictionary, because a finished root may come to life again.
        self._finished: dict[str, RunNode] = {}

    def add(self, root: RunNode) -> None:
        """Take *root* in."""
        self.all.append(root)
        self.statuses += STATUS_UNIT[root.status]

    def disown(self, node: RunNode) -> None:
        """Give up *node*, which turned out to be no root."""
        self.statuses -= STATUS_UNIT[node.status]
        self._finished.pop(node.run_id, None)
        self.all.remove(node)

    def settle(self, root: RunNode) -> bool:
        """Note whether *root* has finished; return whether some that have are to make room."""
        if root.open_runs:
            self._finished.pop(root.run_id, None)
        else:
            self._finished.setdefault(root.run_id, root)
        return len(self.all) > self._limit and bool(self._finished)

    def take_surplus(self) -> Iterator[RunNode]:
        """Remove and yield finished roots until there is room for the others."""
        while len(self.all) > self._limit and self._finished:
            surplus = self._finished[next(iter(self._finished))]
            self.remove(surplus)
            yield surplus

    def remove(self, root: RunNode) -> None:
        """Let *root* go, and remember that it was here."""
        self._finished.pop(root.run_id, None)
        self.all.remove(root)
        self.left[root.run_id] = None
        if len(self.left) > self._limit:
            del self.left[next(iter(self.left))]
