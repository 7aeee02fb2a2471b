"""Which messages of a growing list are new, and which were inserted in somebody else's name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["inserted", "known_before", "messages_of"]

_GIVEN_BY_LANGGRAPH = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The id LangGraph gives a message of its state that has none; models' have LangChain's or the provider's."""


def messages_of(payload: Any) -> Sequence[Any]:
    """Return the messages in a run's input or output; none where it has no message list."""
    match payload:
        case {"messages": [*_]}:
            messages: Sequence[Any] = payload["messages"]
            return messages
        case _:
            return ()


def inserted(message: Mapping[str, Any]) -> str:
    """Return `inserted`, or `inserted by NAME`, where a message is not of whom its role names; else nothing.

    A summary comes as a human's message. A middleware that gives up (a call limit, retries that failed)
    answers in the model's name: such a message bears no trace of a model, neither usage nor metadata.
    """
    extra = message.get("additional_kwargs")
    source = extra.get("lc_source") if isinstance(extra, dict) else None
    if isinstance(source, str) and source:
        return f"inserted by {source}"
    if message.get("type") != "ai" or message.get("usage_metadata") or message.get("response_metadata"):
        return ""
    return "inserted" if _GIVEN_BY_LANGGRAPH.fullmatch(str(message.get("id"))) else ""


def known_before(previous: Sequence[Any], messages: Sequence[Any]) -> int:
    """Return how many of *messages* were in *previous*, where the list only grew; else 0.

    It only grew where *previous* is its beginning, message for message.
    """
    grew = 0 < len(previous) < len(messages)
    return len(previous) if grew and all(map(_same, previous, messages)) else 0


def _same(one: Any, other: Any) -> bool:
    return one is other or one == other
