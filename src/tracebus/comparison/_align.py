"""Which runs of two trees correspond."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

from tracebus.events import RunKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus.tree import RunNode

__all__ = ["Pair", "aligned_runs", "paired"]

_MOST_MATCHED = 2_000
"""Of more siblings, those beyond are paired by their place: matching costs the square of their number."""


class Pair(NamedTuple):
    """Two runs that correspond; `None` where that side has none."""

    left: RunNode | None
    right: RunNode | None
    depth: int


def aligned_runs(left: RunNode, right: RunNode) -> Iterator[Pair]:
    """Yield *left* with *right* and all runs below them, parents first, in the order they ran."""
    pending = [Pair(left, right, 0)]
    while pending:
        pair = pending.pop()
        yield pair
        below = paired(
            pair.left.children if pair.left is not None else (),
            pair.right.children if pair.right is not None else (),
            pair.depth + 1,
        )
        pending.extend(reversed(below))


def paired(left: Sequence[RunNode], right: Sequence[RunNode], depth: int = 1) -> list[Pair]:
    """Return two rows of siblings side by side.

    Those of one kind and name correspond, as many as keep their order; between them, those of one kind do
    (a model that was exchanged for another). What is left over stands alone.
    """
    if not left or not right:
        return [Pair(node, None, depth) for node in left] + [Pair(None, node, depth) for node in right]
    ours, theirs = left[:_MOST_MATCHED], right[:_MOST_MATCHED]
    pairs: list[Pair] = []
    for tag, first, last, other_first, other_last in _opcodes(
        [(node.kind, node.name) for node in ours], [(node.kind, node.name) for node in theirs]
    ):
        if tag == "equal":
            pairs += map(Pair, ours[first:last], theirs[other_first:other_last], [depth] * (last - first))
        else:
            pairs += _by_kind(ours[first:last], theirs[other_first:other_last], depth)
    return pairs + _by_place(left[_MOST_MATCHED:], right[_MOST_MATCHED:], depth)


def _by_kind(left: Sequence[RunNode], right: Sequence[RunNode], depth: int) -> list[Pair]:
    pairs: list[Pair] = []
    for tag, first, last, other_first, other_last in _opcodes(
        [_exchangeable(node) for node in left], [_exchangeable(node) for node in right]
    ):
        if tag == "equal":
            pairs += map(Pair, left[first:last], right[other_first:other_last], [depth] * (last - first))
        else:
            pairs += [Pair(node, None, depth) for node in left[first:last]]
            pairs += [Pair(None, node, depth) for node in right[other_first:other_last]]
    return pairs


_BY_NAME = frozenset((RunKind.TOOL, RunKind.NODE, RunKind.RETRIEVER))
"""Kinds of which another name is another thing, not another way to do the same."""


def _exchangeable(node: RunNode) -> object:
    return (node.kind, node.name) if node.kind in _BY_NAME else node.kind


def _by_place(left: Sequence[RunNode], right: Sequence[RunNode], depth: int) -> list[Pair]:
    common = min(len(left), len(right))
    pairs = [Pair(one, other, depth) for one, other in zip(left, right, strict=False)]
    pairs += [Pair(node, None, depth) for node in left[common:]]
    return pairs + [Pair(None, node, depth) for node in right[common:]]


def _opcodes(left: Sequence[object], right: Sequence[object]) -> list[tuple[str, int, int, int, int]]:
    """Return how *left* becomes *right*; where they begin and end alike nothing needs to be searched."""
    begin = 0
    while begin < min(len(left), len(right)) and left[begin] == right[begin]:
        begin += 1
    ours, theirs = left[begin:], right[begin:]
    codes: list[tuple[str, int, int, int, int]] = [("equal", 0, begin, 0, begin)] if begin else []
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    codes += [
        (tag, begin + first, begin + last, begin + other_first, begin + other_last)
        for tag, first, last, other_first, other_last in matcher.get_opcodes()
    ]
    return codes
