"""Two compared runs as lines of a terminal."""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING

import click

from tracebus import figures
from tracebus.cli._cells import clip, glyph, short_id
from tracebus.comparison import unified
from tracebus.text import sanitise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus.comparison import Comparison, Difference, LinePair, Part, Side, Step

__all__ = ["lines_of"]

_MOST_LINES = 30
"""Lines of one difference shown without `--full`."""
_MARKS = {
    "same": (" ", None),
    "differs": ("~", "yellow"),
    "only_left": ("-", "red"),
    "only_right": ("+", "green"),
}


def lines_of(found: Comparison, *, full: bool = False) -> Iterator[str]:
    """Yield the comparison: the two runs, where they part, all steps, and what differs in each."""
    top = found.steps[0]
    yield from _head("left ", top.left)
    yield from _head("right", top.right)
    yield ""
    yield click.style(_verdict(found), bold=True)
    yield ""
    yield from _steps(found)
    shown: set[LinePair] = set()
    for number in _in_order(found):
        yield from _details(found, number, shown, full=full)


def _head(word: str, side: Side | None) -> Iterator[str]:
    if side is not None:
        took = "" if side.duration is None else f"  {figures.duration(side.duration)}"
        amounts = "".join(f"  {text}" for text in (_tokens(side), _cost(side)) if text)
        yield f"{word}  {glyph(side.status)} {short_id(side.run_id)}  {clip(side.name, 60)}{took}{amounts}"


def _verdict(found: Comparison) -> str:
    if found.parted is None:
        return "The same steps with the same inputs and outputs."
    step = found.steps[found.parted]
    where = _path(found.steps, found.parted)
    match step.change:
        case "only_left":
            return f"They part at {where}, which only the left one has."
        case "only_right":
            return f"They part at {where}, which only the right one has."
        case _:
            return f"They part at {where}: another {step.differences[0].what}."


def _path(steps: Sequence[Step], number: int) -> str:
    """Return the names from below the root to the step, numbered where siblings share one."""
    names: list[str] = []
    depth = steps[number].depth + 1
    for place in range(number, -1, -1):
        if steps[place].depth < depth:
            names.append(_label(steps, place))
            depth = steps[place].depth
    return " / ".join(names[-2::-1] or names)


def _label(steps: Sequence[Step], number: int) -> str:
    """Return the step's name, with its number among the siblings so called."""
    step = steps[number]
    before = 0
    for other in reversed(steps[:number]):
        if other.depth < step.depth:
            break
        before += other.depth == step.depth and other.name == step.name
    name = clip(step.name, 40)
    return f"{name} #{before + 1}" if before else name


# The table of steps.


def _steps(found: Comparison) -> Iterator[str]:
    rows = [("  " * step.depth + clip(step.name, 40), _times(step), _amounts(step)) for step in found.steps]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, (step, row) in enumerate(zip(found.steps, rows, strict=True)):
        mark, colour = _MARKS[step.change]
        name, times, amounts = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        what = ", ".join(difference.what for difference in step.differences)
        cells = [
            click.style(f"{mark} {name}", fg=colour),
            click.style(f"{times}  {amounts}", dim=step.change == "same"),
            click.style(what, fg=colour),
        ]
        here = click.style(" ← here", bold=True) if number == found.parted else ""
        yield "  ".join(cells).rstrip() + here


def _times(step: Step) -> str:
    left = step.left.duration if step.left is not None else None
    right = step.right.duration if step.right is not None else None
    shown = [figures.duration(seconds) if seconds is not None else "–" for seconds in (left, right)]  # noqa: RUF001  a dash for nothing
    change = f" {right / left - 1:+.0%}" if left and right is not None else ""
    return f"{shown[0]} → {shown[1]}{change}"


def _amounts(step: Step) -> str:
    """Return tokens and cost, both sides where they are not the same."""
    texts = []
    for read in (_tokens, _cost):
        left, right = (read(side) if side is not None else "" for side in (step.left, step.right))
        if left == right:
            texts.append(left)
        else:
            texts.append(f"{left or '–'} → {right or '–'}")  # noqa: RUF001  a dash for nothing
    return "  ".join(filter(None, texts))


