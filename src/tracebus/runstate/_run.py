"""One run in the document, and the operations its events make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from tracebus.runstate import _entry
from tracebus.runstate._pointer import pointer
from tracebus.runstate._text import ChunkedText
from tracebus.toolcalls import StreamedCalls

if TYPE_CHECKING:
    from tracebus.events import Cut, RunEnded, RunStarted, RunStreamed, ToolCallFragment

__all__ = ["Operations", "Run"]

Operations: TypeAlias = "list[dict[str, Any]]"


class Run:
    """A run's entry in the document, with what is needed to extend it at no search.

    The entry is the document's own. An operation must not carry a container that later grows, so those
    are copied into operations; payloads never change and are shared.
    """

    __slots__ = ("_calls", "_path", "_pieces", "_reasoning", "_text", "entry", "tree")

    def __init__(self, entry: dict[str, Any]) -> None:
        self.entry = entry
        self.tree: str = entry["root_id"]
        """The tree the run leaves the document with, whatever a late start says of its root."""
        self._path = pointer("runs", entry["id"])
        self._text = ChunkedText(entry, "text", f"{self._path}/text")
        self._reasoning: ChunkedText | None = None
        self._calls: dict[int, tuple[int, ChunkedText]] = {}
        self._pieces: StreamedCalls | None = None

    @property
    def open(self) -> bool:
        """Whether the run has not ended, as far as is known."""
        return bool(self.entry["status"] == "running")

    @property
    def ended(self) -> bool:
        """Whether the run's end was seen."""
        return self.entry["status"] not in ("running", "lost")

    def placed(self) -> dict[str, Any]:
        """Return the operation that puts the run, which has streamed nothing yet, into the document."""
        value = {**self.entry, "text": []}
        if "cuts" in value:
            value["cuts"] = list(value["cuts"])
        return {"op": "add", "path": self._path, "value": value}

    def removed(self) -> dict[str, Any]:
        """Return the operation that takes the run out of the document."""
        return {"op": "remove", "path": self._path}

    def set(self, members: dict[str, Any], operations: Operations) -> None:
        """Set *members* of the entry; values are not changed afterwards."""
        for name, value in members.items():
            op = "replace" if name in self.entry else "add"
            self.entry[name] = value
            operations.append({"op": op, "path": f"{self._path}/{name}", "value": value})

    def push(self, member: str, element: Any, operations: Operations) -> None:
        """Append *element* to the list *member*, which may not be there yet."""
        if member in self.entry:
            self.entry[member].append(element)
            operations.append({"op": "add", "path": f"{self._path}/{member}/-", "value": element})
        else:
            self.entry[member] = [element]
            operations.append({"op": "add", "path": f"{self._path}/{member}", "value": [element]})

    def start_known(self, event: RunStarted, operations: Operations) -> None:
        """Fill in a start that had been missed."""
        started = _entry.at_start(event)
        known = {"id", "status", "end_time", "outputs", "error", "usage", "text", "cuts"}
        # Inputs that came with the end are the later, better ones.
        if self.entry["inputs"] is not None:
            known.add("inputs")
        self.set({name: value for name, value in started.items() if name not in known}, operations)
        self.cut(event.cuts, operations)
        del self.entry["start_missed"]
        operations.append({"op": "remove", "path": f"{self._path}/start_missed"})

    def stream(self, event: RunStreamed, operations: Operations) -> bool:
        """Take in a chunk; return whether `flush` now has something to do that it had not before."""
        first = False
        if event.text:
            first = self._text.put(event.text)
        if event.reasoning:
            first = self._reasoning_text().put(event.reasoning) or first
        for fragment in event.tool_calls:
            first = self._tool_call(fragment, operations) or first
        if event.chunk is not None:
            self.push("chunks", event.chunk, operations)
        if "first_token_time" not in self.entry and (event.text or event.reasoning or event.tool_calls):
            self.set({"first_token_time": _entry.milliseconds(event.time)}, operations)
        if event.cuts:
            self.cut(event.cuts, operations)
        return first

    def flush(self, operations: Operations) -> None:
        """Make chunks of the text taken in since the last flush."""
        for text in self._texts():
            text.flush(operations)

    def end(self, event: RunEnded, operations: Operations) -> None:
        """Take in the run's end."""
        for text in self._texts():
            text.compact(operations)
        if event.cuts:
            self.cut(event.cuts, operations)
        self.set(_entry.at_end(event), operations)

    def cut(self, cuts: tuple[Cut, ...], operations: Operations) -> None:
        """Note what was left out of an event."""
        for cut in cuts:
            self.push("cuts", msgspec.to_builtins(cut), operations)

    def _texts(self) -> list[ChunkedText]:
        if self._reasoning is None and not self._calls:
            return [self._text]
        more = [text for _, text in self._calls.values()]
        return [self._text, *([self._reasoning] if self._reasoning else []), *more]

    def _reasoning_text(self) -> ChunkedText:
        if self._reasoning is None:
            self._reasoning = ChunkedText(self.entry, "reasoning", f"{self._path}/reasoning")
        return self._reasoning

    def _tool_call(self, fragment: ToolCallFragment, operations: Operations) -> bool:
        """Take in a piece of a tool call; see `stream`."""
        if self._pieces is None:
            self._pieces = StreamedCalls()
        found = self._pieces.take(fragment.index, fragment.id, fragment.name, fragment.args)
        if found is None:
            return False
        if found.key not in self._calls:
            self._open_call(found.key, fragment, operations)
        else:
            self._name_call(found.key, fragment, operations)
        return self._calls[found.key][1].put(fragment.args) if fragment.args else False

    def _open_call(self, key: int, fragment: ToolCallFragment, operations: Operations) -> None:
        position = len(self.entry.get("tool_calls", ()))
        call: dict[str, Any] = {"id": fragment.id, "name": fragment.name, "args": []}
        # A container of its own: the operation's must not grow with the document's.
        self.push("tool_calls", call, operations)
        operations[-1]["value"] = [{**call, "args": []}] if position == 0 else {**call, "args": []}
        path = f"{self._path}/tool_calls/{position}/args"
        self._calls[key] = (position, ChunkedText(call, "args", path))

    def _name_call(self, key: int, fragment: ToolCallFragment, operations: Operations) -> None:
        """Note an id or a name that comes after the call's first piece."""
        position, _ = self._calls[key]
        call = self.entry["tool_calls"][position]
        path = f"{self._path}/tool_calls/{position}"
        if fragment.id is not None and call["id"] is None:
            call["id"] = fragment.id
            operations.append({"op": "replace", "path": f"{path}/id", "value": fragment.id})
        if fragment.name and not call["name"]:
            call["name"] = fragment.name
            operations.append({"op": "replace", "path": f"{path}/name", "value": call["name"]})
