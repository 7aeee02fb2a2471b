"""LangChain's own objects as plain data: messages, prompts, documents, generations."""

from __future__ import annotations

from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.prompt_values import ChatPromptValue, PromptValue
from langchain_core.runnables import Runnable

from tracebus.capture import NotHandled

_ROLES = {
    "AIMessageChunk": "ai",
    "HumanMessageChunk": "human",
    "SystemMessageChunk": "system",
    "ToolMessageChunk": "tool",
    "FunctionMessageChunk": "function",
    "ChatMessageChunk": "chat",
}
_MESSAGE_FIELDS = (
    "content",
    "name",
    "role",
    "id",
    "tool_calls",
    "invalid_tool_calls",
    "tool_call_id",
    "status",
    "artifact",
    "usage_metadata",
    "response_metadata",
    "additional_kwargs",
)


def as_plain(value: object) -> Any:
    """Return a LangChain object as a dictionary or string, one level deep; `NotHandled` for others."""
    if isinstance(value, BaseMessage):
        return _message(value)
    if isinstance(value, Document):
        return {
            "page_content": value.page_content,
            **({"metadata": value.metadata} if value.metadata else {}),
            **({"id": value.id} if value.id is not None else {}),
        }
    if isinstance(value, PromptValue):
        if isinstance(value, ChatPromptValue):
            return {"messages": list(value.messages)}
        return {"text": value.to_string()}
    if isinstance(value, ChatGeneration):
        return {"message": value.message}
    if isinstance(value, Generation):
        return {"text": value.text}
    if isinstance(value, Runnable):
        return f"<{type(value).__name__} {value.get_name()}>"
    return NotHandled


def _message(message: BaseMessage) -> dict[str, Any]:
    """Return a message's fields without the empty ones; a chunk looks like what it is a chunk of."""
    plain: dict[str, Any] = {"type": _ROLES.get(message.type, message.type)}
    fields = message.__dict__
    for name in _MESSAGE_FIELDS:
        value = fields.get(name)
        if value is not None and value not in ({}, []):
            plain[name] = value
    plain.setdefault("content", "")
    return plain
