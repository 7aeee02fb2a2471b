"""LangChain's messages, as events carry them, in the form of the GenAI conventions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Part: TypeAlias = "dict[str, Any]"
Message: TypeAlias = "dict[str, Any]"

_TYPES = {
    "human": "human", "user": "human", "ai": "ai", "assistant": "ai", "system": "system",
    "developer": "system", "tool": "tool",
}  # fmt: skip
_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool"}
# Said again, better, by the message's own `tool_calls`.
_TOOL_CALL_BLOCKS = frozenset(
    ("tool_use", "tool_call", "tool_call_chunk", "input_json_delta", "function_call")
)
_MEDIA = {"image": "image", "audio": "audio", "video": "video", "file": "document", "document": "document"}


def messages_of(payload: Any) -> list[Message] | None:
    """Return the messages in a run's inputs or outputs, `None` where it has none."""
    if isinstance(payload, dict):
        for name, role in (("prompts", "user"), ("completions", "assistant")):
            if isinstance(texts := payload.get(name), list):
                return [{"role": role, "parts": [_text(text)]} for text in texts]
        if (message := _as_message(payload)) is not None:
            return [_message(message)]
        payload = payload.get("messages")
    if isinstance(payload, list) and payload:
        messages = [_as_message(item) for item in payload]
        return [_message(message) for message in messages if message] if all(messages) else None
    return None


def with_finish_reasons(messages: list[Message], reasons: tuple[str, ...]) -> list[Message]:
    """Return output *messages*, each with why it ended (deprecated upstream, read by many)."""
    for message, reason in zip(messages, reasons, strict=False):
        message["finish_reason"] = reason
    return messages


