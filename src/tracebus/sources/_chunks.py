"""What a model streams, taken apart after the hot path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessageChunk
from msgspec.structs import force_setattr

from tracebus.capture import clean_text, streamed_text, to_json
from tracebus.events import Cut, Deferred, ToolCallFragment
from tracebus.sources._arguments import StreamedArguments
from tracebus.sources._messages import as_plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tracebus.capture import Capture
    from tracebus.events import Event
    from tracebus.sources._arguments import Piece
    from tracebus.sources._tracker import OpenRun

_REASONING_KEYS = ("reasoning", "thinking", "reasoning_content", "text")


class StreamedChunk(Deferred):
    """A token as the callback brought it: settles into text, reasoning and tool-call fragments.

    *message* is the `AIMessageChunk` the token came in; text completions have none.
    """

    __slots__ = ("arguments", "capture", "message", "token")

    def __init__(self, run: OpenRun, token: object, message: object) -> None:
        self.token = token
        self.message = message
        self.capture = run.capture
        self.arguments: Sequence[Piece] = ()
        if getattr(message, "tool_call_chunks", None):
            if run.arguments is None:
                run.arguments = StreamedArguments(run.capture)
            self.arguments = run.arguments.take(message)

    def settle_into(self, event: Event, field: str) -> None:
        """Fill in the event's text, reasoning and tool calls, and its raw chunk if asked for."""
        force_setattr(event, field, None)
        message = self.message
        content = getattr(message, "content", self.token)
        self._put(
            event,
            text="".join(_texts(content)),
            reasoning="".join(_reasonings(content, message)),
            tool_calls=tuple(_fragments(message, self.arguments)),
        )
        if self.capture.raw_chunks and self.capture.streams_text:
            value, cuts = to_json(message or self.token, self.capture, f"/{field}", _as_plain_chunk)
            force_setattr(event, field, value)
            _add_cuts(event, cuts)

    def _put(
        self, event: Event, *, text: str, reasoning: str, tool_calls: tuple[ToolCallFragment, ...]
    ) -> None:
        if not self.capture.streams_text:
            reason: Any = "redacted" if self.capture.content else "content"
            if text:
                _add_cuts(event, (Cut(path="/text", reason=reason, size=len(text)),))
            if reasoning:
                _add_cuts(event, (Cut(path="/reasoning", reason=reason, size=len(reasoning)),))
            if any(fragment.args for fragment in tool_calls):
                _add_cuts(event, (Cut(path="/tool_calls", reason=reason),))
            tool_calls = tuple(
                ToolCallFragment(index=part.index, id=part.id, name=part.name) for part in tool_calls
            )
            text = reasoning = ""
        force_setattr(event, "text", self._limited(event, "/text", text))
        force_setattr(event, "reasoning", self._limited(event, "/reasoning", reasoning))
        force_setattr(event, "tool_calls", tool_calls)

    def _limited(self, event: Event, path: str, text: str) -> str:
        if len(text) > self.capture.max_string:
            _add_cuts(event, (Cut(path, "length", len(text)),))
        return streamed_text(text, self.capture)


def plain_text(token: object, message: object, capture: Capture) -> str | None:
    """Return the text of a chunk that is nothing but text, as nearly all are; `None` for another.

    It costs less than a `StreamedChunk`, and keeps no message of the program's alive.
    """
    content = token if message is None else getattr(message, "content", token)
    if type(content) is not str or not content or len(content) > capture.max_string:
        return None
    if getattr(message, "tool_call_chunks", None) or getattr(message, "additional_kwargs", None):
        return None
    return clean_text(content) if capture.streams_text and not capture.raw_chunks else None


def is_output(token: object, message: object) -> bool:
    """Tell a chunk with output from the empty last one LangChain adds to every stream."""
    if token:
        return True
    return bool(
        getattr(message, "tool_call_chunks", None)
        or getattr(message, "content", None)
        or getattr(message, "additional_kwargs", None)
    )


def protocol_token(event: Mapping[str, Any]) -> str | list[Any] | None:
    """Return what a content-block delta of LangChain's v3 stream adds to the output, or `None`.

    Only deltas carry output; the lifecycle events around them say nothing the run's end does not.
    Tool-call arguments come as `block-delta` snapshots and are left to the run's end.
    """
    if event.get("event") != "content-block-delta":
        return None
    delta = event.get("delta") or {}
    match delta.get("type"):
        case "text-delta":
            return str(delta.get("text", ""))
        case "reasoning-delta":
            return [{"type": "reasoning", "reasoning": delta.get("reasoning", "")}]
        case _:
            return None


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    for block in content if isinstance(content, list) else ():
        if isinstance(block, str):
            yield block
        elif isinstance(block, dict) and block.get("type") in ("text", "text_delta"):
            yield str(block.get("text") or "")


def _reasonings(content: object, message: object) -> Iterator[str]:
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and block.get("type") in ("reasoning", "thinking", "reasoning_content"):
            yield _reasoning_of(block)
    extra = getattr(message, "additional_kwargs", None)
    if isinstance(extra, dict) and isinstance(said := extra.get("reasoning_content"), str):
        yield said


def _reasoning_of(block: Mapping[str, Any]) -> str:
    """Return a reasoning block's text: LangChain's, Anthropic's, Bedrock's and OpenAI's spellings."""
    for key in _REASONING_KEYS:
        value = block.get(key)
        if isinstance(value, str):
            return value
        if isinstance(value, dict) and isinstance(inner := value.get("text"), str):
            return inner
    summary = block.get("summary")
    parts = summary if isinstance(summary, list) else ()
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def _fragments(message: object, arguments: Sequence[Piece]) -> Iterator[ToolCallFragment]:
    calls = getattr(message, "tool_call_chunks", None) or ()
    for call, (scrubber, position) in zip(calls, arguments, strict=False):
        index = call.get("index")
        yield ToolCallFragment(
            index=index if isinstance(index, int) else None,
            id=_text_or_none(call.get("id")),
            name=_text_or_none(call.get("name")),
            args=scrubber.shown(position),
        )


def _text_or_none(value: object) -> str | None:
    return clean_text(value) if isinstance(value, str) and value else None


def _as_plain_chunk(value: object) -> Any:
    """Return a chunk with what only chunks have, which `as_plain` leaves out."""
    plain = as_plain(value)
    if isinstance(value, AIMessageChunk) and value.tool_call_chunks:
        plain["tool_call_chunks"] = value.tool_call_chunks
    return plain


def _add_cuts(event: Event, cuts: tuple[Cut, ...]) -> None:
    if cuts:
        force_setattr(event, "cuts", (*getattr(event, "cuts", ()), *cuts))
