"""What went into a run and what came out, by its shape: text, conversation, documents, JSON."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from tracebus.conversation import inserted, known_before, messages_of
from tracebus.tree import RunNode, RunStatus, question_lines
from tracebus_tui.detail._blocks import Marked, Paragraph, as_json, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus_tui.detail._blocks import Block

_LOOKED_BACK = 8
"""Model calls among which the one before is looked for: agents side by side have their own conversations."""
_AS_WRITTEN = frozenset(("tool", "function"))
"""Roles whose text is a program's, where an asterisk is an asterisk."""


def inputs_of(node: RunNode) -> list[Block]:
    """Return what the run was given."""
    asked = question_lines(node.inputs)
    return list(_questions(asked, node.inputs) if asked else _value(node.inputs))


def news_of(node: RunNode) -> list[Block]:
    """Return what the run was given: of a conversation an earlier model call had, what is new in it."""
    messages = messages_of(node.inputs)
    known = _known_before(node, messages)
    if not known:
        return inputs_of(node)
    new = len(messages) - known
    blocks: list[Block] = [
        Paragraph(f"+{new} message{'s' if new > 1 else ''}, {known} before: H shows all", "title"),
        Paragraph(""),
    ]
    for message in messages[known:]:
        blocks += _message(message)
    return blocks


def _known_before(node: RunNode, messages: Sequence[Any]) -> int:
    """Return how many of *messages* an earlier model call of the same root run had."""
    if not node.is_model or not all(isinstance(item, dict) for item in messages):
        return 0
    before: deque[RunNode] = deque(maxlen=_LOOKED_BACK)
    for other in node.root.walk():
        if other is node:
            break
        if other.is_model:
            before.append(other)
    found = (known_before(messages_of(other.inputs), messages) for other in reversed(before))
    return next((known for known in found if known), 0)


def output_of(node: RunNode) -> list[Block]:
    """Return what the run put out so far: reasoning, text, tool calls; or its outputs."""
    return [*_error(node), *_reasoning(node), *_said(node)]


def _error(node: RunNode) -> Iterator[Block]:
    if node.error is not None:
        yield Paragraph(shown(f"{node.error.type}: {node.error.message}"), "error")
        yield Paragraph("")


def _reasoning(node: RunNode) -> Iterator[Block]:
    if node.reasoning:
        yield Paragraph("reasoning", "title")
        yield Paragraph(shown(node.reasoning, tail=_running(node)), "faint", 2)
        yield Paragraph("")


def _said(node: RunNode) -> Iterator[Block]:
    text, calls, running = node.text, node.tool_calls, _running(node)
    if text:
        yield Marked(shown(text, tail=running) + ("▌" if running else ""))
    for call in calls:
        yield Paragraph(shown(f"{call.name}({call.args})"), "tool")
    if text or calls:
        return
    if node.outputs is not None:
        yield from _value(node.outputs)
    elif running and not node.reasoning:
        yield Paragraph("waiting for output …", "faint")
    elif node.error is None and not running:
        yield Paragraph("no output recorded", "faint")


def _running(node: RunNode) -> bool:
    return node.status is RunStatus.RUNNING


def _value(value: Any) -> Iterator[Block]:
    match value:
        case None:
            yield Paragraph("nothing recorded", "faint")
        case str():
            yield Marked(shown(value))
        case {"messages": [*messages]} if all(isinstance(message, dict) for message in messages):
            for message in messages:
                yield from _message(message)
        case {"documents": [*documents]}:
            for number, document in enumerate(documents, 1):
                yield from _document(number, document)
        case {"prompts": [*texts]} | {"completions": [*texts]}:
            for text in texts:
                yield Marked(shown(text)) if isinstance(text, str) else Paragraph(shown(as_json(text)))
        case {"query": str(query)}:
            yield Paragraph(shown(query))
        case _:
            yield Paragraph(shown(as_json(value)))


def _questions(asked: list[str], inputs: dict[str, Any]) -> Iterator[Block]:
    """Return what a decision model is *asked*, and about what."""
    for line in asked:
        answer = line.startswith("  ")
        yield Paragraph(shown(line.strip()), "faint" if answer else "value", 2 if answer else 0)
    for name, about in inputs.items():
        if name != "questions":
            yield Paragraph("")
            yield Paragraph(shown(name), "title")
            yield from _value(about)


def _message(message: dict[str, Any]) -> Iterator[Block]:
    role = str(message.get("role") or message.get("type") or "message")
    name = message.get("name")
    marked = role not in _AS_WRITTEN
    note = inserted(message)
    yield Paragraph(shown(f"{role}{f' {name}' if name else ''}{f' ({note})' if note else ''}"), "title")
    content = message.get("content")
    if isinstance(content, list):
        for block in content:
            yield from _part(block, marked=marked)
    elif content:
        text = content if isinstance(content, str) else as_json(content)
        yield _text(text, marked=marked and isinstance(content, str))
    for call in message.get("tool_calls") or ():
        if isinstance(call, dict):
            yield Paragraph(shown(f"{call.get('name')}({as_json(call.get('args'))})"), "tool", 2)
    yield Paragraph("")


def _part(part: Any, *, marked: bool) -> Iterator[Block]:
    """Return a part of a message whose content is a list."""
    match part:
        case str() as text:
            yield _text(text, marked=marked)
        case {"text": str(text)}:
            yield _text(text, marked=marked)
        case {"reasoning": str(text)} | {"thinking": str(text)}:
            yield Paragraph(shown(text), "faint", 2)
        case _:
            yield Paragraph(shown(as_json(part)), "faint", 2)


def _text(text: str, *, marked: bool) -> Block:
    return Marked(shown(text), 2) if marked else Paragraph(shown(text), indent=2)


def _document(number: int, document: Any) -> Iterator[Block]:
    match document:
        case {"page_content": str(text), **rest}:
            metadata = rest.get("metadata")
            source = metadata.get("source") if isinstance(metadata, dict) else None
            yield Paragraph(shown(f"{number}. {source or 'document'}"), "title")
            yield Paragraph(shown(text), indent=2)
            if metadata:
                yield Paragraph(shown(as_json(metadata)), "faint", 2)
        case _:
            yield Paragraph(shown(as_json(document)))
    yield Paragraph("")