def tool_definitions(parameters: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the tools of a request as `gen_ai.tool.definitions`, `None` where it has none."""
    tools = parameters.get("tools") or parameters.get("functions")
    if not isinstance(tools, list) or not tools:
        return None
    return [_definition(tool) for tool in tools if isinstance(tool, dict)]


def documents_of(payload: Any) -> list[dict[str, Any]] | None:
    """Return a retriever's documents, `None` where *payload* has none."""
    found = payload.get("documents") if isinstance(payload, dict) else payload
    if not isinstance(found, list):
        return None
    return [document for document in found if isinstance(document, dict)]


def convention_document(document: dict[str, Any]) -> dict[str, Any]:
    """Return *document* as `gen_ai.retrieval.documents` has it, content as an extra property."""
    metadata = document.get("metadata") or {}
    own_id = document.get("id") or (metadata.get("id") if isinstance(metadata, dict) else None)
    found: dict[str, Any] = {
        "id": None if own_id is None else str(own_id),
        "score": document_score(document),
        "content": document.get("page_content", ""),
    }
    return {**found, "metadata": metadata} if metadata else found


def document_score(document: dict[str, Any]) -> float | None:
    """Return how well *document* matched, where its metadata says so."""
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return None
    for name in ("score", "relevance_score", "_score"):
        if isinstance(score := metadata.get(name), int | float):
            return float(score)
    return None


def _as_message(value: Any) -> dict[str, Any] | None:
    """Return *value* as an event's message if it is one, in whichever form LangChain takes them."""
    if isinstance(value, dict) and "content" in value:
        if isinstance(value.get("type"), str):
            return value
        role = value.get("role")
        return {**value, "type": _TYPES.get(role, role)} if isinstance(role, str) else None
    if isinstance(value, list) and len(value) == 2 and value[0] in _TYPES:  # noqa: PLR2004  a pair
        return {"type": _TYPES[value[0]], "content": value[1]}
    return None


def _message(message: dict[str, Any]) -> Message:
    kind = message["type"]
    if kind in {"tool", "function"}:
        response = {"id": message.get("tool_call_id"), "response": message["content"]}
        parts = [_without_none({"type": "tool_call_response", **response})]
    else:
        parts = [*_spoken(message), *_tool_calls(message)]
    made: Message = {"role": _ROLES.get(kind, str(message.get("role", kind))), "parts": parts}
    if name := message.get("name"):
        made["name"] = name
    return made


def _spoken(message: dict[str, Any]) -> Iterator[Part]:
    extra = message.get("additional_kwargs")
    if isinstance(extra, dict) and isinstance(thought := extra.get("reasoning_content"), str) and thought:
        yield {"type": "reasoning", "content": thought}
    content = message["content"]
    for block in content if isinstance(content, list) else [content]:
        if (part := _part(block)) is not None:
            yield part


def _tool_calls(message: dict[str, Any]) -> Iterator[Part]:
    for field in ("tool_calls", "invalid_tool_calls"):
        for call in message.get(field) or ():
            if isinstance(call, dict):
                part = {"id": call.get("id"), "name": call.get("name"), "arguments": call.get("args")}
                yield _without_none({"type": "tool_call", **part})


def _part(block: Any) -> Part | None:
    if isinstance(block, str):
        return _text(block) if block else None
    if not isinstance(block, dict):
        return _text(str(block))
    kind = str(block.get("type", "unknown"))
    if kind in _TOOL_CALL_BLOCKS:
        return None
    if kind in _MEDIA:
        return _media(block, _MEDIA[kind])
    return _BLOCKS.get(kind, _generic)(block)


def _text(text: Any) -> Part:
    return {"type": "text", "content": text}


def _thought(block: dict[str, Any]) -> Part | None:
    thought = block.get("reasoning") or block.get("thinking") or _summary(block)
    return {"type": "reasoning", "content": thought} if thought else None


def _summary(block: dict[str, Any]) -> str:
    summary = block.get("summary")
    if not isinstance(summary, list):
        return ""
    return "".join(str(item.get("text", "")) for item in summary if isinstance(item, dict))


def _image_url(block: dict[str, Any]) -> Part:
    image = block.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    return _media({"url": url}, "image")


def _media(block: dict[str, Any], modality: str) -> Part:
    """Return a blob, a file or a URI, whichever *block* holds."""
    source = block.get("source") if isinstance(block.get("source"), dict) else {}
    found = {**(source or {}), **block}
    mime_type = found.get("mime_type") or found.get("media_type")
    url = found.get("url")
    data = found.get("base64") or found.get("data")
    if isinstance(url, str) and url.startswith("data:"):
        head, _, data = url[5:].partition(",")
        mime_type = head.partition(";")[0] or None
    if data is not None:
        return _without_none({"type": "blob", "mime_type": mime_type, "modality": modality, "content": data})
    if file_id := found.get("file_id") or found.get("id"):
        return _without_none(
            {"type": "file", "mime_type": mime_type, "modality": modality, "file_id": file_id}
        )
    return _without_none({"type": "uri", "mime_type": mime_type, "modality": modality, "uri": url})


def _server_tool_call(block: dict[str, Any]) -> Part:
    name = str(block.get("name", "unknown"))
    call = {"type": name, "arguments": block.get("args", block.get("input"))}
    return _without_none(
        {"type": "server_tool_call", "id": block.get("id"), "name": name, "server_tool_call": call}
    )


def _server_tool_result(block: dict[str, Any]) -> Part:
    response = {"type": str(block.get("name", "result")), "output": block.get("output", block.get("content"))}
    call_id = block.get("tool_call_id") or block.get("tool_use_id")
    return _without_none(
        {"type": "server_tool_call_response", "id": call_id, "server_tool_call_response": response}
    )


def _generic(block: dict[str, Any]) -> Part:
    return {"type": str(block.get("type", "unknown")), **block}


_BLOCKS: dict[str, Callable[[dict[str, Any]], Part | None]] = {
    "text": lambda block: _text(block.get("text", "")) if block.get("text") else None,
    "reasoning": _thought,
    "thinking": _thought,
    "image_url": _image_url,
    "server_tool_use": _server_tool_call,
    "server_tool_call": _server_tool_call,
    "server_tool_result": _server_tool_result,
    "web_search_tool_result": _server_tool_result,
}


def _definition(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool.get("function") if isinstance(tool.get("function"), dict) else tool
    assert isinstance(function, dict)
    name = function.get("name") or tool.get("type", "unknown")
    definition = {"type": "function", "name": name, "description": function.get("description")}
    parameters = function.get("parameters") or function.get("input_schema")
    return _without_none({**definition, "parameters": parameters})


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
