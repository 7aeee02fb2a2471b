"""Text wrapped to a width in cells; a line wrapped once is remembered."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tracebus_tui.drawing import fit, width

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus_tui.detail._content import Paragraph
    from tracebus_tui.drawing import Span

_TAB = "    "


@lru_cache(maxsize=4096)
def wrapped(line: str, cells: int) -> tuple[str, ...]:
    """Return *line* in pieces of at most *cells* cells, broken at blanks where there are any."""
    line = line.replace("\t", _TAB)
    pieces: list[str] = []
    while width(line) > cells:
        # Combining characters take no cells, so more characters may fit than there are cells.
        room = cells if line.isascii() else _fitting(line, cells)
        blank = line.rfind(" ", room // 3, room + 1)
        end = blank if blank > 0 else room
        pieces.append(line[:end])
        line = line[end + 1 :] if blank > 0 else line[end:]
    pieces.append(line)
    return tuple(pieces)


def _fitting(line: str, cells: int) -> int:
    """Return how many characters at the start of *line* fit in *cells* cells, at least one."""
    used = 0
    for number, character in enumerate(line):
        used += width(character)
        if used > cells:
            return max(1, number)
    return len(line)


def lines_of(paragraphs: Iterable[Paragraph], cells: int, *, wrap: bool = True) -> list[list[Span]]:
    """Return *paragraphs* as lines of spans, at most *cells* wide."""
    lines: list[list[Span]] = []
    for text, style, indent in paragraphs:
        room = max(1, cells - indent)
        margin = " " * indent
        for line in text.split("\n"):
            if wrap:
                lines.extend([(margin + piece, style)] for piece in wrapped(line, room))
            else:
                lines.append([(margin + fit(line.replace("\t", _TAB), min(room, width(line))), style)])
    return lines
