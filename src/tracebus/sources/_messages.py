"""LangChain's own objects as plain data: messages, prompts, documents, generations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.prompt_values import ChatPromptValue, PromptValue
from langchain_core.runnables import Runnable

from tracebus.capture import NotHandled

if TYPE_CHECKING:
    from collections.abc import Callable

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
    for known, plain in _PLAIN_FORMS:
        if isinstance(value, known):
            return plain(value)
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


def _document(document: Document) -> dict[str, Any]:
    return {
        "page_content": document.page_content,
        **({"metadata": document.metadata} if document.metadata else {}),
        **({"id": document.id} if document.id is not None else {}),
    }


def _prompt(prompt: PromptValue) -> dict[str, Any]:
    if isinstance(prompt, ChatPromptValue):
        return {"messages": list(prompt.messages)}
    return {"text": prompt.to_string()}


def _runnable(runnable: Runnable[Any, Any]) -> str:
    return f"<{type(runnable).__name__} {runnable.get_name()}>"


_PLAIN_FORMS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (BaseMessage, _message),
    (Document, _document),
    (PromptValue, _prompt),
    (ChatGeneration, lambda generation: {"message": generation.message}),
    (Generation, lambda generation: {"text": generation.text}),
    (Runnable, _runnable),
)
