"""Lines of a width in cells. Every line knows what joins it to the one before."""

from __future__ import annotations

from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from tracebus_tui.drawing import Span, fit, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TAB = "    "
_SHORT = 2_000
"""Characters of a line that is worth remembering wrapped."""

Pieces: TypeAlias = "tuple[tuple[str, str], ...]"
"""Parts of a line, each after what stood between it and the one before."""


class Line(NamedTuple):
    """A line on the screen."""

    spans: list[Span]
    margin: str = ""
    """What stands in front and is no part of the text."""
    joint: str = "\n"
    """What the text has between the line before and this one: nothing or a blank where it was broken."""

    @property
    def text(self) -> str:
        """Return the text without its margin."""
        return "".join(text for text, _ in self.spans)


class Layout(Protocol):
    """Something that can be laid out as lines."""

    def __call__(self, cells: int, *, wrap: bool) -> Sequence[Line]:
        """Return the lines, at most *cells* wide each; without *wrap* a line too long is cut."""


def broken(spans: list[Span], cells: int, margin: str = "", *, wrap: bool = True) -> Iterator[Line]:
    """Yield *spans*, which are one line of text, as lines of at most *cells* cells."""
    cells = max(1, cells)
    spans = [(text.replace("\t", TAB), style) for text, style in spans]
    whole = "".join(text for text, _ in spans)
    if not wrap:
        shown = len(fit(whole, min(cells, width(whole[: cells * 8]))))
        yield Line(_Rest(spans).take(shown), margin)
        return
    rest = _Rest(spans)
    for number, (joint, piece) in enumerate(wrapped(whole, cells)):
        rest.take(len(joint))
        yield Line(rest.take(len(piece)), margin, joint if number else "\n")


class _Rest:
    """What is left of spans that are taken from the front, each looked at once."""

    def __init__(self, spans: list[Span]) -> None:
        self._spans = spans
        self._span = 0
        self._start = 0

    def take(self, characters: int) -> list[Span]:
        """Return the next *characters* characters."""
        taken: list[Span] = []
        while characters > 0 and self._span < len(self._spans):
            text, style = self._spans[self._span]
            part = text[self._start : self._start + characters]
            characters -= len(part)
            self._start += len(part)
            if part:
                taken.append((part, style))
            if self._start >= len(text):
                self._span, self._start = self._span + 1, 0
        return taken


def beside(left: Sequence[Line], right: Sequence[Line], cells: int, between: str) -> Iterator[Line]:
    """Yield two columns as one, the left one *cells* wide."""
    nothing = Line([])
    for one, other in zip_longest(left, right, fillvalue=nothing):
        spare = " " * (cells - width(one.margin + one.text))
        yield Line([*one.spans, (spare, ""), (between, "guide"), *other.spans], one.margin)


def wrapped(line: str, cells: int) -> Pieces:
    """Return *line* in pieces of at most *cells* cells, broken at blanks where there are any."""
    return _remembered(line, cells) if len(line) <= _SHORT else tuple(_pieces(line, cells))


@lru_cache(maxsize=4096)
def _remembered(line: str, cells: int) -> Pieces:
    return tuple(_pieces(line, cells))


def _pieces(line: str, cells: int) -> Iterator[tuple[str, str]]:
    simple = line.isascii()
    start, joint = 0, ""
    while True:
        # Combining characters take no cells, so more characters may fit than there are cells.
        room = start + cells if simple else _fitting(line, start, cells)
        if room >= len(line):
            yield joint, line[start:]
            return
        blank = line.rfind(" ", start + (room - start) // 3, room + 1)
        end = blank if blank > start else room
        yield joint, line[start:end]
        joint = " " if blank > start else ""
        start = end + len(joint)


def _fitting(line: str, start: int, cells: int) -> int:
    """Return the end of what fits in *cells* cells from *start* on: at least one character more."""
    used = 0
    for place in range(start, len(line)):
        used += width(line[place])
        if used > cells:
            return max(start + 1, place)
    return len(line)
