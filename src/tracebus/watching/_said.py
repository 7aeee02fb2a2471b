"""Digests of questions and answers, by which a repetition is recognised."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from tracebus.events import Deferred

__all__ = ["asked", "digest", "is_call", "plain_text", "said"]

_SAME = ("type", "role", "content", "name", "args", "tool_calls", "status", "artifact", "text")
"""What a message says. Its id, its usage and the ids of calls differ every time."""
_DEEPEST = 12


def digest(value: Any) -> bytes:
    """Return a digest of JSON *value*, whatever the order of its keys."""
    return blake2b(msgspec.json.encode(value, order="sorted"), digest_size=12).digest()


def asked(inputs: Any) -> bytes | None:
    """Return a digest of a tool's arguments; `None` for none, which every call has in common."""
    return None if _is_empty(inputs) else digest(inputs)


def said(outputs: Any) -> bytes:
    """Return a digest of what a run put out, by what its messages say."""
    return digest(_saying(outputs))


def plain_text(outputs: Any) -> str | None:
    """Return what a model answered in words; `None` where it called tools or said nothing."""
    messages = outputs.get("messages") if isinstance(outputs, dict) else None
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
        completions = outputs.get("completions") if isinstance(outputs, dict) else None
        if isinstance(completions, list) and completions and isinstance(completions[-1], str):
            return completions[-1].strip() or None
        return None
    message = messages[-1]
    return None if message.get("tool_calls") else text_of(message)


def is_call(outputs: Any) -> bool:
    """Tell whether a model called tools, which is no answer in words; `False` if only settling can tell."""
    if isinstance(outputs, Deferred):
        return outputs.has("messages", "tool_calls")
    return plain_text(outputs) is None


def text_of(message: dict[str, Any]) -> str | None:
    """Return the text of a message; `None` where it has none."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        content = "".join(part for part in parts if isinstance(part, str))
    return (content.strip() or None) if isinstance(content, str) else None


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip() in {"", "{}", "[]", "null"}
    if isinstance(value, dict):
        return all(_is_empty(item) for item in value.values())
    if isinstance(value, list):
        return all(_is_empty(item) for item in value)
    return value is None


def _saying(value: Any, depth: int = _DEEPEST) -> Any:
    if depth <= 0:
        return None
    if isinstance(value, dict):
        if "content" in value and ("type" in value or "role" in value):  # a message
            return {name: _saying(value[name], depth - 1) for name in _SAME if value.get(name)}
        if "args" in value and "name" in value:  # a tool call
            return {name: value[name] for name in ("name", "args")}
        return {name: _saying(item, depth - 1) for name, item in value.items()}
    return [_saying(item, depth - 1) for item in value] if isinstance(value, list) else value
