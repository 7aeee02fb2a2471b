"""The arguments of tool calls while they stream, with secrets kept out of every piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from tracebus.capture import StreamScrubber

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracebus.capture import Capture

Piece: TypeAlias = tuple[StreamScrubber, int]
"""What a piece belongs to, and which one it is."""


class StreamedArguments:
    """The arguments of one run's tool calls while they stream: each call's are redacted as one text.

    Taken in order on the hot path; shown whenever a reader comes by.
    """

    __slots__ = ("_calls", "_capture")

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._calls: dict[object, StreamScrubber] = {}

    def take(self, message: object) -> tuple[Piece, ...]:
        """Remember the pieces in *message*; most messages have none."""
        calls = getattr(message, "tool_call_chunks", None)
        return tuple(self._taken(call) for call in calls) if calls else ()

    def _taken(self, call: Mapping[str, Any]) -> Piece:
        index, args = call.get("index"), call.get("args")
        if call.get("id") or index not in self._calls:  # an id comes with a call's first piece
            self._calls[index] = StreamScrubber(self._capture)
        return self._calls[index], self._calls[index].take(args if isinstance(args, str) else "")
