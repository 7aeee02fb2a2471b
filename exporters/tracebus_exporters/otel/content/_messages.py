"""LangChain's messages, as events carry them, in the form of the GenAI conventions."""

from __future__ import annotations

import base64
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote_to_bytes

from tracebus_exporters.otel.content._memory import Memory

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
            return [convention_message(message)]
        payload = payload.get("messages")
    if isinstance(payload, list) and payload:
        messages = [_converted(item) for item in payload]
        return None if None in messages else messages  # type: ignore[return-value]  # none of them is `None`
    return None


def _converted(item: Any) -> Message | None:
    """Return *item* in the form of the conventions: the same object for the same message."""
    known = _made.get(item)
    if not known:
        message = _as_message(item)
        known[None] = None if message is None else convention_message(message)
    return known[None]  # type: ignore[no-any-return]  # that is what is there


_made = Memory(1_000_000)


def answer_of(payload: Any) -> list[Message] | None:
    """Return what an agent or a graph answered: the last message of its state, `None` where it has none."""
    messages = payload.get("messages") if isinstance(payload, dict) else None
    if not isinstance(messages, list) or not messages:
        return messages_of(payload)
    last = _as_message(messages[-1])
    return None if last is None else [convention_message(last)]


def instructions_of(inputs: Any) -> list[Part] | None:
    """Return the parts of the system message a model's *inputs* begin with, `None` without one."""
    messages = inputs.get("messages") if isinstance(inputs, dict) else None
    first = _as_message(messages[0]) if isinstance(messages, list) and messages else None
    if first is None or first["type"] != "system":
        return None
    # The conventions have text alone here.
    return [part for part in convention_message(first)["parts"] if part["type"] == "text"] or None


def with_finish_reasons(messages: list[Message], reasons: tuple[str, ...]) -> list[Message]:
    """Return output *messages*, each with why it ended: deprecated upstream, required by what came before.

    Where nobody said why, the reason is empty: Phoenix drops all messages when one has none.
    """
    return [
        {**message, "finish_reason": reasons[index] if index < len(reasons) else ""}
        for index, message in enumerate(messages)
    ]


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
    found: dict[str, Any] = {} if own_id is None else {"id": str(own_id)}
    if (score := document_score(document)) is not None:
        found["score"] = score
    found["content"] = document.get("page_content", "")
    return {**found, "metadata": metadata} if metadata else found


def document_score(document: dict[str, Any]) -> float | None:
    """Return how well *document* matched, where its metadata says so."""
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return None
    for name in ("score", "relevance_score", "_score"):
        score = metadata.get(name)
        if isinstance(score, int | float) and not isinstance(score, bool) and isfinite(score):
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


def convention_message(message: dict[str, Any]) -> Message:
    """Return one of LangChain's messages, as an event carries it, in the conventions' form.

    A pure function of the message: the same for every payload it is part of.
    """
    kind = message["type"]
    if kind in {"tool", "function"}:
        call_id = _text_or_none(message.get("tool_call_id"))
        response: Part = {"type": "tool_call_response", "response": message["content"]}
        parts = [response if call_id is None else {"id": call_id, **response}]
    else:
        parts = [*_spoken(message), *_tool_calls(message)]
    made: Message = {"role": _ROLES.get(kind) or str(message.get("role", kind)), "parts": parts}
    if name := message.get("name"):
        made["name"] = str(name)
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
    if not message.get("tool_calls") and (legacy := _legacy_call(message)) is not None:
        yield legacy
    for field in ("tool_calls", "invalid_tool_calls"):
        for call in message.get(field) or ():
            if isinstance(call, dict):
                named = {"id": _text_or_none(call.get("id")), "name": str(call.get("name") or "unknown")}
                yield _without_none({"type": "tool_call", **named, "arguments": call.get("args")})


def _legacy_call(message: dict[str, Any]) -> Part | None:
    """Return the one call of models before tools, which stands beside the content."""
    extra = message.get("additional_kwargs")
    call = extra.get("function_call") if isinstance(extra, dict) else None
    if not isinstance(call, dict) or not call.get("name"):
        return None
    return _without_none({"type": "tool_call", "name": str(call["name"]), "arguments": call.get("arguments")})


def _part(block: Any) -> Part | None:
    if isinstance(block, str):
        return _text(block) if block else None
    if not isinstance(block, dict):
        return None if block is None else _text(str(block))
    kind = str(block.get("type", "unknown"))
    if kind in _TOOL_CALL_BLOCKS:
        return None
    if kind in _MEDIA:
        return _media(block, _MEDIA[kind])
    return _BLOCKS.get(kind, _generic)(block)


