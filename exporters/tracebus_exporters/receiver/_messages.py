"""Messages as events carry them, out of every form instrumentations write them in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tracebus_exporters.receiver._span import SpanEvent

__all__ = ["FLAT", "given_messages", "parsed", "said_messages", "unflattened"]

_TYPES = {
    "user": "human", "human": "human", "assistant": "ai", "ai": "ai", "model": "ai", "system": "system",
    "developer": "system", "tool": "tool", "function": "tool",
}  # fmt: skip
_MOST_MESSAGES = 2_000
_PLACE = re.compile(r"(\d{1,5})(?:\.(.*))?")
_OLD_PROMPTS = ("gen_ai.prompt", "llm.prompts")
_OLD_ANSWERS = ("gen_ai.completion", "llm.completions")
_OI_PROMPTS = "llm.input_messages"
_OI_ANSWERS = "llm.output_messages"
_ALL_MESSAGES = ("pydantic_ai.all_messages", "all_messages_events", "events")
_SPOKEN = re.compile(r"gen_ai\.(system|user|assistant|tool)\.message")


def given_messages(
    attributes: Mapping[str, Any], events: Iterable[SpanEvent], *, flat: bool, model: bool
) -> list[dict[str, Any]]:
    """Return the messages that were given, in the first form that is there; empty where none is.

    *flat* tells whether one is written as many attributes. A *model* is given its instructions, too; those
    of an agent are for its models.
    """
    found = _conventional(attributes.get(sc.INPUT_MESSAGES))
    instructions = parsed(attributes.get(sc.SYSTEM_INSTRUCTIONS)) if model else None
    if instructions and (not found or found[0]["type"] != "system"):
        parts = instructions if isinstance(instructions, list) else [{"content": str(instructions)}]
        found.insert(0, _message({"role": "system", "parts": parts}))
    if found:
        return found
    if flat:
        for prefix in _OLD_PROMPTS:
            if old := unflattened(attributes, prefix):
                return [_message(each) for each in old if isinstance(each, dict)]
        if old := unflattened(attributes, _OI_PROMPTS):
            return _openinference(old)
    return _of_events(attributes, events, answers=False)


def said_messages(
    attributes: Mapping[str, Any], events: Iterable[SpanEvent], *, flat: bool
) -> list[dict[str, Any]]:
    """Return what a model said, in the first form that is there; empty where none is."""
    if found := _conventional(attributes.get(sc.OUTPUT_MESSAGES)):
        return found
    if flat:
        for prefix in _OLD_ANSWERS:
            if old := unflattened(attributes, prefix):
                return [_message({"role": "assistant", **each}) for each in old if isinstance(each, dict)]
        if old := unflattened(attributes, _OI_ANSWERS):
            return _openinference(old)
    return _of_events(attributes, events, answers=True)


FLAT = tuple(f"{prefix}." for prefix in (*_OLD_PROMPTS, *_OLD_ANSWERS, _OI_PROMPTS, _OI_ANSWERS))


def parsed(value: Any) -> Any:
    """Return JSON that came as text, decoded; anything else as it is."""
    if not isinstance(value, str) or value[:1] not in '{["' or not value:
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return value


def unflattened(attributes: Mapping[str, Any], prefix: str) -> list[Any]:
    """Return the list that was written as `prefix.0.role`, `prefix.0.content` …; empty where none was."""
    start = prefix + "."
    rows: dict[int, Any] = {}
    for name, value in attributes.items():
        if not name.startswith(start) or (place := _PLACE.fullmatch(name[len(start) :])) is None:
            continue
        number, rest = int(place[1]), place[2]
        if rest is None:
            rows[number] = value
        elif isinstance(row := rows.setdefault(number, {}), dict):
            row[rest] = value
    return [_nested(rows[number]) for number in sorted(rows)[:_MOST_MESSAGES]]


def _nested(row: Any) -> Any:
    """Return a row's `tool_calls.0.name` and its like as lists."""
    if not isinstance(row, dict):
        return row
    lists = {name.partition(".")[0] for name in row if "." in name}
    plain = {name: value for name, value in row.items() if "." not in name}
    for name in lists:
        if inner := unflattened(row, name):
            plain[name] = inner
        else:
            start = name + "."
            plain[name] = _nested(
                {key[len(start) :]: value for key, value in row.items() if key.startswith(start)}
            )
    return plain


