"""What a run looks like on one line of a terminal."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from tracebus import figures, signs
from tracebus.text import first_line, sanitise
from tracebus.tree import RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.logs import RunSummary

__all__ = ["clip", "cut", "echo", "glyph", "moment", "short_id", "table", "tokens"]

_STYLES = re.compile(r"(\x1b\[[0-9;]*m)")


def glyph(status: str) -> str:
    """Return the coloured sign every view has for a run's status."""
    known = RunStatus(status)
    return click.style(signs.STATUS[known], fg=signs.COLOURS[known])


def echo(line: str) -> None:
    """Print a line; where the terminal's encoding lacks some of it, with signs of ASCII in their place."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        line = line.translate(signs.TO_ASCII).encode(encoding, "replace").decode(encoding)
    except LookupError:
        pass  # an encoding nobody knows: click's business
    click.echo(line)


def moment(time: int | None) -> str:
    """Return a time stamp as local time, with the date where it is not today's."""
    if time is None:
        return "?"
    at = datetime.fromtimestamp(time / 1e9).astimezone()
    today = datetime.now().astimezone().date()
    return at.strftime("%H:%M:%S" if at.date() == today else "%Y-%m-%d %H:%M")


def short_id(run_id: str) -> str:
    """Return the end of an id: LangChain's begin with the time, so that neighbours begin alike."""
    return sanitise(run_id[-8:], one_line=True)


def tokens(run: RunSummary) -> str:
    """Return tokens in and out."""
    if run.input_tokens is None and run.output_tokens is None:
        return "" if run.total_tokens is None else figures.count(run.total_tokens)
    given, taken = (
        "?" if amount is None else figures.count(amount) for amount in (run.input_tokens, run.output_tokens)
    )
    return f"{given}>{taken}"


def clip(text: str, width: int) -> str:
    """Return the first line of *text*, safe to show, in at most *width* characters."""
    return first_line(text, width)


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Return *rows* as lines with aligned columns; the columns *right* are aligned there."""
    widths = [max(len(click.unstyle(cell)) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(_padded(row, widths, right)).rstrip() for row in rows]


def _padded(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> list[str]:
    cells = []
    for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
        space = " " * (width - len(click.unstyle(cell)))
        cells.append(space + cell if number in right else cell + space)
    return cells


def cut(line: str, width: int) -> str:
    """Return *line*, which may be styled, in at most *width* characters on the screen."""
    if len(click.unstyle(line)) <= width:
        return line
    room = width - 1
    kept = []
    for part in _STYLES.split(line):
        if part.startswith("\x1b"):
            kept.append(part)
            continue
        if room >= 0:
            kept.append(part if len(part) <= room else part[:room] + "…")
            room = room - len(part) if len(part) <= room else -1
    return "".join(kept)
