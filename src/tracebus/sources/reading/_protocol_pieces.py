"""What an event of LangChain's v3 protocol adds to a model's output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk

from tracebus.sources.reading._unknown import note_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["KNOWN_DELTAS", "KNOWN_EVENTS", "Piece", "note_unknown_protocol", "protocol_piece"]

Piece: TypeAlias = tuple[Any, AIMessageChunk | None]
"""A token, and the chunk it came in where that says more."""

KNOWN_DELTAS = frozenset(("text-delta", "reasoning-delta", "tool-call-delta", "data-delta", "block-delta"))
"""`data-delta` (media) and `block-delta` (a snapshot of a whole block) are left to the run's end."""

KNOWN_EVENTS = frozenset(
    (
        *("message-start", "message-finish", "error"),
        *("content-block-start", "content-block-delta", "content-block-finish"),
        *("tool-started", "tool-output-delta", "tool-finished", "tool-error"),
    )
)


def note_unknown_protocol(count: Callable[[str], None], event: Mapping[str, Any]) -> None:
    """Count and say, of an *event* that adds nothing to the output, if that is because it is not known."""
    name = str(event.get("event"))
    if name not in KNOWN_EVENTS:
        note_unknown(count, "protocol event", name, "it is passed over")
    elif name == "content-block-delta":
        delta = event.get("delta") or {}
        if (kind := delta.get("type")) is not None and kind not in KNOWN_DELTAS:
            note_unknown(count, "protocol delta", str(kind), "it is left to the run's end")


def protocol_piece(event: Mapping[str, Any]) -> Piece | None:
    """Return what *event* adds to the output, or `None`.

    Text, reasoning and the arguments of tool calls come as deltas; a tool call's id and name stand in the
    start of its block. The lifecycle events around them say nothing the run's end does not.
    """
    match event.get("event"):
        case "content-block-delta":
            return _of_delta(event, event.get("delta") or {})
        case "content-block-start":
            content = event.get("content") or event.get("content_block") or {}
            if content.get("type") == "tool_call_chunk":
                return _of_call(event, content.get("args") or "", content.get("id"), content.get("name"))
    return None


def _of_delta(event: Mapping[str, Any], delta: Mapping[str, Any]) -> Piece | None:
    match delta.get("type"):
        case "text-delta":
            return str(delta.get("text", "")), None
        case "reasoning-delta":
            return [{"type": "reasoning", "reasoning": delta.get("reasoning", "")}], None
        case "tool-call-delta":
            return _of_call(event, delta.get("args") or "", None, None)
        case _:
            return None


def _of_call(event: Mapping[str, Any], args: str, call_id: Any, name: Any) -> Piece:
    call = tool_call_chunk(name=name, args=args, id=call_id, index=event.get("index"))
    return "", AIMessageChunk(content="", tool_call_chunks=[call])