def _conventional(value: Any) -> list[dict[str, Any]]:
    messages = parsed(value)
    if not isinstance(messages, list):
        return [] if not messages else [{"type": "human", "content": str(messages)}]
    return [_message(each) for each in messages[:_MOST_MESSAGES] if isinstance(each, dict)]


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message of the conventions, or one of role and content, as an event carries it."""
    role = str(message.get("role") or "user")
    made: dict[str, Any] = {"type": _TYPES.get(role, role), "content": ""}
    parts = parsed(message.get("parts"))
    if not isinstance(parts, list):
        content = parsed(message.get("content"))
        parts = content if isinstance(content, list) else [message.get("content")]
    blocks: list[Any] = []
    calls: list[dict[str, Any]] = []
    for part in parts:
        _sort_in(part, made, blocks, calls)
    calls += [_call(call) for call in message.get("tool_calls") or () if isinstance(call, dict)]
    made["content"] = _content(blocks)
    if calls:
        made["tool_calls"] = calls
    if message.get("tool_call_id") or (made["type"] == "tool" and message.get("id")):
        made["tool_call_id"] = str(message.get("tool_call_id") or message["id"])
    if message.get("name"):
        made["name"] = str(message["name"])
    return made


def _sort_in(  # noqa: C901  one for each form
    part: Any, made: dict[str, Any], blocks: list[Any], calls: list[dict[str, Any]]
) -> None:
    """Put one part of a message where events have it."""
    match part:
        case None | "":
            pass
        case str():
            blocks.append({"type": "text", "text": part})
        case {"type": "text", "content": content} | {"type": "text", "text": content}:
            blocks.append({"type": "text", "text": content if isinstance(content, str) else str(content)})
        case {"type": "reasoning" | "thinking", "content": content}:
            blocks.append({"type": "reasoning", "reasoning": str(content)})
        case {"type": "tool_call"}:
            calls.append(_call(part))
        case {"type": "tool_call_response"}:
            made["type"] = "tool"
            if part.get("id") is not None:
                made["tool_call_id"] = str(part["id"])
            response = part.get("response", part.get("result"))
            if part.get("name"):
                made["name"] = str(part["name"])
            blocks.append(
                response if isinstance(response, dict) else {"type": "text", "text": _as_text(response)}
            )
        case {"content": str(content)} if len(part) == 1:
            blocks.append({"type": "text", "text": content})
        case dict():
            blocks.append(part)
        case _:
            blocks.append({"type": "text", "text": str(part)})


def _content(blocks: list[Any]) -> Any:
    """Return one text as a string, as LangChain's messages have it, and anything else as blocks."""
    match blocks:
        case []:
            return ""
        case [{"type": "text", "text": str(text)}]:
            return text
        case _:
            return blocks


def _call(call: dict[str, Any]) -> dict[str, Any]:
    """Return a tool call, flat or inside `function`."""
    inner = call.get("function") if isinstance(call.get("function"), dict) else call
    args = parsed(inner.get("arguments", inner.get("args"))) if isinstance(inner, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else None
    made = {"name": str(name or "unknown"), "args": {} if args is None else args, "type": "tool_call"}
    return {**made, "id": str(call["id"])} if call.get("id") is not None else made


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError):
        return str(value)


def _openinference(rows: list[Any]) -> list[dict[str, Any]]:
    """Return messages written as `llm.input_messages.0.message.role` and its like."""
    found = []
    for row in rows:
        message = row.get("message") if isinstance(row, dict) else None
        if not isinstance(message, dict):
            continue
        contents = message.get("contents")
        parts = [
            {"type": "text", "text": inner.get("text", "")}
            for each in (contents if isinstance(contents, list) else ())
            if isinstance(each, dict) and isinstance(inner := each.get("message_content"), dict)
        ]
        calls = [
            {"id": inner.get("id"), "function": inner.get("function")}
            for each in message.get("tool_calls") or ()
            if isinstance(each, dict) and isinstance(inner := each.get("tool_call"), dict)
        ]
        plain = {name: value for name, value in message.items() if name not in ("contents", "tool_calls")}
        found.append(_message({**plain, **({"parts": parts} if parts else {}), "tool_calls": calls}))
    return found


def _of_events(
    attributes: Mapping[str, Any], events: Iterable[SpanEvent], *, answers: bool
) -> list[dict[str, Any]]:
    """Return messages written as events of the span, as generations up to 1.36 had them, or listed in one."""
    rows = [(event.name, event.attributes) for event in events]
    for name in _ALL_MESSAGES:
        if name not in attributes:
            continue
        listed = parsed(attributes[name])
        if isinstance(listed, list):
            if name == "pydantic_ai.all_messages":
                return [] if answers else _conventional(listed)
            rows += [(str(row.get("event.name", "")), row) for row in listed if isinstance(row, dict)]
    found = []
    for name, row in rows:
        if name == "gen_ai.choice" and answers:
            message = parsed(row.get("message"))
            found.append(_message({"role": "assistant", **(message if isinstance(message, dict) else row)}))
        elif not answers and (spoken := _SPOKEN.fullmatch(name)) is not None:
            found.append(_message({"role": spoken[1], **row}))
        elif name == ("gen_ai.content.completion" if answers else "gen_ai.content.prompt"):
            found += _conventional(row.get("gen_ai.completion" if answers else "gen_ai.prompt"))
    return found
