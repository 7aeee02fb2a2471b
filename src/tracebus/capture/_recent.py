"""Texts met lately, and what is known of them."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Recent"]

T = TypeVar("T")


class Recent(Generic[T]):
    """What is known of the texts met lately; forgotten all at once when it is too much.

    Used from any thread: a lost entry costs that it is found out again.

    Args:
        most_characters: how many may be kept.
        most_texts: how many texts.
    """

    __slots__ = ("_characters", "_most_characters", "_most_texts", "known")

    def __init__(self, most_characters: int, most_texts: int) -> None:
        self._most_characters = most_characters
        self._most_texts = most_texts
        self._characters = 0
        self.known: dict[str, T] = {}

    def keep(self, text: str, found: T, characters: int) -> None:
        """Remember of *text* what was *found*, which keeps so many *characters* with it."""
        if self._characters > self._most_characters or len(self.known) >= self._most_texts:
            self.known, self._characters = {}, 0
        self.known[text] = found
        self._characters += characters
