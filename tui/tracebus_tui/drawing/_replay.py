"""The line that shows a replay's speed, position and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.figures import count
from tracebus.tree import RunStatus
from tracebus_tui.drawing._cells import cut, line_width

if TYPE_CHECKING:
    from tracebus_tui.drawing._cells import Span
    from tracebus_tui.drawing._glyphs import Glyphs
    from tracebus_tui.feed import ReplaySource

_LEAST = 10
"""Cells a bar needs to say anything."""
_MOST_ERRORS = 5_000


def replay_line(source: ReplaySource, glyphs: Glyphs, cells: int) -> list[Span]:
    """Return the line in *cells* cells."""
    contents = source.contents
    word, style = _word(source)
    total = _clock(contents.seconds) if contents.whole else "…"
    speed = f"{source.speed:g}x" if source.speed else "at once"
    left: list[Span] = [
        (f" {word:<6} ", style),
        (f"{speed:<7} ", "value"),
        (f"{_clock(source.at)} / {total}  ", "value"),
    ]
    events = f"  {count(source.played)} of {count(len(contents.due))}{'' if contents.whole else '+'} events "
    errors = f"  {len(contents.errors)}{glyphs.status[RunStatus.ERROR]}" if contents.errors else ""
    right: list[Span] = [(errors, "error"), (events, "faint")]
    while right and line_width(left + right) + _LEAST > cells:
        right.pop()
    room = cells - line_width(left + right)
    bar = _bar(source, glyphs, room) if room >= _LEAST else [(" " * max(0, room), "")]
    return [*left, *bar, *right]


def _word(source: ReplaySource) -> tuple[str, str]:
    if source.ended:
        return "END", "faint"
    return ("PAUSED", "paused") if source.paused else ("PLAY", "ok")


def _bar(source: ReplaySource, glyphs: Glyphs, cells: int) -> list[Span]:
    """Return where it stands between beginning and end, with a sign at every error."""
    contents = source.contents
    whole = contents.seconds
    here = round(source.at / whole * (cells - 1)) if contents.whole and whole else 0
    signs: list[Span] = [
        (glyphs.work, "running") if place < here else (glyphs.rule, "guide") for place in range(cells)
    ]
    if whole:
        for failure in contents.errors[:_MOST_ERRORS]:
            place = round(contents.due[failure.number - 1] / whole * (cells - 1))
            signs[min(place, cells - 1)] = (glyphs.status[RunStatus.ERROR], "error")
    signs[min(here, cells - 1)] = (glyphs.dot, "title")
    return signs


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    return cut(f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes:02}:{rest:04.1f}", 12)
