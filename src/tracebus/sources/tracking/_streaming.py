"""What one run streams, with secrets kept out of every piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import force_setattr

from tracebus.capture import StreamScrubber, TextScrubber, streamed_text
from tracebus.events import Deferred
from tracebus.sources.tracking._arguments import StreamedArguments

if TYPE_CHECKING:
    from tracebus.capture import Capture
    from tracebus.events import Event

__all__ = ["StreamedOutput", "StreamedText"]


class StreamedOutput:
    """A run's streamed text, reasoning and tool calls: each redacted as one text.

    Pieces are taken in order on the hot path and read whenever a reader comes by.
    """

    __slots__ = ("arguments", "capture", "plain", "reasoning", "text")

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.plain = capture.streams_text and not capture.raw_chunks
        """Whether of a piece that is nothing but text the text is enough."""
        self.text = StreamScrubber(TextScrubber(capture))
        self.reasoning = StreamScrubber(TextScrubber(capture))
        self.arguments = StreamedArguments(capture)

    def rest(self) -> RestOfStream | None:
        """Return what may have been held back, for a last event; `None` where nothing can be."""
        if not self.capture.streams_text:
            return None
        if self.text.may_hold() or self.reasoning.may_hold() or self.arguments.may_hold():
            return RestOfStream(self)
        return None


class StreamedText(Deferred, msgspec.Struct, gc=False, eq=False):
    """A token that is nothing but text, as nearly all are.

    Args:
        output: what its run has streamed.
        position: the token's place in it.
    """

    _output: StreamedOutput
    _position: int
    bound: int = 64

    def settle_into(self, event: Event, field: str) -> None:
        """Fill in the event's text."""
        force_setattr(event, field, None)
        text = self._output.text.shown(self._position)
        force_setattr(event, "text", streamed_text(text, self._output.capture))


class RestOfStream(Deferred):
    """What was held back until the run's end, since it might have been a secret."""

    __slots__ = ("_output",)

    def __init__(self, output: StreamedOutput) -> None:
        self._output = output

    def settle_into(self, event: Event, field: str) -> None:
        """Fill in what is left to show; nothing, most often."""
        force_setattr(event, field, None)
        capture = self._output.capture
        force_setattr(event, "text", streamed_text(self._output.text.rest(), capture))
        force_setattr(event, "reasoning", streamed_text(self._output.reasoning.rest(), capture))
        force_setattr(event, "tool_calls", self._output.arguments.rest())
