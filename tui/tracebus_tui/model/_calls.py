"""The model calls of each root run, numbered from 1 in the order they began."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.tree import RunNode


class Call(NamedTuple):
    """Which model call of how many a run is."""

    number: int
    total: int


class Calls:
    """Numbers model calls as they begin."""

    def __init__(self) -> None:
        self._of_root: dict[str, list[RunNode]] = {}
        self._numbers: dict[str, int] = {}

    def add(self, node: RunNode) -> None:
        """Take in a model call that began."""
        calls = self._of_root.setdefault(node.root_run_id, [])
        if node.run_id not in self._numbers:
            calls.append(node)
            self._numbers[node.run_id] = len(calls)

    def of(self, node: RunNode) -> Call | None:
        """Return which model call *node* is; `None` for other runs."""
        number = self._numbers.get(node.run_id)
        return None if number is None else Call(number, len(self._of_root[node.root_run_id]))

    def all_of(self, root_run_id: str) -> Sequence[RunNode]:
        """Return the model calls of a root run."""
        return self._of_root.get(root_run_id, ())

    def forget(self, root_run_id: str) -> None:
        """Let go of a root run's."""
        for node in self._of_root.pop(root_run_id, ()):
            del self._numbers[node.run_id]
