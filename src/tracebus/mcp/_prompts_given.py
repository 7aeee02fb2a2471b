"""The messages of a model's prompt that no earlier model call had: a conversation is given once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import RunKind
from tracebus.text import first_line
from tracebus.transcript import message_lines

if TYPE_CHECKING:
    from tracebus.tree import RunNode

__all__ = ["new_part"]


def new_part(node: RunNode) -> str:
    """Return the messages of a chat model's prompt that are new, and where the others can be read.

    Empty where the run is no chat model, or no earlier call's prompt is the beginning of this one.
    """
    messages = _messages(node)
    if not messages:
        return ""
    earlier, known = _earlier(node, messages)
    if earlier is None:
        return ""
    said = [line for message in messages[known:] for line in message_lines(message)]
    where = f"[{earlier.run_id}] {first_line(earlier.name, 60)}"
    return "\n".join(
        [f"(the first {known} messages are the prompt of {where}; whole=true gives them)", *said]
    )


def _messages(node: RunNode) -> list[dict[str, Any]]:
    match node.inputs:
        case {"messages": [*messages]} if node.kind is RunKind.CHAT_MODEL and all(
            isinstance(message, dict) for message in messages
        ):
            return messages
        case _:
            return []


def _earlier(node: RunNode, messages: list[dict[str, Any]]) -> tuple[RunNode | None, int]:
    """Return the earlier model call that shares most of the prompt's beginning, and how many messages."""
    best: RunNode | None = None
    most = 0
    for other in node.root.walk():
        if other is node or (other.started_at or 0) >= (node.started_at or 0):
            continue
        theirs = _messages(other)
        if most < len(theirs) <= len(messages) and _says(theirs) == _says(messages[: len(theirs)]):
            best, most = other, len(theirs)
    return best, most


def _says(messages: list[dict[str, Any]]) -> list[str]:
    return [line for message in messages for line in message_lines(message)]
