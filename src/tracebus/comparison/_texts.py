"""Two texts, line against line and word against word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["LinePair", "Part", "line_pairs", "unified"]

_MOST_LINES = 2_000
"""Of more changed lines, comparing would hold up the reader: they stand side by side by their number."""
_MOST_WORDS = 500
"""Of more between what both lines begin and end with, words are not searched for what is alike."""
_LONGEST_LINE = 200_000
_WORD = re.compile(r"[^\W_]+|.", re.DOTALL)
_MOST_CHANGED = 40
"""Pairs of lines that are compared word by word."""

_ALIKE = 0.4
"""Lines of which less is the same are two lines, not one that changed."""


class Part(NamedTuple):
    """A part of a line."""

    text: str
    changed: bool


class LinePair(NamedTuple):
    """What stands left and right; `None` where that side has no such line."""

    left: tuple[Part, ...] | None
    right: tuple[Part, ...] | None

    @property
    def same(self) -> bool:
        """Return whether the line is the same on both sides."""
        return self.left == self.right


def line_pairs(left: Sequence[str], right: Sequence[str]) -> Iterator[LinePair]:
    """Yield the lines side by side, with the words that changed marked."""
    before = _common(left, right)
    after = _common(left[before:][::-1], right[before:][::-1])
    ours, theirs = left[before : len(left) - after], right[before : len(right) - after]
    yield from map(_equal, left[:before])
    if max(len(ours), len(theirs)) > _MOST_LINES:
        for one, other in zip_longest(ours, theirs):
            yield _equal(one) if one == other else LinePair(_whole(one), _whole(other))
    else:
        yield from _matched(ours, theirs)
    yield from map(_equal, left[len(left) - after :])


def unified(left: Sequence[str], right: Sequence[str], context: int = 1) -> Iterator[LinePair | int]:
    """Yield what differs with *context* lines around it, and for lines left out between, how many."""
    pairs = list(line_pairs(left, right))
    near: set[int] = set()
    for number, pair in enumerate(pairs):
        if not pair.same:
            near.update(range(number - context, number + context + 1))
    skipped = 0
    for number, pair in enumerate(pairs):
        if number not in near:
            skipped += 1
            continue
        if skipped:
            yield skipped
            skipped = 0
        yield pair
    if skipped:
        yield skipped


def _matched(left: Sequence[str], right: Sequence[str]) -> Iterator[LinePair]:
    changed = 0
    for tag, first, last, other_first, other_last in SequenceMatcher(None, left, right).get_opcodes():
        for one, other in zip_longest(left[first:last], right[other_first:other_last]):
            changed += tag == "replace"
            if tag == "equal":
                yield _equal(one)
            elif one is None or other is None or changed > _MOST_CHANGED:
                yield LinePair(_whole(one), _whole(other))
            else:
                yield _changed(one, other)


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """Return how many lines both begin with."""
    number = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        number += 1
    return number


def _equal(line: str) -> LinePair:
    same = (Part(line, changed=False),)
    return LinePair(same, same)


def _whole(line: str | None) -> tuple[Part, ...] | None:
    return None if line is None else (Part(line, changed=True),)


def _changed(left: str, right: str) -> LinePair:
    if max(len(left), len(right)) > _LONGEST_LINE:
        return LinePair(_whole(left), _whole(right))
    ours, theirs = _WORD.findall(left), _WORD.findall(right)
    spans = list(_spans(ours, theirs))
    alike = sum(last - first for same, first, last, _, _ in spans if same)
    if 2 * alike < _ALIKE * (len(ours) + len(theirs)):
        return LinePair(_whole(left), _whole(right))
    one: list[Part] = []
    other: list[Part] = []
    for same, first, last, other_first, other_last in spans:
        for side, words in ((one, ours[first:last]), (other, theirs[other_first:other_last])):
            if words:
                side.append(Part("".join(words), not same))
    return LinePair(tuple(one), tuple(other))


def _spans(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[bool, int, int, int, int]]:
    """Yield whether words are the same, and their places left and right; what both begin and end with first.

    A sentence that changed in a long paragraph costs no more than the sentence.
    """
    before = _common(left, right)
    after = _common(left[before:][::-1], right[before:][::-1])
    ours, theirs = left[before : len(left) - after], right[before : len(right) - after]
    if before:
        yield True, 0, before, 0, before
    if max(len(ours), len(theirs)) > _MOST_WORDS:
        yield False, before, len(left) - after, before, len(right) - after
    elif ours or theirs:
        matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
        for tag, first, last, other_first, other_last in matcher.get_opcodes():
            yield tag == "equal", first + before, last + before, other_first + before, other_last + before
    if after:
        yield True, len(left) - after, len(left), len(right) - after, len(right)
