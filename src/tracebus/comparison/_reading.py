"""What to say of a comparison, and in which order to read what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.text import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus.comparison._compare import Comparison, Difference, Step

__all__ = ["in_order", "own_differences", "path_of", "verdict"]

_MOST_NAMES = 12
"""Of a path."""


def verdict(found: Comparison) -> str:
    """Return in one sentence where the two part."""
    if found.parted is None:
        return "The same steps with the same inputs and outputs."
    step = found.steps[found.parted]
    where = path_of(found.steps, found.parted)
    match step.change:
        case "only_left":
            return f"They part at {where}, which only the left one has."
        case "only_right":
            return f"They part at {where}, which only the right one has."
        case _:
            what = step.differences[0].what
            return f"They part at {where}: its {what} {'differ' if what.endswith('s') else 'differs'}."


def path_of(steps: Sequence[Step], number: int) -> str:
    """Return the names from below the root to the step, numbered where siblings share one."""
    names: list[str] = []
    depth = steps[number].depth + 1
    for place in range(number, -1, -1):
        if steps[place].depth < depth:
            names.append(_label(steps, place))
            depth = steps[place].depth
        if len(names) == _MOST_NAMES and depth > 1:
            return " / ".join(["…", *names[::-1]])
    return " / ".join(names[-2::-1] or names)


def _label(steps: Sequence[Step], number: int) -> str:
    """Return the step's name, with its number among the siblings so called."""
    step = steps[number]
    before = 0
    for other in reversed(steps[:number]):
        if other.depth < step.depth:
            break
        before += other.depth == step.depth and other.name == step.name
    name = first_line(step.name, 40)
    return f"{name} #{before + 1}" if before else name


def in_order(found: Comparison) -> Iterator[int]:
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


def own_differences(found: Comparison, number: int, *, full: bool = False) -> tuple[Difference, ...]:
    """Return how a step differs by itself: what it passes in to the steps inside it, and out, differs there.

    All of it where *full*.
    """
    differences = found.steps[number].differences
    if number and not full and _differs_below(found.steps, number):
        return tuple(one for one in differences if one.what not in ("input", "output"))
    return differences


def _differs_below(steps: Sequence[Step], number: int) -> bool:
    for step in steps[number + 1 :]:
        if step.depth <= steps[number].depth:
            return False
        if step.change != "same":
            return True
    return False
