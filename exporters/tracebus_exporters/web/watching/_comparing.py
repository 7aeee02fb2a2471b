"""Two runs compared, as the page draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tracebus.comparison import compare, in_order, own_differences, path_of, unified, verdict
from tracebus.tree import RunTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracebus.comparison import Comparison, Difference, LinePair, Part
    from tracebus.events import Event

__all__ = ["UnknownRunError", "comparison_of"]

_MOST_STEPS = 2_000
_MOST_DETAILED = 100
_MOST_LINES = 300
"""Of one difference."""


class UnknownRunError(LookupError):
    """One of the runs is not in its tree."""


def comparison_of(left: tuple[Iterable[Event], str], right: tuple[Iterable[Event], str]) -> dict[str, Any]:
    """Return how two runs differ.

    `verdict` says it in a sentence; `parted` is the number of the step at which they take different ways,
    `null` where nothing differs. `steps` are the runs side by side, `details` what differs, the step of
    `parted` first: `{"step", "path", "differences": [{"what", "lines"}]}`. A line is the number of lines left
    out, or `{"left", "right"}`, each a list of `[text, changed]` or `null`, with `again` where the same pair
    was shown before. `more` tells how many steps, of both, are left out.

    Args:
        left: the events of a tree, and the id of a run in it.
        right: likewise.

    Raises:
        UnknownRunError: the events do not tell of the run.
    """
    found = compare(_node(*left), _node(*right))
    numbers = list(in_order(found))
    shown: set[LinePair] = set()
    return {
        "verdict": verdict(found),
        "parted": found.parted,
        "steps": [_step(found, number) for number in range(min(len(found.steps), _MOST_STEPS))],
        "details": [
            detail for number in numbers[:_MOST_DETAILED] if (detail := _detail(found, number, shown))
        ],
        "more": {
            "steps": max(0, len(found.steps) - _MOST_STEPS),
            "details": max(0, len(numbers) - _MOST_DETAILED),
        },
    }


def _node(events: Iterable[Event], run_id: str) -> Any:
    tree = RunTree()
    for event in events:
        tree.apply(event)
    node = tree.get(run_id)
    if node is None:
        raise UnknownRunError(run_id)
    return node


def _step(found: Comparison, number: int) -> dict[str, Any]:
    step = found.steps[number]
    return {
        "depth": step.depth,
        "change": step.change,
        "left": msgspec.to_builtins(step.left),
        "right": msgspec.to_builtins(step.right),
        "what": [difference.what for difference in step.differences],
    }


def _detail(found: Comparison, number: int, shown: set[LinePair]) -> dict[str, Any] | None:
    differences = [
        {"what": difference.what, "lines": lines}
        for difference in own_differences(found, number)
        if (lines := _lines(difference, shown))
    ]
    if not differences:
        return None
    return {"step": number, "path": path_of(found.steps, number), "differences": differences}


def _lines(difference: Difference, shown: set[LinePair]) -> list[Any]:
    """Return the lines that differ, but where all of them were shown before: then none."""
    pairs = list(unified(difference.left.split("\n"), difference.right.split("\n")))
    fresh = [pair for pair in pairs if not isinstance(pair, int) and not pair.same and pair not in shown]
    if not fresh:
        return []
    lines = list(_drawn(pairs[:_MOST_LINES], shown))
    if len(pairs) > _MOST_LINES:
        lines.append(len(pairs) - _MOST_LINES)
    shown.update(fresh)
    return lines


def _drawn(pairs: Iterable[LinePair | int], shown: set[LinePair]) -> Iterator[Any]:
    again = False
    for pair in pairs:
        if isinstance(pair, int):
            yield pair
        elif pair not in shown:
            yield {"left": _parts(pair.left), "right": _parts(pair.right), "same": pair.same}
        elif not again:
            yield {"again": True}
        again = not isinstance(pair, int) and pair in shown


def _parts(parts: tuple[Part, ...] | None) -> list[Any] | None:
    return None if parts is None else [[part.text, part.changed] for part in parts]
