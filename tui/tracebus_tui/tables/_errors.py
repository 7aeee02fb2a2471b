"""Errors: a line for every sort, by type and by what its messages have in common."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tracebus.figures import duration
from tracebus.text import first_line
from tracebus_tui.drawing import clean, spark
from tracebus_tui.tables._exactly import matching, pattern
from tracebus_tui.tables._table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tracebus.tree import RunNode, StatusCounts
    from tracebus_tui.drawing import Glyphs

_NANO = 1_000_000_000
_TREND = 12
_LOOKED_AT = 300
_FILTERED = 120
"""Characters of a message that a filter takes up."""
_VARYING = re.compile(r"(?P<id>\b(?=[0-9a-fA-F-]*\d)[0-9a-fA-F-]{12,}\b)|(?P<number>\d+)")


class ErrorGroup(NamedTuple):
    """Errors of one type whose messages differ in numbers and ids only; the runs in order of their ends."""

    type: str
    shape: str
    nodes: Sequence[RunNode]
    span: tuple[int, int]
    """When the first and the last error of all groups came, in ns since the epoch: the trend's scale."""
    now: int
    """When this was read, in ns since the epoch."""

    @property
    def first(self) -> int:
        """Return when it came first, in ns since the epoch."""
        return self.nodes[0].ended_at or 0

    @property
    def last(self) -> int:
        """Return when it came last, in ns since the epoch."""
        return self.nodes[-1].ended_at or 0

    @property
    def said(self) -> str:
        """Return the newest one's type and message, as one line."""
        error = self.nodes[-1].error
        return first_line(f"{error.type}: {error.message}", _LOOKED_AT) if error is not None else ""

    @property
    def filter(self) -> str:
        """Return the filter that shows its runs, and only those that failed by themselves."""
        error = self.nodes[-1].error
        message = error.message[:_FILTERED] if error is not None else ""
        parts: list[str] = []
        place = 0
        for found in _VARYING.finditer(message):
            varies = r"[0-9a-fA-F-]{12,}" if found["id"] else r"\d+"
            parts += [pattern(message[place : found.start()]), varies]
            place = found.end()
        parts.append(pattern(message[place:]))
        return f"is:cause {matching('error', f'^{pattern(self.type)}: ' + ''.join(parts))}"

    def trend(self, signs: str) -> str:
        """Return how often it came, from the first error of all to the last."""
        begin, end = self.span
        step = max(1, (end - begin) // _TREND + 1)
        counts = [0.0] * _TREND
        for node in self.nodes:
            counts[min(_TREND - 1, ((node.ended_at or begin) - begin) // step)] += 1
        return spark(counts, _TREND, signs)


def groups_of(errors: Iterable[RunNode], now: int) -> list[ErrorGroup]:
    """Return the sorts of *errors*, as they are at *now* (ns since the epoch)."""
    groups: dict[tuple[str, str], list[RunNode]] = {}
    for node in errors:
        if node.error is not None:
            groups.setdefault((node.error.type, _shape(node.error.message[:_LOOKED_AT])), []).append(node)
    for nodes in groups.values():
        nodes.sort(key=lambda node: node.ended_at or 0)
    ends = [node.ended_at or 0 for nodes in groups.values() for node in (nodes[0], nodes[-1])]
    span = (min(ends, default=0), max(ends, default=0))
    return [ErrorGroup(kind, shape, nodes, span, now) for (kind, shape), nodes in groups.items()]


def error_table(glyphs: Glyphs) -> Table[ErrorGroup]:
    """Return an empty table of errors."""
    sparks = glyphs.sparks
    columns: tuple[Column[ErrorGroup], ...] = (
        Column("ERROR", 24, lambda group: group.said, descending=False, at_left=True),
        Column("COUNT", 6, lambda group: len(group.nodes), style="error"),
        Column("LAST", 8, lambda group: _ago(group.last, group.now), duration, descending=False),
        Column("FIRST", 8, lambda group: _ago(group.first, group.now), duration, rank=2, style="faint"),
        Column("TREND", _TREND, lambda group: group.trend(sparks), sorts=False, rank=3, style="faint"),
        Column("IN", 24, _names, sorts=False, rank=4, style="faint", at_left=True),
    )
    return Table(
        columns,
        who=lambda group: (group.type, group.shape),
        by="LAST",
        style=lambda _: "error",
        nothing="no errors",
    )


def uncounted(counts: StatusCounts) -> str:
    """Return what ended neither well nor by an error, in words; empty where nothing did."""
    parts = [
        f"{number} {word}"
        for number, word in (
            (counts.cancelled, "cancelled"),
            (counts.abandoned, "abandoned"),
            (counts.interrupted, "interrupted"),
            (counts.lost, "lost"),
        )
        if number
    ]
    return f"not counted as errors: {', '.join(parts)}" if parts else ""


def _names(group: ErrorGroup) -> str:
    return ", ".join(dict.fromkeys(clean(node.name[:40]) for node in group.nodes[-20:]))


def _ago(at: int, now: int) -> float:
    return max(0, now - at) / _NANO


@lru_cache(maxsize=8192)
def _shape(message: str) -> str:
    """Return what messages that differ in numbers and ids have in common."""
    return _VARYING.sub(lambda found: "#" if found["id"] else "N", message)
