"""The screens beside the list of runs: totals by name, and errors by what they say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tracebus.figures import count, dollars, duration
from tracebus.text import first_line
from tracebus_tui.detail import Paragraph
from tracebus_tui.drawing import Glyphs, clean, cut, right, width
from tracebus_tui.model import Runs, percentile

if TYPE_CHECKING:
    from collections import deque

    from tracebus.tree import RunNode
    from tracebus_tui.model import Tally

_MOST = 200
_FIGURE = 7
_NUMBER = re.compile(r"\d+")
_HEX = re.compile(r"\b[0-9a-fA-F-]{12,}\b")


def top(runs: Runs, glyphs: Glyphs, cells: int) -> list[Paragraph]:
    """Return a line for every model, tool, retriever and node: how often, how long, how dear."""
    room = max(12, min(40, cells - 8 * _FIGURE - 5))
    titles = ("RUNS", "ERR", "p50", "p95", "TTFT", "IN", "OUT", "COST")
    head = f"{'NAME':<{room + 2}}" + "".join(right(title, _FIGURE) for title in titles)
    tallies = sorted(runs.meters.by_name.values(), key=lambda tally: -sum(tally.durations))
    if not tallies:
        return [Paragraph("no model, tool or retriever has ended yet", "faint")]
    return [Paragraph(head, "heading"), *(_tally(tally, glyphs, room) for tally in tallies[:_MOST])]


def _tally(tally: Tally, glyphs: Glyphs, room: int) -> Paragraph:
    name = cut(clean(tally.name[:_MOST]), room)
    cells = (
        count(tally.runs),
        count(tally.errors) if tally.errors else "",
        _share(tally.durations, 0.5),
        _share(tally.durations, 0.95),
        _share(tally.waits, 0.5),
        count(tally.input) if tally.input else "",
        count(tally.output) if tally.output else "",
        dollars(tally.cost) if tally.costs else "",
    )
    line = f"{glyphs.kind[tally.kind]} {name}" + " " * (room - width(name))
    return Paragraph(
        line + "".join(right(cell, _FIGURE) for cell in cells), "error" if tally.errors else "value"
    )


def _share(values: deque[float], share: float) -> str:
    value = percentile(values, share)
    return "" if value is None else duration(value)


def errors(runs: Runs) -> tuple[list[Paragraph], list[RunNode]]:
    """Return a line for every sort of error, the newest first, and the newest run of each."""
    groups: dict[tuple[str, str], list[RunNode]] = {}
    for node in runs.errors:
        if node.error is not None:
            groups.setdefault((node.error.type, _shape(node.error.message)), []).append(node)
    newest = sorted(groups.values(), key=lambda nodes: -(nodes[-1].ended_at or 0))
    if not newest:
        return [Paragraph("no errors", "ok")], []
    return [Paragraph(_group(nodes), "error") for nodes in newest], [nodes[-1] for nodes in newest]


def _group(nodes: list[RunNode]) -> str:
    error = nodes[-1].error
    said = f"{error.type}: {error.message}" if error is not None else ""
    names = ", ".join(dict.fromkeys(clean(node.name[:40]) for node in nodes[-20:]))
    return f"{len(nodes):>5} × {first_line(said, 120)}   {names}"  # noqa: RUF001 - times


def _shape(message: str) -> str:
    """Return what messages that differ in numbers and ids have in common."""
    return _NUMBER.sub("N", _HEX.sub("#", message[:300]))
