"""What is new in a message list that grew: the same for every reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["known_before", "messages_of"]


def messages_of(payload: Any) -> Sequence[Any]:
    """Return the messages in a run's input or output; none where it has no message list."""
    match payload:
        case {"messages": [*_]}:
            messages: Sequence[Any] = payload["messages"]
            return messages
        case _:
            return ()


def known_before(previous: Sequence[Any], messages: Sequence[Any]) -> int:
    """Return how many of *messages* were in *previous*, where the list only grew; else 0.

    It only grew where *previous* is its beginning, message for message.
    """
    grew = 0 < len(previous) < len(messages)
    return len(previous) if grew and all(map(_same, previous, messages)) else 0


def _same(one: Any, other: Any) -> bool:
    return one is other or one == other