def _text(text: Any) -> Part:
    return {"type": "text", "content": text if isinstance(text, str) else str(text)}


def _text_or_none(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else str(value)


def _thought(block: dict[str, Any]) -> Part | None:
    thought = block.get("reasoning") or block.get("thinking") or _summary(block)
    if isinstance(thought, dict):  # Bedrock's: the text and its signature
        thought = thought.get("text")
    return {"type": "reasoning", "content": str(thought)} if thought else None


def _summary(block: dict[str, Any]) -> str:
    summary = block.get("summary")
    if not isinstance(summary, list):
        return ""
    return "".join(str(item.get("text", "")) for item in summary if isinstance(item, dict))


def _image_url(block: dict[str, Any]) -> Part:
    image = block.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    return _media({**block, "url": url} if url else block, "image")


def _media(block: dict[str, Any], modality: str) -> Part:
    """Return a blob, a file or a URI, whichever *block* holds; itself, where it holds none."""
    source = block.get("source") if isinstance(block.get("source"), dict) else {}
    found = {**(source or {}), **block}
    mime_type = found.get("mime_type") or found.get("media_type")
    about = {"mime_type": _text_or_none(mime_type), "modality": modality}
    url = found.get("url")
    data = found.get("base64") or found.get("data")
    if isinstance(url, str) and url.startswith("data:"):
        head, _, data = url[5:].partition(",")
        about["mime_type"] = head.partition(";")[0] or None
        if not head.endswith(";base64"):
            data = base64.b64encode(unquote_to_bytes(data)).decode()
    if isinstance(data, str):
        return _without_none({"type": "blob", **about, "content": data})
    # Beside a URL the id is the block's own, made up by LangChain.
    if file_id := found.get("file_id") or (None if url else found.get("id")):
        return _without_none({"type": "file", **about, "file_id": str(file_id)})
    if isinstance(url, str) and url:
        return _without_none({"type": "uri", **about, "uri": url})
    # Not as a `file`, which is what has a `file_id`.
    return _generic({**block, "type": modality})


def _server_tool_call(block: dict[str, Any]) -> Part:
    name = str(block.get("name", "unknown"))
    call = {"type": name, "arguments": block.get("args", block.get("input"))}
    call_id = _text_or_none(block.get("id"))
    return _without_none({"type": "server_tool_call", "id": call_id, "name": name, "server_tool_call": call})


def _server_tool_result(block: dict[str, Any]) -> Part:
    response = {"type": str(block.get("name", "result")), "output": block.get("output", block.get("content"))}
    call_id = _text_or_none(block.get("tool_call_id") or block.get("tool_use_id"))
    return _without_none(
        {"type": "server_tool_call_response", "id": call_id, "server_tool_call_response": response}
    )


def _generic(block: dict[str, Any]) -> Part:
    part: Part = {**block, "type": str(block.get("type", "unknown"))}
    # Whatever the kind, the conventions have these as texts or not at all.
    for name in ("id", "mime_type"):
        if name in part and (said := _text_or_none(part.pop(name))) is not None:
            part[name] = said
    return part


_BLOCKS: dict[str, Callable[[dict[str, Any]], Part | None]] = {
    "text": lambda block: _text(block.get("text", "")) if block.get("text") else None,
    "input_text": lambda block: _text(block.get("text", "")) if block.get("text") else None,
    "output_text": lambda block: _text(block.get("text", "")) if block.get("text") else None,
    "input_image": _image_url,
    "reasoning": _thought,
    "thinking": _thought,
    "image_url": _image_url,
    "server_tool_use": _server_tool_call,
    "server_tool_call": _server_tool_call,
    "server_tool_result": _server_tool_result,
    "web_search_tool_result": _server_tool_result,
}


def _definition(tool: dict[str, Any]) -> dict[str, Any]:
    inner = tool.get("function")
    function = inner if isinstance(inner, dict) else tool
    kind = tool.get("type") if isinstance(tool.get("type"), str) else None
    # A provider's own tool says its type; OpenAI's function says so; Anthropic's has a schema alone.
    own = function is tool and kind is not None and kind not in {"function", "custom"}
    name = str(function.get("name") or kind or "unknown")
    described = function.get("description")
    parameters = function.get("parameters") or function.get("input_schema")
    return _without_none(
        {
            "type": kind if own else "function",
            "name": name,
            "description": described if isinstance(described, str) else None,
            "parameters": parameters if isinstance(parameters, dict) else None,
        }
    )


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
