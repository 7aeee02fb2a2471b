"""Why a run failed, and where its time and tokens went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.tree import RunStatus

if TYPE_CHECKING:
    from tracebus.tree import RunNode

__all__ = ["before", "cause_of", "causes", "own_seconds"]


def causes(root: RunNode) -> list[RunNode]:
    """Return the runs that failed by themselves, not because one below them did, in the order they ended."""
    failed = [node for node in root.walk() if node.status is RunStatus.ERROR]
    own = [node for node in failed if not any(child.status is RunStatus.ERROR for child in node.children)]
    return sorted(own, key=lambda node: node.ended_at or 0)


def cause_of(node: RunNode) -> RunNode | None:
    """Return the innermost run whose failure became *node*'s; `None` where *node* did not fail.

    Of several children that failed, the one with the same error is followed, else the one that failed last:
    those before it were handled, or tried again.
    """
    if node.status is not RunStatus.ERROR:
        return None
    while failed := [child for child in node.children if child.status is RunStatus.ERROR]:
        same = [child for child in failed if _message(child) == _message(node)]
        node = max(same or failed, key=lambda child: child.ended_at or 0)
    return node


def before(node: RunNode, most: int = 5) -> list[RunNode]:
    """Return the last steps of the same root run that had ended when *node* began, the latest last."""
    began = node.started_at or node.last_at
    steps = [
        other
        for other in node.root.walk()
        if not other.children and other is not node and other.ended_at is not None and other.ended_at <= began
    ]
    return sorted(steps, key=lambda step: step.ended_at or 0)[-most:]


def own_seconds(node: RunNode) -> float | None:
    """Return the seconds in which the run worked and none below it did; `None` while it is not known."""
    if node.started_at is None or node.ended_at is None:
        return None
    covered, reached = 0, node.started_at
    spans = [(child.started_at, child.ended_at or node.ended_at) for child in node.children]
    for start, end in sorted((start, end) for start, end in spans if start is not None):
        begin, stop = max(start, reached), min(end, node.ended_at)
        if stop > begin:
            covered += stop - begin
            reached = stop
    return (node.ended_at - node.started_at - covered) / 1e9


def _message(node: RunNode) -> tuple[str, str] | None:
    return (node.error.type, node.error.message) if node.error is not None else None
