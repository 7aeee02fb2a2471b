"""Why a run failed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from tracebus_tui.detail._blocks import Paragraph, shown

if TYPE_CHECKING:
    from tracebus.tree import RunNode
    from tracebus_tui.detail._blocks import Block

_MOST_INSIDE = 20


def error_of(node: RunNode) -> list[Block]:
    """Return the error with its traceback, and why earlier attempts failed."""
    blocks: list[Block] = []
    for retry in node.retry_events:
        why = f": {retry.error.type}: {retry.error.message}" if retry.error is not None else ""
        blocks.append(Paragraph(shown(f"attempt {retry.attempt} follows{why}"), "retried"))
    error = node.error
    if error is None:
        return blocks + _inside(node) or [Paragraph("no error", "faint")]
    blocks.append(Paragraph(shown(f"{error.type}: {error.message}"), "error"))
    if error.traceback:
        blocks += [Paragraph(""), Paragraph(shown(error.traceback))]
    return blocks


def _inside(node: RunNode) -> list[Block]:
    failed = ((kid.name, kid.error) for kid in node.walk() if kid is not node and kid.error is not None)
    return [
        Paragraph(shown(f"inside: {name}: {error.type}: {error.message}"), "error")
        for name, error in islice(failed, _MOST_INSIDE)
    ]
