"""What a run streamed, put together as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tracebus.toolcalls import StreamedCalls

if TYPE_CHECKING:
    from tracebus.events import RunStreamed, ToolCallFragment


class ToolCall(msgspec.Struct, frozen=True):
    """A tool call a model asked for."""

    id: str | None
    name: str
    args: str
    """The arguments as JSON text; incomplete while the model streams them."""


class Stream:
    """A run's streamed output. Adding a chunk is O(1); reading joins the chunks once."""

    __slots__ = ("_args", "_calls", "_reasoning", "_text", "chunks", "first_at", "last_at", "seq")

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: StreamedCalls | None = None
        self._args: dict[int, list[str]] = {}
        self.chunks = 0
        """Chunks with text, reasoning or a tool call in them. Chunks are not tokens."""
        self.first_at: int | None = None
        self.last_at = 0
        self.seq = 0
        """The highest `seq` applied: nothing at or below it is applied again."""

    def add(self, event: RunStreamed) -> None:
        """Append what *event* carries."""
        if event.text:
            self._text.append(event.text)
        if event.reasoning:
            self._reasoning.append(event.reasoning)
        if event.tool_calls:
            self._add_calls(event.tool_calls)

    @property
    def text(self) -> str:
        """Return the text so far."""
        return _joined(self._text)

    @property
    def reasoning(self) -> str:
        """Return the reasoning so far."""
        return _joined(self._reasoning)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Return the tool calls so far, in the order they began."""
        if self._calls is None:
            return ()
        return tuple(ToolCall(call.id, call.name, _joined(self._args[call.key])) for call in self._calls)

    def compact(self) -> None:
        """Give back the memory the single chunks take."""
        _joined(self._text)
        _joined(self._reasoning)

    def _add_calls(self, fragments: tuple[ToolCallFragment, ...]) -> None:
        if self._calls is None:
            self._calls = StreamedCalls()
        for fragment in fragments:
            call = self._calls.take(fragment.index, fragment.id, fragment.name, fragment.args)
            if call is not None:
                self._args.setdefault(call.key, []).append(fragment.args)


def _joined(parts: list[str]) -> str:
    """Return *parts* as one string, and keep them as one."""
    if len(parts) > 1:
        parts[:] = ["".join(parts)]
    return parts[0] if parts else ""
