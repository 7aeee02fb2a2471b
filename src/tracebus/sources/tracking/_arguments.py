"""The tool calls of a run while they stream, with secrets kept out of every piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tracebus.capture import ArgumentScrubber, StreamScrubber, clean_text
from tracebus.events import ToolCallFragment
from tracebus.toolcalls import StreamedCalls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracebus.capture import Capture


class Piece(NamedTuple):
    """A piece of a tool call, taken in its turn and shown whenever a reader comes by."""

    key: int
    id: str | None
    name: str | None
    """Only with the first piece that has it."""
    scrubber: StreamScrubber
    position: int
    certain: bool

    has_arguments: bool

    def fragment(self, *, shown: bool = True) -> ToolCallFragment:
        """Return what of the piece may be shown; with *shown* off no arguments."""
        args = self.scrubber.shown(self.position) if shown and self.certain else ""
        return ToolCallFragment(index=self.key, id=self.id, name=self.name, args=args)


class StreamedArguments:
    """The tool calls of one run while they stream: each call's arguments are redacted as one text.

    Pieces are taken in order on the hot path. Of a call that pieces may belong to which cannot be told
    apart nothing more is shown: its secrets could be anywhere.
    """

    __slots__ = ("_calls", "_capture", "_named", "_scrubbers")

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._calls = StreamedCalls()
        self._named: set[int] = set()
        self._scrubbers: dict[int, StreamScrubber] = {}

    def take(self, message: object) -> tuple[Piece | None, ...]:
        """Remember the pieces in *message*; `None` stands for one whose call cannot be told."""
        calls = getattr(message, "tool_call_chunks", None)
        return tuple(self._taken(call) for call in calls) if calls else ()

    def may_hold(self) -> bool:
        """Say whether `rest` may have something."""
        return any(scrubber.may_hold() for scrubber in self._scrubbers.values())

    def rest(self) -> tuple[ToolCallFragment, ...]:
        """Return what was held back of calls that are certain: no piece is to come."""
        held = (
            (key, scrubber.rest()) for key, scrubber in self._scrubbers.items() if self._calls.certain(key)
        )
        return tuple(ToolCallFragment(index=key, args=args) for key, args in held if args)

    def _taken(self, piece: Mapping[str, Any]) -> Piece | None:
        index, args = piece.get("index"), piece.get("args")
        args = args if isinstance(args, str) else ""
        id_, name = _text_or_none(piece.get("id")), _text_or_none(piece.get("name"))
        call = self._calls.take(index if isinstance(index, int) else None, id_, name, args)
        if call is None:
            return None
        scrubber = self._scrubbers.get(call.key)
        if scrubber is None:
            scrubber = self._scrubbers[call.key] = StreamScrubber(ArgumentScrubber(self._capture))
        if name is not None and call.key not in self._named:
            self._named.add(call.key)
        else:
            name = None
        return Piece(call.key, id_, name, scrubber, scrubber.take(args), call.certain, bool(args))


def _text_or_none(value: object) -> str | None:
    return clean_text(value) if isinstance(value, str) and value else None
