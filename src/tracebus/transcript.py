"""What went into a run and what came out of it, as plain text: for terminals, tests and agents.

The text is what the events hold, unsanitised: whoever shows it passes it through `tracebus.text.sanitise`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tracebus.conversation import inserted
from tracebus.events import RunKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.tree import RunNode

__all__ = ["as_json", "given", "message_lines", "put_out", "told"]

_ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant"}
_DEEP = 40


def given(node: RunNode) -> str:
    """Return what the run was given; empty where nothing was recorded."""
    return told(node.inputs)


def put_out(node: RunNode) -> str:
    """Return what the run put out so far: a model's text and tool calls, a tool's content, or the outputs."""
    if node.kind is RunKind.TOOL and isinstance(node.outputs, dict) and node.outputs.get("type") == "tool":
        return told(node.outputs.get("content"))
    if not node.is_model:
        return told(node.outputs) if node.outputs is not None else node.text
    calls = [f"{call.name}({_flat(call.args)})" for call in node.tool_calls]
    said = [part for part in (node.text, *calls) if part]
    return "\n".join(said) if said else told(node.outputs)


def told(value: Any) -> str:
    """Return a payload as text: conversations and documents as one reads them, the rest as JSON."""
    match value:
        case None:
            return ""
        case str():
            return value
        case {"messages": [*messages], **rest} if all(map(_is_message, messages)):
            lines = [line for message in messages for line in message_lines(message)]
            more = {key: inner for key, inner in rest.items() if inner is not None}
            return "\n".join([*lines, *([told(more)] if more else [])])
        case dict() if len(value) == 1:
            return _only(value)
        case _:
            return _json(value)


def _is_message(value: Any) -> bool:
    match value:
        case dict() | [str(), str()]:
            return True
        case _:
            return False


def _only(value: dict[str, Any]) -> str:
    """Return what models, prompts and retrievers have one of."""
    match value:
        case {"documents": [*documents]}:
            return "\n".join(_document(number, document) for number, document in enumerate(documents, 1))
        case {"prompts": [*texts]} | {"completions": [*texts]}:
            return "\n".join(text if isinstance(text, str) else as_json(text) for text in texts)
        case {"query": str(query)}:
            return query
        case _:
            return _json(value)


def _json(value: Any) -> str:
    readable = _readable(value, _DEEP)
    return readable if isinstance(readable, str) else as_json(readable)


def message_lines(message: Any) -> Iterator[str]:
    """Yield a message, or a pair of role and text, as `role: text`, and its tool calls one a line."""
    if not isinstance(message, dict):
        role, text = message
        yield f"{_ROLES.get(role, role)}: {text}"
        return
    role = str(message.get("role") or message.get("type") or "message")
    role = _ROLES.get(role, role)
    name = message.get("name")
    role += f" ({note})" if (note := inserted(message)) else ""
    text = _content(message.get("content"))
    calls = [call for call in message.get("tool_calls") or () if isinstance(call, dict)]
    if text or not calls:
        yield f"{role}{f' {name}' if name else ''}: {text}"
    for call in calls:
        yield f"{role} calls: {call.get('name')}({_flat(call.get('args'))})"


def as_json(value: Any) -> str:
    """Return *value* as indented JSON with its keys in order; what has no JSON form says so."""
    try:
        return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2).decode()
    except (TypeError, ValueError, RecursionError) as error:
        return f"(no JSON form: {error})"


def _readable(value: Any, depth: int) -> Any:
    """Return *value* with the messages in it as text, and without the ids that are new at every run."""
    if depth == 0:
        return "…"
    match value:
        case {"content": _, "type": str()} | {"content": _, "role": str()}:
            return "\n".join(message_lines(value))
        case {"name": str(), "args": _, "id": _}:
            return {key: _readable(inner, depth - 1) for key, inner in value.items() if key != "id"}
        case dict():
            return {key: _readable(inner, depth - 1) for key, inner in value.items()}
        case list() | tuple():
            return [_readable(inner, depth - 1) for inner in value]
        case _:
            return value


def _flat(value: Any) -> str:
    """Return a tool call's arguments on one line."""
    if isinstance(value, str):
        text = value
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    try:
        return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=0).decode()
    except (TypeError, ValueError, RecursionError) as error:
        return f"(no JSON form: {error})"


def _content(content: Any) -> str:
    match content:
        case None:
            return ""
        case str():
            return content
        case [*parts]:
            return "\n".join(filter(None, map(_part, parts)))
        case _:
            return as_json(content)


def _part(part: Any) -> str:
    match part:
        case str():
            return part
        case {"text": str(text)}:
            return text
        case {"type": "reasoning", "reasoning": str(text)} | {"type": "thinking", "thinking": str(text)}:
            return f"(reasoning) {text}"
        case {"type": "tool_use" | "tool_call" | "function_call" | "input_json_delta"}:
            return ""  # the message's `tool_calls` have it
        case _:
            return as_json(part)


def _document(number: int, document: Any) -> str:
    match document:
        case {"page_content": str(text), **rest}:
            metadata = rest.get("metadata")
            source = metadata.get("source") if isinstance(metadata, dict) else None
            return f"{number}. {source or 'document'}: {text}"
        case _:
            return f"{number}. {as_json(document)}"
