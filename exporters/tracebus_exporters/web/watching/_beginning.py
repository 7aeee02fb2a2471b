"""The first words of a run's input or output, for its row."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["beginning"]

_MOST = 160
_LOOKED_AT = 2_000
_DEEP = 6
_FEW = 6
_MEDIA = ("image_url", "base64", "url", "data", "source", "file_id", "input_audio")
_CALLS = ("tool_use", "tool_call", "function_call")
_TEXTS = ("page_content", "query", "text", "reasoning", "thinking")


def beginning(value: Any) -> str:
    """Return a payload's first words in one line, at most 160 characters; empty where it says nothing.

    Of a conversation these are the last message's, of an answer its text and the tools it calls.
    """
    line = " ".join(_words(value, _DEEP)[:_LOOKED_AT].split())
    return line if len(line) <= _MOST else f"{line[: _MOST - 1]}…"


def _words(value: Any, depth: int) -> str:
    if value is None or depth == 0:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _of_object(value, depth - 1)
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, (_words(item, depth - 1) for item in value[:_FEW])))
    return _json(value)


def _of_object(value: dict[str, Any], depth: int) -> str:
    match value:
        case {"messages": [*_, last]} | {"messages": {} as last}:
            return _words(last, depth)
        case {"documents": [first, *rest]}:
            return f"{1 + len(rest)} documents: {_words(first, depth)}"
        case {"graph": _, "update": update, "goto": _}:  # LangGraph's Command
            return _words(update, depth)
        case {"content": content} if "role" in value or "type" in value:
            return _message(value, content, depth)
        case {"prompts": [first, *_]} | {"completions": [first, *_]}:
            return _words(first, depth)
        case _:
            return _of_fields(value, depth)


def _of_fields(value: dict[str, Any], depth: int) -> str:
    text = next((value[name] for name in _TEXTS if isinstance(value.get(name), str)), None)
    if text is not None:
        return str(text)
    if "type" in value and any(name in value for name in _MEDIA):
        return f"[{value['type']}]"
    return _pairs(value, depth)


def _message(message: dict[str, Any], content: Any, depth: int) -> str:
    """Return a message's words, and the tools it calls."""
    blocks = content if isinstance(content, list) else [content]
    said = " ".join(filter(None, (_words(block, depth) for block in blocks if not _is_call(block))))
    calls = message.get("tool_calls") or ()
    return " ".join([said, *(f"→ {_call(call)}" for call in calls if isinstance(call, dict))])


def _call(call: dict[str, Any]) -> str:
    args = call.get("args")
    inner = _named(args, 2) if isinstance(args, dict) else _json(args)
    return f"{call.get('name')}({inner})"


def _is_call(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") in _CALLS


def _pairs(value: dict[str, Any], depth: int) -> str:
    """Return the fields; of a single one that holds more, what it holds."""
    if len(value) == 1:
        (inner,) = value.values()
        if isinstance(inner, str | dict | list):
            return _words(inner, depth)
    return _named(value, depth)


def _named(value: dict[str, Any], depth: int) -> str:
    shown = ((name, _words(inner, depth)[:_MOST]) for name, inner in list(value.items())[:_FEW])
    return ", ".join(f"{name}={words}" for name, words in shown)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)[:_LOOKED_AT]
    except (TypeError, ValueError):
        return repr(value)[:_LOOKED_AT]
