"""Two runs side by side: what differs first, texts line against line."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tracebus.comparison import aligned_runs, line_pairs
from tracebus.figures import duration
from tracebus.text import first_line
from tracebus_tui.detail._blocks import bounded, shown
from tracebus_tui.detail._facts import aligned, facts_of
from tracebus_tui.detail._payloads import inputs_of, output_of
from tracebus_tui.detail._wrap import Line, beside, broken
from tracebus_tui.drawing import cut, width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tracebus.comparison import Part
    from tracebus.tree import RunNode
    from tracebus_tui.detail._blocks import Block
    from tracebus_tui.detail._wrap import Layout
    from tracebus_tui.drawing import Span

_NOTHING = "–"  # noqa: RUF001 - a dash for nothing
_MOST_STEPS = 300
_MOST_INDENTED = 8
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
        yield "runs below"
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
    """Yield the lines side by side, equal ones on one line, with the words that differ marked."""
    for pair in line_pairs(left, right):
        yield _Pair(_marked(pair.left, "removed"), _marked(pair.right, "added"))


def _marked(parts: tuple[Part, ...] | None, style: str) -> list[Span] | None:
    return None if parts is None else [(part.text, style if part.changed else "value") for part in parts]


def _steps(left: RunNode, right: RunNode) -> Iterator[_Pair]:
    """Yield the runs below, those that correspond side by side."""
    steps = (pair for pair in aligned_runs(left, right) if pair.depth)
    for kid, other, depth in islice(steps, _MOST_STEPS):
        alike = (
            kid is not None and other is not None and kid.status is other.status and kid.name == other.name
        )
        yield _Pair(
            _whole(_step(kid, depth), "value" if alike else "removed"),
            _whole(_step(other, depth), "value" if alike else "added"),
        )


def _step(node: RunNode | None, depth: int) -> str | None:
    if node is None:
        return None
    took = duration(node.duration) if node.duration is not None else ""
    lead = "  " * min(depth - 1, _MOST_INDENTED)
    return f"{took:>7} {node.status.value:<9} {lead}{node.kind.value} {first_line(node.name, 80)}"


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
