"""Text that arrives in chunks: a list in the document, appended to and at last compacted."""

from __future__ import annotations

from typing import Any

__all__ = ["ChunkedText", "compacted"]


class ChunkedText:
    """One list of chunks in a document, and the operations that make it grow.

    What is put in between two calls of `flush` becomes one chunk.
    """

    __slots__ = ("_chunks", "_holder", "_member", "_path", "_pending")

    def __init__(self, holder: dict[str, Any], member: str, path: str) -> None:
        """Grow the list `holder[member]`, which stands at *path*; it may not be there yet."""
        self._holder = holder
        self._member = member
        self._path = path
        self._chunks: list[str] = holder.get(member) or []
        self._pending: list[str] = []

    def put(self, text: str) -> bool:
        """Keep *text* for the next flush; return whether it is the first since the last one."""
        self._pending.append(text)
        return len(self._pending) == 1

    def flush(self, operations: list[dict[str, Any]]) -> None:
        """Make one chunk of what was put in."""
        if not self._pending:
            return
        chunk = self._pending[0] if len(self._pending) == 1 else "".join(self._pending)
        self._pending = []
        if self._chunks:
            self._chunks.append(chunk)
            operations.append({"op": "add", "path": f"{self._path}/-", "value": chunk})
        else:
            self._set("add", [chunk], operations)

    def compact(self, operations: list[dict[str, Any]]) -> None:
        """Make one chunk of everything: nothing more is expected."""
        if not self._pending and len(self._chunks) <= 1:
            return
        op = "replace" if self._chunks else "add"
        whole = "".join((*self._chunks, *self._pending))
        self._pending = []
        self._set(op, [whole], operations)

    def _set(self, op: str, chunks: list[str], operations: list[dict[str, Any]]) -> None:
        self._chunks = self._holder[self._member] = chunks
        operations.append({"op": op, "path": self._path, "value": list(chunks)})


def compacted(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a `RunState` document with every text in one chunk.

    Two folds of the same events are equal after this, however the events came in frames. Values inside
    inputs and outputs are shared with *document*.
    """
    return {**document, "runs": {run_id: _compacted_run(run) for run_id, run in document["runs"].items()}}


def _compacted_run(run: dict[str, Any]) -> dict[str, Any]:
    shorter = dict(run)
    for member in ("text", "reasoning"):
        if member in run:
            shorter[member] = _joined(run[member])
    if "tool_calls" in run:
        shorter["tool_calls"] = [{**call, "args": _joined(call["args"])} for call in run["tool_calls"]]
    return shorter


def _joined(chunks: list[str]) -> list[str]:
    return ["".join(chunks)] if chunks else []
