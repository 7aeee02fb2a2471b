"""The answer of a model run that did not stream, read from its outputs."""

from __future__ import annotations

from typing import Any

import msgspec

from tracebus.tree._decisions import answer_lines
from tracebus.tree._stream import ToolCall


def text_of(outputs: Any) -> str:
    """Return the text in a model run's *outputs*; empty where there is none."""
    match outputs:
        case {"messages": [*messages]}:
            return "\n".join(filter(None, map(_message_text, messages)))
        case {"completions": [*completions]}:
            return "\n".join(filter(None, map(_block_text, completions)))
        case {"answers": {}}:
            return "\n".join(answer_lines(outputs))
        case _:
            return ""


def tool_calls_of(outputs: Any) -> tuple[ToolCall, ...]:
    """Return the tool calls in a chat model run's *outputs*."""
    match outputs:
        case {"messages": [*messages]}:
            return tuple(call for message in messages for call in _message_calls(message))
        case _:
            return ()


def _message_text(message: Any) -> str:
    match message:
        case {"content": str(content)}:
            return content
        case {"content": [*blocks]}:
            return "".join(map(_block_text, blocks))
        case _:
            return ""


def _block_text(block: Any) -> str:
    match block:
        case str():
            return block
        case {"text": str(text)}:
            return text
        case _:
            return ""


def _message_calls(message: Any) -> list[ToolCall]:
    match message:
        case {"tool_calls": [*calls]}:
            return [_call(call) for call in calls if isinstance(call, dict)]
        case _:
            return []


def _call(call: dict[str, Any]) -> ToolCall:
    call_id, args = call.get("id"), call.get("args")
    return ToolCall(
        call_id if isinstance(call_id, str) else None,
        str(call.get("name") or ""),
        args if isinstance(args, str) else msgspec.json.encode(args).decode(),
    )