def _tokens(side: Side) -> str:
    given, made = side.input_tokens, side.output_tokens
    if given is None and made is None:
        return ""
    return ">".join("?" if amount is None else figures.count(amount) for amount in (given, made)) + " tokens"


def _cost(side: Side) -> str:
    return figures.dollars(side.cost) if side.cost is not None else ""


# What differs in a step.


def _in_order(found: Comparison) -> Iterator[int]:
    """Yield the step at which they part, then the others that differ, the inner before the outer."""
    if found.parted is not None:
        yield found.parted
    around: list[int] = []
    for number, step in enumerate(found.steps):
        while around and found.steps[around[-1]].depth >= step.depth:
            yield around.pop()
        if number != found.parted and step.change == "differs":
            around.append(number)
    yield from reversed(around)


def _details(found: Comparison, number: int, shown: set[LinePair], *, full: bool) -> Iterator[str]:
    """Yield the differences of a step that were not shown at another: a prompt repeats what was said before.

    What a step passes in to the steps inside it, and out of them, is shown there.
    """
    step = found.steps[number]
    differences = step.differences
    if number and not full and _differs_below(found.steps, number):
        differences = tuple(one for one in differences if one.what not in ("input", "output"))
    lines = [line for difference in differences for line in _difference(difference, shown, full=full)]
    if lines:
        yield ""
        side = step.right or step.left
        kind = side.kind if side is not None else ""
        yield click.style(_path(found.steps, number), bold=True) + click.style(f"  {kind}", dim=True)
        yield from lines


def _differs_below(steps: Sequence[Step], number: int) -> bool:
    for step in steps[number + 1 :]:
        if step.depth <= steps[number].depth:
            return False
        if step.change != "same":
            return True
    return False


def _difference(difference: Difference, shown: set[LinePair], *, full: bool) -> Iterator[str]:
    sides = (difference.left.split("\n"), difference.right.split("\n"))
    if max(map(len, sides)) == 1 and max(map(len, (difference.left, difference.right))) <= 40:  # noqa: PLR2004  one line
        pair = f"{difference.left or '–'} → {difference.right or '–'}"  # noqa: RUF001  a dash for nothing
        yield f"  {difference.what}: {sanitise(pair, one_line=True)}"
        return
    hunks = list(unified(*sides))
    fresh = [line for line in hunks if not isinstance(line, int) and not line.same and line not in shown]
    if not fresh:
        return
    yield f"  {difference.what}"
    lines = [text for text, _ in groupby(text for line in hunks for text in _hunk(line, shown))]
    shown.update(fresh)
    most = len(lines) if full else _MOST_LINES
    yield from lines[:most]
    if len(lines) > most:
        yield click.style(f"    … {len(lines) - most} lines more; all of them with --full", dim=True)


def _hunk(line: LinePair | int, shown: set[LinePair]) -> Iterator[str]:
    if isinstance(line, int):
        yield click.style(f"    … {line} {'line' if line == 1 else 'lines'} the same", dim=True)
    elif line.same:
        yield click.style(f"    {_plain(line.left)}", dim=True)
    elif line in shown:
        yield click.style("    … as above", dim=True)
    else:
        if line.left is not None:
            yield _marked("-", line.left, "red")
        if line.right is not None:
            yield _marked("+", line.right, "green")


def _marked(sign: str, parts: tuple[Part, ...], colour: str) -> str:
    whole = all(part.changed for part in parts)
    texts = [
        _emphasised(sanitise(part.text), sign, colour) if part.changed and not whole else sanitise(part.text)
        for part in parts
    ]
    return click.style(f"  {sign} ", fg=colour) + "".join(click.style(text, fg=colour) for text in texts)


def _emphasised(text: str, sign: str, colour: str) -> str:
    """Return words that changed so that they stand out, by brackets where there is no colour."""
    if sys.stdout.isatty():
        return click.style(text, fg=colour, bold=True, underline=True)
    return f"[{sign}{text}{sign}]" if sign == "-" else f"{{{sign}{text}{sign}}}"


def _plain(parts: tuple[Part, ...] | None) -> str:
    return sanitise("".join(part.text for part in parts or ()))
