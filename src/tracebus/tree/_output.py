"""The answer of a model run that did not stream, read from its outputs."""

from __future__ import annotations

from typing import Any

import msgspec

from tracebus.tree._decisions import answer_lines
from tracebus.tree._stream import ToolCall

_REASONING = ("reasoning", "thinking", "reasoning_content")
_OWN_CALLS = ("tool_call", "function_call", "invalid_tool_call")
"""Blocks that say what `tool_calls` says as well: the program runs these."""
_ARGUMENTS = ("args", "input", "action", "arguments")


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


def reasoning_of(outputs: Any) -> str:
    """Return the reasoning in a chat model run's *outputs*, in any of the providers' spellings."""
    match outputs:
        case {"messages": [*messages]}:
            return "\n".join(filter(None, map(_message_reasoning, messages)))
        case _:
            return ""


def provider_calls_of(outputs: Any) -> tuple[ToolCall, ...]:
    """Return the calls of tools that the provider ran itself (a web search), out of *outputs*."""
    match outputs:
        case {"messages": [*messages]}:
            blocks = (block for message in messages for block in _blocks(message))
            return tuple(_provider_call(block) for block in blocks if _is_provider_call(block))
        case _:
            return ()


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


def _blocks(message: Any) -> list[dict[str, Any]]:
    match message:
        case {"content": [*blocks]}:
            return [block for block in blocks if isinstance(block, dict)]
        case _:
            return []


def _message_reasoning(message: Any) -> str:
    thoughts = [_thought(block) for block in _blocks(message) if block.get("type") in _REASONING]
    match message:
        case {"additional_kwargs": {"reasoning_content": str(said)}}:
            thoughts.append(said)
        case _:
            pass
    return "".join(thoughts)


def _thought(block: dict[str, Any]) -> str:
    for key in ("reasoning", "thinking", "reasoning_content", "text"):
        value = block.get(key)
        said = value.get("text") if isinstance(value, dict) else value
        if isinstance(said, str):
            return said
    summary = block.get("summary")
    parts = summary if isinstance(summary, list) else ()
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def _is_provider_call(block: dict[str, Any]) -> bool:
    kind = block.get("type")
    if not isinstance(kind, str) or kind in _OWN_CALLS:
        return False
    return kind in ("server_tool_call", "server_tool_use") or (
        kind.endswith("_call") and bool(block.get("id"))
    )


def _provider_call(block: dict[str, Any]) -> ToolCall:
    given: Any = next((block[key] for key in _ARGUMENTS if block.get(key) is not None), {})
    named = {**block, "args": given, "name": block.get("name") or block.get("type")}
    return _call(named)


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
