"""From a tree of runs to the rows to draw: long rows of siblings folded, errors shown once."""

from __future__ import annotations

from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from tracebus.tree import RunNode, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus.events import ErrorInfo, RunKind

SIBLINGS = 8
"""More siblings of one name are folded into one row."""
TROUBLE = 5
"""So many of the folded siblings that did not end well are shown on their own."""
DEPTH = 12
"""Deeper rows are no further indented."""


class Folded(NamedTuple):
    """Siblings of one name in one row."""

    name: str
    kind: RunKind
    nodes: Sequence[RunNode]

    @property
    def durations(self) -> tuple[float, float, float] | None:
        """Return the shortest, the median and the longest duration in seconds."""
        known = [node.duration for node in self.nodes if node.duration is not None]
        return (min(known), median(known), max(known)) if known else None


class Row(NamedTuple):
    """One row: a run or folded ones, with the guides before it."""

    subject: RunNode | Folded
    last: tuple[bool, ...]
    """For every level down to this one, whether it is the last among its siblings."""
    has_children: bool


def rows_of(root: RunNode, limit: int) -> tuple[list[Row], int]:
    """Return at most *limit* rows of the tree under *root*, and how many runs they leave out."""
    rows = list(islice(_rows(root), limit))
    shown = sum(len(row.subject.nodes) if isinstance(row.subject, Folded) else 1 for row in rows)
    hidden_below = sum(
        node.counts.total for row in rows if isinstance(row.subject, Folded) for node in row.subject.nodes
    )
    return rows, max(0, 1 + root.counts.total - shown - hidden_below)


def error_to_show(node: RunNode) -> ErrorInfo | None:
    """Return *node*'s error, unless it only passed through: then a child shows it."""
    error = node.error
    if error is None or any(_same(error, child.error) for child in node.children if child.error is not None):
        return None
    return error


def _same(one: ErrorInfo, other: ErrorInfo) -> bool:
    return (one.type, one.message) == (other.type, other.message)


def _rows(root: RunNode) -> Iterator[Row]:
    pending: list[Row] = [Row(root, (), has_children=bool(root.children))]
    while pending:
        row = pending.pop()
        yield row
        if isinstance(row.subject, RunNode) and row.has_children:
            subjects = _folded(row.subject.children)
            last = len(subjects) - 1
            below = [
                Row(subject, (*row.last, number == last), _has_children(subject))
                for number, subject in enumerate(subjects)
            ]
            pending.extend(reversed(below))


def _has_children(subject: RunNode | Folded) -> bool:
    return isinstance(subject, RunNode) and bool(subject.children)


def _folded(children: Sequence[RunNode]) -> Sequence[RunNode | Folded]:
    """Return *children* with long rows of one name as one, in the place of the first of them."""
    groups: dict[tuple[str, RunKind], list[RunNode]] = {}
    for child in children:
        groups.setdefault((child.name, child.kind), []).append(child)
    if all(len(group) <= SIBLINGS for group in groups.values()):
        return sorted(children, key=_began)
    subjects: list[RunNode | Folded] = []
    for (name, kind), group in groups.items():
        subjects += group if len(group) <= SIBLINGS else _fold(name, kind, group)
    return subjects


def crowd_rows(roots: Sequence[RunNode]) -> list[Row]:
    """Return root runs of one name in a row, and those that did not end well on rows of their own."""
    subjects = _fold(roots[0].name, roots[0].kind, list(roots))
    return [Row(subject, (), has_children=False) for subject in subjects]


def _fold(name: str, kind: RunKind, group: list[RunNode]) -> list[RunNode | Folded]:
    trouble = [node for node in group if node.status is not RunStatus.OK or node.counts.error][:TROUBLE]
    singled = {node.run_id for node in trouble}
    alike = [node for node in group if node.run_id not in singled]
    return [Folded(name, kind, alike), *trouble] if alike else [*trouble]


def _began(node: RunNode) -> int:
    return node.started_at or 0
