"""A `RunLog` that grows in constant time."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

import jsonpatch
from langchain_core.tracers.log_stream import RunLog, RunLogPatch

from tracebus.runstate import split_pointer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.tracers.log_stream import RunState

__all__ = ["LinearRunLog"]


class LinearRunLog(RunLog):
    """LangChain's `RunLog`, with the same operations, state, equality and `+`, but linear.

    LangChain's copies every operation and the whole state at each `+`. Here the logs of one stream share
    one journal; the newest holds the state, an older one rebuilds its own when it is asked for. A state
    that was read is never changed: what the next step changes is copied first, along the path.
    """

    def __init__(self, *ops: dict[str, Any]) -> None:
        self._journal = _Journal()
        self._journal.extend(ops)
        self._length = len(ops)

    @property
    def ops(self) -> list[dict[str, Any]]:  # type: ignore[override]  # an attribute there
        """The operations from the start."""
        return self._journal.ops[: self._length]

    @property
    def state(self) -> RunState:  # type: ignore[override]  # an attribute there
        """The state after all operations."""
        if self._length == len(self._journal.ops):
            return cast("RunState", self._journal.exposed())
        return LinearRunLog(*self.ops).state

    def __add__(self, other: RunLogPatch | Any) -> RunLog:
        if not isinstance(other, RunLogPatch) or isinstance(other, RunLog):
            return NotImplemented
        if self._length < len(self._journal.ops):
            # Somebody went on from an older log: that is another history.
            return LinearRunLog(*self.ops, *other.ops)
        self._journal.extend(other.ops)
        grown = LinearRunLog.__new__(LinearRunLog)
        grown._journal = self._journal
        grown._length = len(self._journal.ops)
        return grown

    def __radd__(self, other: RunLogPatch | Any) -> RunLog:
        # Python asks the subclass first, so LangChain's own `RunLog(state=None) + log` ends here.
        if not isinstance(other, RunLogPatch):
            return NotImplemented
        return LinearRunLog(*other.ops, *self.ops)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, RunLog):
            return bool(self.ops == other.ops and self.state == other.state)
        return isinstance(other, RunLogPatch) and self.ops == other.ops

    __hash__ = None  # as LangChain's


class _Journal:
    """Operations from the start, and the state they lead to."""

    def __init__(self) -> None:
        self.ops: list[dict[str, Any]] = []
        self._state: Any = None
        # Containers nobody outside has seen, by identity; held, so that no identity is used twice.
        self._own: dict[int, Any] = {}

    def extend(self, ops: Sequence[dict[str, Any]]) -> None:
        for op in ops:
            self._apply(op)
        self.ops.extend(ops)

    def exposed(self) -> Any:
        """Return the state for somebody to keep."""
        self._own.clear()
        return self._state

    def _apply(self, op: dict[str, Any]) -> None:
        tokens = split_pointer(op["path"])
        if op["op"] not in ("add", "replace") or not self._reaches(tokens):
            self._state = jsonpatch.apply_patch(self._state, [op])
            self._own.clear()
        elif not tokens:
            self._state = op["value"]
        else:
            self._put(tokens, op["op"], op["value"])

    def _reaches(self, tokens: tuple[str, ...]) -> bool:
        """Tell whether the path is a plain one of ours: objects, with at most a list at its end."""
        node = self._state
        for token in tokens[:-1]:
            if not isinstance(node, dict) or token not in node:
                return False
            node = node[token]
        return not tokens or isinstance(node, dict) or (isinstance(node, list) and tokens[-1] == "-")

    def _put(self, tokens: tuple[str, ...], op: str, value: Any) -> None:
        node = self._state = self._owned(self._state)
        for token in tokens[:-1]:
            node[token] = self._owned(node[token])
            node = node[token]
        if isinstance(node, list):
            node.append(value)
        elif op == "replace" and tokens[-1] not in node:
            raise jsonpatch.JsonPatchConflict(f"can't replace a non-existent object {tokens[-1]!r}")
        else:
            node[tokens[-1]] = value

    def _owned(self, container: Any) -> Any:
        """Return *container*, or a shallow copy of it where somebody else may hold it."""
        if self._own.get(id(container)) is container:
            return container
        mine = copy.copy(container)
        self._own[id(mine)] = mine
        return mine
