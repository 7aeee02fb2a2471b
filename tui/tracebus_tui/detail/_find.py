"""Where in laid-out lines a text stands, across the places where a line was broken."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus_tui.detail._wrap import Line
    from tracebus_tui.drawing import Span

MOST = 10_000
"""Places that are found at most."""


class Piece(NamedTuple):
    """A part of a line, in characters behind its margin."""

    line: int
    start: int
    end: int


def find(lines: Sequence[Line], wanted: str) -> list[list[Piece]]:
    """Return every place where *wanted* stands, each as the pieces of the lines it covers.

    Capitals matter only where *wanted* has some.
    """
    if not wanted:
        return []
    parts: list[str] = []
    starts: list[int] = []
    length = 0
    for number, line in enumerate(lines):
        text = line.text
        joint = line.joint if number else ""
        starts.append(length + len(joint))
        parts += (joint, text)
        length += len(joint) + len(text)
    whole = "".join(parts)
    flags = re.NOFLAG if wanted != wanted.lower() else re.IGNORECASE
    found = re.finditer(re.escape(wanted), whole, flags)
    ends = [start + len(parts[2 * number + 1]) for number, start in enumerate(starts)]
    return [_pieces(match.start(), match.end(), starts, ends) for match in islice(found, MOST)]


def _pieces(start: int, end: int, starts: list[int], ends: list[int]) -> list[Piece]:
    line = max(0, bisect_right(starts, start) - 1)
    pieces: list[Piece] = []
    while line < len(starts) and starts[line] < end:
        first, last = max(start, starts[line]) - starts[line], min(end, ends[line]) - starts[line]
        if first < last:
            pieces.append(Piece(line, first, last))
        line += 1
    return pieces or [Piece(max(0, line - 1), 0, 0)]


def emphasised(spans: list[Span], start: int, end: int, style: str) -> list[Span]:
    """Return *spans* with the characters from *start* to *end* in *style*."""
    result: list[Span] = []
    place = 0
    for text, look in spans:
        first = min(len(text), max(0, start - place))
        last = min(len(text), max(first, end - place))
        parts = ((text[:first], look), (text[first:last], style), (text[last:], look))
        result += [part for part in parts if part[0]]
        place += len(text)
    return result
