"""Where in a text a secret can stand at all, found by looks that take a fraction of what the search takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SHORTEST_FORM", "around_signs", "long_words"]

SHORTEST_FORM = 15
"""Characters of the shortest secret that is known by its form."""
_SHORT = 128
"""Characters of a text in which looking for stretches costs as much as searching all of it."""
_SPARSE = 96
"""Characters a `:` or `=`, from which on it pays to look around each."""
_BEFORE = 24
"""Characters before a sign in which a key ends: what may stand between are quotes and white space."""
_LONGEST_KEY = 128
"""Characters of a key that are looked at first: one that is longer is followed to its beginning."""
_BEHIND = 3
"""Characters of a sign, and what must not follow it."""

_IN_FORMS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+=")
_AS_RUNS = "".join("x" if chr(code) in _IN_FORMS else " " for code in range(128))
_LONG_RUN = "x" * SHORTEST_FORM
_KEY_BACKWARDS = re.compile(r"[\w\-.]*+")


def long_words(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Yield where from *start* on there is a word long enough to be a secret known by its form."""
    if len(text) - start < _SHORT or not text.isascii():
        yield start, len(text)
        return
    runs = text.translate(_AS_RUNS)
    at = runs.find(_LONG_RUN, start)
    while at >= 0:
        begin = max(start, runs.rfind(" ", 0, at) + 1)
        end = runs.find(" ", at)
        if end < 0:
            end = len(text)
        yield begin, end
        at = runs.find(_LONG_RUN, end)


def around_signs(text: str) -> Iterator[tuple[int, int]]:
    """Yield the stretches of *text* in which a `:` or `=` with a key before it stands."""
    if len(text) < _SHORT or (text.count(":") + text.count("=")) * _SPARSE > len(text):
        yield 0, len(text)
        return
    begin = end = 0
    for sign in _signs(text):
        if sign - _BEFORE > end:
            # A key may begin right behind the sign before it.
            key = _key_begin(text, max(0, end - _BEHIND + 1), sign - _BEFORE)
            if key > end:
                if end:
                    yield begin, end
                begin = key
        end = sign + _BEHIND
    if end:
        yield begin, min(end, len(text))


def _key_begin(text: str, start: int, at: int) -> int:
    """Return where the key begins that *at* is in, which does not begin before *start*."""
    for first in (max(start, at - _LONGEST_KEY), start):
        key = _KEY_BACKWARDS.match(text[first:at][::-1])
        begin = at - (key.end() if key is not None else 0)
        if begin > first:
            return begin
    return start


def _signs(text: str) -> Iterator[int]:
    """Yield where a `:` or `=` stands."""
    colon, equals = text.find(":"), text.find("=")
    while colon >= 0 or equals >= 0:
        if equals < 0 or 0 <= colon < equals:
            yield colon
            colon = text.find(":", colon + 1)
        else:
            yield equals
            equals = text.find("=", equals + 1)
