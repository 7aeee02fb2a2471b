"""Break lines at words in text that arrives in pieces."""

from __future__ import annotations

import re

__all__ = ["WrappedLines"]

_MARGIN = 8  # columns kept free for the rest of a word that comes with the next piece
_WORD = re.compile(r"\n|[^\S\n]*[^\s]+|[^\S\n]+")


class WrappedLines:
    """Remembers the column, so that every piece knows where it goes."""

    def __init__(self, width: int, indent: str) -> None:
        self._limit = max(width - _MARGIN, 20)
        self._indent = indent
        self._column = 0

    def wrap(self, text: str) -> str:
        """Return *text*, which follows what was given before, with line breaks where they are due."""
        return "".join(map(self._placed, _WORD.findall(text)))

    def _placed(self, word: str) -> str:
        if word == "\n":
            self._column = 0
            return word
        if word[0] == " " and self._column + len(word) > self._limit:
            word = "\n" + self._indent + word.lstrip()
            self._column = -1
        self._column += len(word)
        return word
