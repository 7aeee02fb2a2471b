"""Makes message objects of the JSON that a remote LangGraph server sends."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

_CLASSES: dict[str, type[BaseMessage]] = {
    "ai": AIMessage,
    "AIMessage": AIMessage,
    "AIMessageChunk": AIMessageChunk,
    "human": HumanMessage,
    "HumanMessage": HumanMessage,
    "HumanMessageChunk": HumanMessage,
    "system": SystemMessage,
    "SystemMessage": SystemMessage,
    "SystemMessageChunk": SystemMessage,
    "tool": ToolMessage,
    "ToolMessage": ToolMessage,
    "ToolMessageChunk": ToolMessage,
    "function": FunctionMessage,
    "chat": ChatMessage,
}


def revived(value: Any) -> Any:
    """Return a message for a dictionary that is one, and anything else as it is.

    Only message classes are built, and only from their own fields: LangChain's general `load` would
    build whatever class the sender names.
    """
    if not isinstance(value, dict):
        return value
    kind, fields = _described(value)
    message_class = _CLASSES.get(kind)
    if message_class is None or "content" not in fields:
        return value
    try:
        return message_class(**{name: item for name, item in fields.items() if name != "type"})
    except (TypeError, ValueError):
        return value  # fields this version of LangChain does not take: shown as they came


def _described(value: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the class's name and the fields, of plain JSON and of LangChain's `dumps` form."""
    if value.get("type") == "constructor" and isinstance(value.get("kwargs"), dict):
        path = value.get("id") or [""]
        return str(path[-1]), value["kwargs"]
    return str(value.get("type")), value
