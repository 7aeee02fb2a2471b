"""Two runs side by side: what differs first, texts line against line."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from tracebus.figures import duration
from tracebus.text import first_line
from tracebus_tui.detail._blocks import bounded, shown
from tracebus_tui.detail._facts import aligned, facts_of
from tracebus_tui.detail._find import emphasised
from tracebus_tui.detail._payloads import inputs_of, output_of
from tracebus_tui.detail._wrap import Line, beside, broken
from tracebus_tui.drawing import cut, width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tracebus.tree import RunNode
    from tracebus_tui.detail._blocks import Block
    from tracebus_tui.detail._wrap import Layout
    from tracebus_tui.drawing import Span

_NOTHING = "–"  # noqa: RUF001 - a dash for nothing
_MOST_LINES = 2_000
"""Of more, comparing would hold up the screen: they are shown as they are, unmarked."""
_LONGEST_LINE = 500
_MOST_CHANGED = 40
"""Pairs of lines that are compared word by word."""
_MOST_STEPS = 300
_BETWEEN = " │ "


class _Pair(NamedTuple):
    """What stands left and right; `None` where that side has nothing there."""

    left: list[Span] | None
    right: list[Span] | None


def compare(left: RunNode, right: RunNode, now: int) -> Layout:
    """Return how two runs are laid out side by side, as they are at *now* (ns since the epoch)."""
    parts = list(_parts(left, right, now))

    def lay(cells: int, *, wrap: bool) -> list[Line]:
        return [line for part in parts for line in _laid(part, cells, wrap=wrap)]

    return lay


def _parts(left: RunNode, right: RunNode, now: int) -> Iterator[_Pair | str]:
    yield _same_style(first_line(left.name, 200), first_line(right.name, 200), "title")
    own, other = dict(facts_of(left, now)), dict(facts_of(right, now))
    names = list(dict.fromkeys((*own, *other)))
    differing = [name for name in names if own.get(name) != other.get(name)]
    yield f"differs: {len(differing)} of {len(names)} facts"
    numbers = _numbers(left, right, now)
    pad = aligned(names)
    for name in differing:
        yield _fact(pad(name), own.get(name), other.get(name), numbers.get(name, ""))
    for title, texts in (
        ("input", _texts(left, right, inputs_of)),
        ("output", _texts(left, right, output_of)),
    ):
        pairs = list(_lines(*texts))
        same = texts[0] == texts[1]
        yield f"{title}: {'the same' if same else 'differs'}"
        yield from pairs
    steps = list(_steps(left, right))
    if steps:
        yield "runs directly below"
        yield from steps
    yield "the same in both"
    for name in names:
        if name not in differing:
            yield _same_style(pad(name) + own[name], pad(name) + other[name], "faint")


def _numbers(left: RunNode, right: RunNode, now: int) -> dict[str, str]:
    """Return, for facts that are amounts, how much more the right one is."""
    amounts: dict[str, tuple[float | None, float | None]] = {
        "took": (left.elapsed(now), right.elapsed(now)),
        "ttft": (left.time_to_first_token, right.time_to_first_token),
        "cost": (left.cost, right.cost),
        "rate": (left.tokens_per_second, right.tokens_per_second),
        "tokens": (
            left.usage.total_tokens if left.usage is not None else None,
            right.usage.total_tokens if right.usage is not None else None,
        ),
    }
    return {
        name: f"  {(second / first - 1):+.0%}"
        for name, (first, second) in amounts.items()
        if first and second is not None
    }


def _fact(name: str, left: str | None, right: str | None, change: str) -> _Pair:
    first, second = left or _NOTHING, right or _NOTHING
    return _Pair(
        [(name, "faint"), (first, "removed")],
        [(name, "faint"), (second, "added"), (change, "key")],
    )


def _texts(
    left: RunNode, right: RunNode, read: Callable[[RunNode], list[Block]]
) -> tuple[list[str], list[str]]:
    first, second = (
        [line for block in bounded(read(node)) for line in block.text.split("\n")] for node in (left, right)
    )
    return first, second


def _lines(left: list[str], right: list[str]) -> Iterator[_Pair]:
    """Yield the lines side by side, equal ones on one line."""
    if max(len(left), len(right)) > _MOST_LINES:
        yield _same_style("too long to be compared line by line", "", "faint")
        for one, other in zip_longest(left[:_MOST_LINES], right[:_MOST_LINES]):
            yield _Pair(_plain(one), _plain(other))
        return
    changed = 0
    for tag, first, last, other_first, other_last in SequenceMatcher(None, left, right).get_opcodes():
        for one, other in zip_longest(left[first:last], right[other_first:other_last]):
            changed += tag == "replace"
            if tag == "equal":
                yield _same_style(one, other, "value")
            elif one is None or other is None or changed > _MOST_CHANGED:
                yield _Pair(_whole(one, "removed"), _whole(other, "added"))
            else:
                yield _changed(one, other)


def _changed(left: str, right: str) -> _Pair:
    """Return two lines with the words that differ in them marked."""
    if max(len(left), len(right)) > _LONGEST_LINE:
        return _Pair(_whole(left, "removed"), _whole(right, "added"))
    ours, theirs = _words(left), _words(right)
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    one: list[Span] = [(left, "value")]
    other: list[Span] = [(right, "value")]
    for tag, first, last, other_first, other_last in matcher.get_opcodes():
        if tag != "equal":
            start, end = len("".join(ours[:first])), len("".join(ours[:last]))
            one = emphasised(one, start, end, "removed")
            start, end = len("".join(theirs[:other_first])), len("".join(theirs[:other_last]))
            other = emphasised(other, start, end, "added")
    return _Pair(one, other)


def _words(line: str) -> list[str]:
    words: list[str] = []
    for character in line:
        if words and character.isalnum() and words[-1][-1].isalnum():
            words[-1] += character
        else:
            words.append(character)
    return words


def _steps(left: RunNode, right: RunNode) -> Iterator[_Pair]:
    """Yield the runs directly below, those of one name side by side."""
    kids, others = left.children[:_MOST_STEPS], right.children[:_MOST_STEPS]
    ours, theirs = [kid.name for kid in kids], [kid.name for kid in others]
    for tag, first, last, other_first, other_last in SequenceMatcher(None, ours, theirs).get_opcodes():
        for kid, other in zip_longest(kids[first:last], others[other_first:other_last]):
            alike = tag == "equal" and kid.status is other.status
            yield _Pair(
                _whole(_step(kid), "value" if alike else "removed"),
                _whole(_step(other), "value" if alike else "added"),
            )


def _step(node: RunNode | None) -> str | None:
    if node is None:
        return None
    took = duration(node.duration) if node.duration is not None else ""
    return f"{took:>7} {node.status.value:<9} {node.kind.value} {first_line(node.name, 80)}"


def _plain(line: str | None) -> list[Span] | None:
    return _whole(line, "value")


def _whole(line: str | None, style: str) -> list[Span] | None:
    return None if line is None else [(shown(line), style)]


def _same_style(left: str, right: str, style: str) -> _Pair:
    return _Pair([(left, style)], [(right, style)])


# Laying out.


def _laid(part: _Pair | str, cells: int, *, wrap: bool) -> Iterator[Line]:
    if isinstance(part, str):
        yield Line([])
        yield Line([(cut(part, cells), "heading")])
        return
    half = max(1, (cells - width(_BETWEEN)) // 2)
    left, right = (_column(side, half, wrap=wrap) for side in part)
    yield from beside(left, right, half, _BETWEEN)


def _column(spans: list[Span] | None, cells: int, *, wrap: bool) -> list[Line]:
    if spans is None:
        return []
    return [line for text in _split(spans) for line in broken(text, cells, wrap=wrap)]


def _split(spans: list[Span]) -> list[list[Span]]:
    """Return *spans* line by line: a fact's value may have several."""
    lines: list[list[Span]] = [[]]
    for text, style in spans:
        first, *rest = text.split("\n")
        lines[-1].append((first, style))
        lines += [[(more, style)] for more in rest]
    return lines
