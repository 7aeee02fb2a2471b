"""Reads the content of messages and tool results that may go to a chat client, in its order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Media",
    "Part",
    "as_text",
    "content_of_tool",
    "media_of",
    "messages_in",
    "parts_of",
    "plain_content",
]

_CALL_BLOCKS = frozenset({"tool_call", "tool_use", "function_call", "tool_call_chunk", "invalid_tool_call"})
_REASONING = frozenset({"reasoning", "thinking", "reasoning_content"})
_MEDIA = {"image": "image", "image_url": "image", "audio": "audio", "input_audio": "audio", "video": "video"}
_FILES = frozenset({"file", "document", "text-plain", "input_file"})
_COMMAND = frozenset({"graph", "update", "resume", "goto"})


class Part(NamedTuple):
    """A part of a model's answer.

    Kinds: text, reasoning (value: the words), call, bad_call (value: the arguments as JSON text, or as the
    model wrote them), provider_call, provider_result (value: arguments as text, output), media.
    """

    kind: str
    value: Any
    id: str = ""
    name: str = ""


class Media(NamedTuple):
    """A picture, sound or file: where it is, or what it was."""

    modality: str
    type: str | None
    url: str | None
    """Where it can be fetched; bytes are not sent on."""

    def __str__(self) -> str:
        return f"[{self.type or self.modality}{f' {self.url}' if self.url else ''}]"


def messages_in(outputs: Any) -> list[dict[str, Any]]:
    """Return the messages a model's outputs hold; a completion counts as one."""
    if not isinstance(outputs, dict):
        return []
    if isinstance(completions := outputs.get("completions"), list):
        return [{"content": text} for text in completions if isinstance(text, str)]
    messages = outputs.get("messages")
    return [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []


def parts_of(message: dict[str, Any]) -> list[Part]:
    """Return everything *message* says: reasoning, text, tool calls, the provider's own tools, in order."""
    calls = _calls(message)
    parts: list[Part] = []
    extra = message.get("additional_kwargs")
    if isinstance(extra, dict) and isinstance(thought := extra.get("reasoning_content"), str) and thought:
        parts.append(Part("reasoning", thought))
    content = message.get("content")
    for block in content if isinstance(content, list) else [content]:
        if isinstance(block, dict) and block.get("type") in _CALL_BLOCKS:
            ids = (block.get("id"), block.get("call_id"))
            parts += [calls.pop(at) for at in [a for a, call in calls.items() if call.id in ids][:1]]
        elif (part := _part(block)) is not None:
            parts.append(part)
    return [*parts, *calls.values()]


def _calls(message: dict[str, Any]) -> dict[int, Part]:
    found: list[Part] = []
    for field, kind in (("tool_calls", "call"), ("invalid_tool_calls", "bad_call")):
        for call in message.get(field) or ():
            if isinstance(call, dict):
                args = call.get("args")
                written = args if isinstance(args, str) else json.dumps(args or {}, default=repr)
                found.append(Part(kind, written, str(call.get("id") or ""), str(call.get("name") or "tool")))
    return dict(enumerate(found))


def _part(block: Any) -> Part | None:
    if isinstance(block, str):
        return Part("text", block) if block else None
    if not isinstance(block, dict):
        return None
    kind = str(block.get("type") or "")
    if kind in ("text", "text_delta", "output_text", "refusal"):
        text = block.get("text") or block.get("refusal")
        return Part("text", text) if isinstance(text, str) and text else None
    if kind in _REASONING:
        thought = _thought(block)
        return Part("reasoning", thought) if thought else None
    if (media := media_of(block)) is not None:
        return Part("media", media)
    return _provider_part(kind, block)


def _provider_part(kind: str, block: dict[str, Any]) -> Part | None:
    """Return a call of a tool the provider runs itself, or what came of it."""
    if kind in ("server_tool_call", "server_tool_use") or (kind.endswith("_call") and block.get("id")):
        args = block.get("args", block.get("input", block.get("action", block.get("arguments"))))
        written = args if isinstance(args, str) else json.dumps(args or {}, default=repr)
        return Part("provider_call", written, str(block.get("id") or ""), str(block.get("name") or kind))
    if kind == "server_tool_result" or kind.endswith("_tool_result"):
        call_id = str(block.get("tool_call_id") or block.get("tool_use_id") or "")
        return (
            Part("provider_result", block.get("output", block.get("content")), call_id) if call_id else None
        )
    return None


def _thought(block: dict[str, Any]) -> str:
    for key in ("reasoning", "thinking", "reasoning_content", "text"):
        value = block.get(key)
        if isinstance(value, dict):
            value = value.get("text")
        if isinstance(value, str) and value:
            return value
    summary = block.get("summary")
    parts = summary if isinstance(summary, list) else ()
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def media_of(block: Any) -> Media | None:
    """Return the picture, sound or file that *block* is."""
    if not isinstance(block, dict):
        return None
    kind = block.get("type")
    if kind not in _MEDIA and kind not in _FILES:
        return None
    source = block.get("source") if isinstance(block.get("source"), dict) else {}
    found = {**(source or {}), **block}
    nested = found.get("image_url")
    url = found.get("url") or (nested.get("url") if isinstance(nested, dict) else nested)
    mime_type = found.get("mime_type") or found.get("media_type")
    fetched = isinstance(url, str) and url.startswith(("https://", "http://"))
    if isinstance(url, str) and url.startswith("data:"):
        mime_type = url[5:].partition(";")[0] or mime_type
    return Media(
        _MEDIA.get(str(kind), "file"),
        mime_type if isinstance(mime_type, str) else None,
        url if fetched else None,
    )


# -- tools ---------------------------------------------------------------------------------------


def content_of_tool(outputs: Any, call_id: str) -> Any:
    """Return the content a tool gave the model for a call: no envelope, no artifact, no graph state."""
    if isinstance(outputs, list) and any(_is_envelope(one) for one in outputs):
        found = [content_of_tool(one, call_id) for one in outputs if _is_envelope(one)]
        return next((one for one in found if one not in ("", None)), "")
    if not _is_envelope(outputs):
        return outputs
    if "content" in outputs:
        return outputs["content"]
    answers = [one for one in _messages_of_update(outputs.get("update")) if one.get("type") == "tool"]
    own = [one for one in answers if one.get("tool_call_id") == call_id]
    return (own or answers or [{"content": ""}])[-1].get("content", "")


def _is_envelope(value: Any) -> bool:
    """Say whether *value* is LangChain's own wrapping: a tool's message, or a command to the graph."""
    if not isinstance(value, dict):
        return False
    return (value.get("type") == "tool" and "content" in value) or value.keys() >= _COMMAND


def _messages_of_update(update: Any) -> Iterator[dict[str, Any]]:
    found = update.get("messages") if isinstance(update, dict) else update
    if isinstance(found, dict):
        found = [found]
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict):
            yield one
        elif isinstance(one, list) and len(one) == 2 and one[0] == "messages":  # noqa: PLR2004  a pair
            yield from _messages_of_update({"messages": one[1]})


def plain_content(content: Any) -> Any:
    """Return content blocks as one text where they are text alone; anything else as it is."""
    if isinstance(content, list) and content and all(_text_in(block) is not None for block in content):
        return "\n".join(_text_in(block) or "" for block in content)
    return content


def as_text(content: Any) -> str:
    """Return content as text: blocks by their text, media by what they are, structures as JSON."""
    content = plain_content(content)
    if isinstance(content, str):
        return content
    if isinstance(content, list) and any(isinstance(block, dict) and "type" in block for block in content):
        return "\n".join(_shown(block) for block in content)
    return "" if content is None else json.dumps(content, default=repr, ensure_ascii=False)


def _shown(block: Any) -> str:
    text = _text_in(block)
    if text is not None:
        return text
    media = media_of(block)
    return str(media) if media is not None else json.dumps(block, default=repr, ensure_ascii=False)


def _text_in(block: Any) -> str | None:
    if isinstance(block, str):
        return block
    if isinstance(block, dict) and block.get("type") == "text" and isinstance(block.get("text"), str):
        return str(block["text"])
    return None
