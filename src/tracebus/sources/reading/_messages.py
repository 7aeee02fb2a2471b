"""LangChain's own objects as plain data: messages, prompts, documents, generations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.prompt_values import ChatPromptValue, PromptValue, StringPromptValue
from langchain_core.runnables import Runnable

from tracebus.capture import CapturedPayload, NotHandled, bounded, share_kind, within_patience

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.capture import Capture

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


def captured(value: Any, capture: Capture) -> CapturedPayload:
    """Return *value*, content of the program, as an event holds it until somebody reads it."""
    if not capture.content:
        return CapturedPayload(True, capture, as_plain)  # nothing of it but that there was something
    taken, bound = bounded(value, capture.max_items)
    return CapturedPayload(taken, capture, as_plain, bound)


def said_by(message: BaseMessage) -> str:
    """Return the text of a message, or all of its content where there is no text in it."""
    content = message.content
    if isinstance(content, str):
        return content
    texts = [block if isinstance(block, str) else block.get("text") for block in content]
    return "\n".join(text for text in texts if isinstance(text, str)) or repr(content)


def as_plain(value: object) -> Any:
    """Return a LangChain object as a dictionary or string, one level deep; `NotHandled` for others."""
    kind = type(value)
    try:
        plain = _known_forms[kind]
    except KeyError:
        plain = _form_of(kind)
    return NotHandled if plain is None else plain(value)


def _form_of(kind: type) -> Callable[[Any], Any] | None:
    if len(_known_forms) >= _MOST_KNOWN:
        _known_forms.clear()
    found = next((form for known, form in _PLAIN_FORMS if issubclass(kind, known)), None)
    _known_forms[kind] = found
    return found


_MOST_KNOWN = 1_024
_known_forms: dict[type, Callable[[Any], Any] | None] = {}
"""By class: to ask a pydantic class whether it is another's subclass takes longer than the rest."""


def _message(message: BaseMessage) -> dict[str, Any]:
    fields = message.__dict__
    return _message_of(fields if "type" in fields else {**fields, "type": message.type})


def _message_of(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a message's fields without the empty ones; a chunk looks like what it is a chunk of."""
    kind = fields["type"]
    plain: dict[str, Any] = {"type": _ROLES.get(kind, kind)}
    for name in _MESSAGE_FIELDS:
        value = fields.get(name)
        empty = value is None or (type(value) in (dict, list) and not value)  # an array has no truth value
        if not empty:
            plain[name] = value
    plain.setdefault("content", "")
    return plain


def _document(document: Document) -> dict[str, Any]:
    return _document_of(document.__dict__)


def _document_of(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "page_content": fields["page_content"],
        **({"metadata": found} if (found := fields.get("metadata")) else {}),
        **({"id": found} if (found := fields.get("id")) is not None else {}),
    }


def _prompt(prompt: PromptValue) -> dict[str, Any]:
    if isinstance(prompt, ChatPromptValue):
        return _messages_of(prompt.__dict__)
    if type(prompt) is StringPromptValue:
        return {"text": prompt.text}
    return {"text": within_patience(type(prompt), prompt.to_string)}


def _messages_of(fields: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(fields["messages"])}


def _runnable(runnable: Runnable[Any, Any]) -> str:
    kind = type(runnable)
    return f"<{kind.__name__} {within_patience(kind, runnable.get_name)}>"


_PLAIN_FORMS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (BaseMessage, _message),
    (Document, _document),
    (PromptValue, _prompt),
    (ChatGeneration, lambda generation: {"message": generation.message}),
    (Generation, lambda generation: {"text": generation.text}),
    (Runnable, _runnable),
)

share_kind(BaseMessage, _message_of, frozenset(("type", "content")), as_plain)
share_kind(ChatPromptValue, _messages_of, frozenset(("messages",)), as_plain)
share_kind(Document, _document_of, frozenset(("page_content",)), as_plain)
