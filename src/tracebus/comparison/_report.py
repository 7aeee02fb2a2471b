"""Two compared runs as lines of text, for a terminal or an agent."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from tracebus import figures
from tracebus.comparison._reading import in_order, own_differences, path_of, verdict
from tracebus.comparison._texts import Part, unified
from tracebus.signs import STATUS
from tracebus.text import first_line, sanitise
from tracebus.tree import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tracebus.comparison._compare import Comparison, Difference, Side, Step
    from tracebus.comparison._texts import LinePair

    Paint = Callable[[str, str], str]

__all__ = ["plain", "report"]

_MOST_LINES = 30
"""Lines of one difference shown without `--full`."""
_MOST_SAID, _MOST_SAME = 600, 160
"""Characters shown without `--full` of what changed in a line, and of what did not."""
_MOST_DETAILED = 40
_MOST_STEPS = 400
"""Steps listed, and those of which the texts that differ are shown, without `--full`."""
_DEEPEST = 40
"""Levels drawn by indentation."""
_MARKS = {
    "same": (" ", "faint"),
    "differs": ("~", "differs"),
    "only_left": ("-", "removed"),
    "only_right": ("+", "added"),
}


def plain(text: str, role: str) -> str:
    """Return *text* as it is without colours: words that changed in a line in brackets."""
    match role:
        case "removed word":
            return f"[-{text}-]"
        case "added word":
            return f"{{+{text}+}}"
        case _:
            return text


def report(
    found: Comparison, *, full: bool = False, texts: bool = True, paint: Paint = plain
) -> Iterator[str]:
    """Yield the comparison: the two runs, where they part, all steps, and what differs in each.

    Args:
        found: what `compare` returned.
        full: every line that differs, and what steps pass in to those inside them.
        texts: show what differs; otherwise only which step differs in what.
        paint: gives a text its look by its role: `title`, `faint`, `differs`, `removed`, `added`,
            `removed word`, `added word`.
    """
    top = found.steps[0]
    yield from _head("left ", top.left)
    yield from _head("right", top.right)
    yield ""
    yield paint(verdict(found), "title")
    yield ""
    yield from _steps(found, paint, full=full)
    shown: set[LinePair] = set()
    numbers = list(in_order(found)) if texts else []
    most = len(numbers) if full else _MOST_DETAILED
    for number in numbers[:most]:
        yield from _details(found, number, shown, full=full, paint=paint)
    if len(numbers) > most:
        yield ""
        yield paint(f"… {len(numbers) - most} steps more differ; all of them with --full", "faint")


def _head(word: str, side: Side | None) -> Iterator[str]:
    if side is not None:
        took = "" if side.duration is None else f"  {figures.duration(side.duration)}"
        amounts = "".join(f"  {text}" for text in (_tokens(side), _cost(side)) if text)
        sign, known = STATUS[RunStatus(side.status)], sanitise(side.run_id[-8:], one_line=True)
        yield f"{word}  {sign} {known}  {first_line(side.name, 60)}{took}{amounts}"


# The table of steps.


def _steps(found: Comparison, paint: Paint, *, full: bool) -> Iterator[str]:
    shown = found.steps if full else found.steps[:_MOST_STEPS]
    rows = [(_lead(step) + first_line(step.name, 40), _times(step), _amounts(step)) for step in shown]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, (step, row) in enumerate(zip(shown, rows, strict=True)):
        mark, role = _MARKS[step.change]
        name, times, amounts = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        what = ", ".join(difference.what for difference in step.differences)
        cells = [
            paint(f"{mark} {name}", role if step.change != "same" else ""),
            paint(f"{times}  {amounts}", "faint" if step.change == "same" else ""),
            paint(what, role),
        ]
        here = paint(" ← here", "title") if number == found.parted else ""
        yield "  ".join(cells).rstrip() + here
    if len(shown) < len(found.steps):
        yield paint(f"… {len(found.steps) - len(shown)} steps more; all of them with --full", "faint")


def _lead(step: Step) -> str:
    return "  " * min(step.depth, _DEEPEST)


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


def _details(
    found: Comparison, number: int, shown: set[LinePair], *, full: bool, paint: Paint
) -> Iterator[str]:
    """Yield what differs in a step and was not shown at another: a prompt repeats what was said before."""
    step = found.steps[number]
    lines = [
        line
        for difference in own_differences(found, number, full=full)
        for line in _difference(difference, shown, full=full, paint=paint)
    ]
    if lines:
        yield ""
        side = step.right or step.left
        kind = side.kind if side is not None else ""
        yield paint(path_of(found.steps, number), "title") + paint(f"  {kind}", "faint")
        yield from lines


def _difference(difference: Difference, shown: set[LinePair], *, full: bool, paint: Paint) -> Iterator[str]:
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
    lines = [
        text
        for text, _ in groupby(text for line in hunks for text in _hunk(line, shown, full=full, paint=paint))
    ]
    shown.update(fresh)
    most = len(lines) if full else _MOST_LINES
    yield from lines[:most]
    if len(lines) > most:
        yield paint(f"    … {len(lines) - most} lines more; all of them with --full", "faint")


def _hunk(line: LinePair | int, shown: set[LinePair], *, full: bool, paint: Paint) -> Iterator[str]:
    if isinstance(line, int):
        yield paint(f"    … {line} {'line' if line == 1 else 'lines'} the same", "faint")
    elif line.same:
        whole = "".join(part.text for part in line.left or ())
        yield paint(f"    {_said(Part(whole, changed=False), full=full)}", "faint")
    elif line in shown:
        yield paint("    … as above", "faint")
    else:
        if line.left is not None:
            yield _marked("-", line.left, "removed", full=full, paint=paint)
        if line.right is not None:
            yield _marked("+", line.right, "added", full=full, paint=paint)


def _marked(sign: str, parts: tuple[Part, ...], role: str, *, full: bool, paint: Paint) -> str:
    whole = all(part.changed for part in parts)
    texts = [
        paint(_said(part, full=full), f"{role} word" if part.changed and not whole else role)
        for part in parts
    ]
    return paint(f"  {sign} ", role) + "".join(texts)


def _said(part: Part, *, full: bool) -> str:
    most = _MOST_SAID if part.changed else _MOST_SAME
    left_out = len(part.text) - most
    if full or left_out <= 0:
        return sanitise(part.text)
    head, tail = sanitise(part.text[: most // 2]), sanitise(part.text[-(most // 2) :])
    return f"{head} … {left_out} characters … {tail}"
