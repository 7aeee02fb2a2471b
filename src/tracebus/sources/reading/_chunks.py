"""What a model streams, taken apart after the hot path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessageChunk
from msgspec.structs import force_setattr

from tracebus.capture import streamed_text, to_json
from tracebus.events import Cut, Deferred
from tracebus.sources.reading._messages import as_plain
from tracebus.sources.tracking._streaming import StreamedOutput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tracebus.events import Event
    from tracebus.sources.tracking._open_run import OpenRun

_REASONING_KEYS = ("reasoning", "thinking", "reasoning_content", "text")


class StreamedChunk(Deferred):
    """A token as the callback brought it: settles into text, reasoning and tool-call fragments.

    *message* is the `AIMessageChunk` the token came in; text completions have none.
    """

    __slots__ = ("_arguments", "_message", "_output", "_reasoning", "_text", "_token")

    def __init__(self, output: StreamedOutput, token: object, message: object) -> None:
        self._token = token
        self._message = message
        self._output = output
        content = getattr(message, "content", token)
        self._text = output.text.take("".join(_texts(content)))
        self._reasoning = output.reasoning.take("".join(_reasonings(content, message)))
        self._arguments = output.arguments.take(message)

    def settle_into(self, event: Event, field: str) -> None:
        """Fill in the event's text, reasoning and tool calls, and its raw chunk if asked for."""
        force_setattr(event, field, None)
        capture = self._output.capture
        for name, text in (
            ("text", self._output.text.shown(self._text)),
            ("reasoning", self._output.reasoning.shown(self._reasoning)),
        ):
            if len(text) > capture.max_string:
                _add_cuts(event, (Cut(f"/{name}", "length", len(text)),))
            force_setattr(event, name, streamed_text(text, capture))
        calls = tuple(piece.fragment() for piece in self._arguments if piece is not None)
        force_setattr(event, "tool_calls", calls)
        if any(piece is None or not piece.certain for piece in self._arguments):
            _add_cuts(event, (Cut(path="/tool_calls", reason="redacted"),))
        if capture.raw_chunks:
            value, cuts = to_json(self._message or self._token, capture, f"/{field}", _as_plain_chunk)
            force_setattr(event, field, value)
            _add_cuts(event, cuts)


class WithheldChunk(Deferred):
    """A token of which nothing may be shown but that it was there."""

    __slots__ = ("_arguments", "_output", "_sizes")

    def __init__(self, output: StreamedOutput, token: object, message: object) -> None:
        content = getattr(message, "content", token)
        self._output = output
        self._sizes = {
            "/text": sum(map(len, _texts(content))),
            "/reasoning": sum(map(len, _reasonings(content, message))),
        }
        self._arguments = output.arguments.take(message)

    def settle_into(self, event: Event, field: str) -> None:
        """Fill in which tools are called, and what was left out."""
        force_setattr(event, field, None)
        reason: Any = "redacted" if self._output.capture.content else "content"
        _add_cuts(event, tuple(Cut(path, reason, size) for path, size in self._sizes.items() if size))
        calls = [piece for piece in self._arguments if piece is not None]
        if any(piece.has_arguments for piece in calls):
            _add_cuts(event, (Cut(path="/tool_calls", reason=reason),))
        force_setattr(event, "tool_calls", tuple(piece.fragment(shown=False) for piece in calls))


def streamed_chunk(run: OpenRun, token: object, message: object) -> Deferred:
    """Return a chunk of *run* as an event holds it until somebody reads the event."""
    kind = StreamedChunk if run.capture.streams_text else WithheldChunk
    return kind(output_of(run), token, message)


def plain_text(token: object, message: object, output: StreamedOutput) -> str | None:
    """Return the text of a chunk that is nothing but text, as nearly all are; `None` for another.

    It costs less than a `StreamedChunk`, and keeps no message of the program's alive.
    """
    content = token if message is None else getattr(message, "content", token)
    if type(content) is not str or not content or len(content) > output.capture.max_string:
        return None
    if getattr(message, "tool_call_chunks", None) or getattr(message, "additional_kwargs", None):
        return None
    return content if output.plain else None


def output_of(run: OpenRun) -> StreamedOutput:
    """Return what *run* has streamed so far."""
    if run.output is None:
        run.output = StreamedOutput(run.capture)
    return run.output


def is_output(token: object, message: object) -> bool:
    """Tell a chunk with output from the empty last one LangChain adds to every stream."""
    if token:
        return True
    return bool(
        getattr(message, "tool_call_chunks", None)
        or getattr(message, "content", None)
        or getattr(message, "additional_kwargs", None)
    )


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


def _as_plain_chunk(value: object) -> Any:
    """Return a chunk with what only chunks have, which `as_plain` leaves out."""
    plain = as_plain(value)
    if isinstance(value, AIMessageChunk) and value.tool_call_chunks:
        plain["tool_call_chunks"] = value.tool_call_chunks
    return plain


def _add_cuts(event: Event, cuts: tuple[Cut, ...]) -> None:
    if cuts:
        force_setattr(event, "cuts", (*getattr(event, "cuts", ()), *cuts))
