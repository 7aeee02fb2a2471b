"""One row of the list of runs, as spans of text and style names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tracebus.figures import count, dollars, duration
from tracebus.text import first_line
from tracebus.tree import BatchGroup, RunNode, RunStatus
from tracebus_tui.drawing._cells import clean, cut, right, width
from tracebus_tui.drawing._glyphs import LETTERS
from tracebus_tui.drawing._waterfall import (
    STYLE_OF_KIND,
    STYLE_OF_STATUS,
    bar_of,
    bar_spans,
    batch_spans,
    composed_spans,
    scale_of,
)

if TYPE_CHECKING:
    from tracebus_tui.drawing._cells import Span
    from tracebus_tui.drawing._columns import Columns
    from tracebus_tui.drawing._glyphs import Glyphs
    from tracebus_tui.model import Row

_MOST_ERROR = 200
_FALLBACKS = "RunnableWithFallbacks"


class Brush(NamedTuple):
    """What rows are drawn with."""

    columns: Columns
    glyphs: Glyphs
    now: int
    """Nanoseconds since the epoch."""
    tick: int
    """Turns the spinner."""


def row_spans(row: Row, brush: Brush, *, pinned: bool = False, dimmed: bool = False) -> list[Span]:
    """Return the line of *row*."""
    item = row.item
    if isinstance(item, RunNode):
        spans = _name_spans(row, item, brush, pinned=pinned)
        if dimmed:
            spans = [(text, "faint") for text, _ in spans]
        return spans + _figures(item, brush) + _waterfall(row, item, brush)
    if isinstance(item, BatchGroup):
        return _batch(row, item, brush)
    return []


def _guides(row: Row, limit: int, glyphs: Glyphs) -> str:
    """Return the lines that lead to *row*; of deep ones only the last, after the depth as a number."""
    parts: list[str] = []
    above = row.parent
    if above is None or above.item is None:
        return ""
    parts.append(glyphs.corner if row.last else glyphs.branch)
    most = max(1, limit // 2)
    while above.parent is not None and above.parent.item is not None:
        if len(parts) >= most:
            return f"{row.depth}{glyphs.ellipsis}" + "".join(reversed(parts))
        parts.append(glyphs.blank if above.last else glyphs.trunk)
        above = above.parent
    return "".join(reversed(parts))


def _fold(row: Row, glyphs: Glyphs) -> str:
    if not row.kids:
        return " "
    return glyphs.opened if row.open else glyphs.closed


def _state(status: RunStatus, brush: Brush) -> Span:
    glyphs = brush.glyphs
    sign = glyphs.status[status]
    if status is RunStatus.RUNNING:
        sign = glyphs.spinner[brush.tick % len(glyphs.spinner)]
    return (sign + LETTERS[status], STYLE_OF_STATUS[status])


def _name_spans(row: Row, node: RunNode, brush: Brush, *, pinned: bool) -> list[Span]:
    cells, glyphs = brush.columns.name, brush.glyphs
    guides = _guides(row, cells // 3, glyphs)
    spans: list[Span] = [
        (guides, "guide"),
        (_fold(row, glyphs), "guide"),
        _state(node.status, brush),
        (f" {glyphs.kind[node.kind]} ", STYLE_OF_KIND.get(node.kind, "chain")),
    ]
    room = cells - width(guides) - 6
    name = clean(node.name[:_MOST_ERROR])
    if pinned:
        spans.append((f"{glyphs.pin} ", "token"))
        room -= 2
    for text, style in ((name, "name"), *_remarks(row, node, glyphs)):
        if room < 2:  # noqa: PLR2004 - a letter and a blank
            break
        shown = cut(text, room, glyphs.ellipsis)
        spans.append((shown, style))
        room -= width(shown)
        if room > 0:
            spans.append((" ", ""))
            room -= 1
    spans.append((" " * max(0, room), ""))
    return [span for span in spans if span[0]]


def _remarks(row: Row, node: RunNode, glyphs: Glyphs) -> list[Span]:
    """Return what is said after the name."""
    remarks: list[Span] = []
    if node.attempts > 1:
        remarks.append((f"{glyphs.retry}{node.attempts}", "cancelled"))
    if (fallback := _fallback(node)) > 0:
        remarks.append((f"{glyphs.fallback}{fallback}", "cancelled"))
    if node.error is not None:
        kind = node.error.type.rpartition(".")[2]
        remarks.append((first_line(f"{clean(kind)}: {node.error.message}", _MOST_ERROR), "error"))
    elif not row.open and node.counts.error:
        remarks.append((f"{node.counts.error}{glyphs.status[RunStatus.ERROR]} inside", "error"))
    model = node.model.name if node.model is not None else None
    if model and model != node.name:
        remarks.append((clean(model[:_MOST_ERROR]), "faint"))
    if "langgraph_step" in node.metadata and node.kind == "node":
        remarks.append((f"step {clean(str(node.metadata['langgraph_step'])[:9])}", "faint"))
    return remarks


def _fallback(node: RunNode) -> int:
    """Return the number of the fallback this run is, from 1; 0 for what is none."""
    parent = node.parent
    if parent is None or not parent.name.startswith(_FALLBACKS):
        return 0
    return next((place for place, kid in enumerate(parent.children) if kid is node), 0)


def _figures(node: RunNode, brush: Brush) -> list[Span]:
    columns, running = brush.columns, node.status is RunStatus.RUNNING
    seconds = node.elapsed(brush.now)
    taken = "" if seconds is None else duration(seconds)
    spans: list[Span] = [(" " + right(taken, columns.time), "running" if running else "value")]
    if columns.first:
        waited = node.time_to_first_token if node.is_model else None
        if waited is not None:
            text = duration(waited)
        else:
            text = brush.glyphs.ellipsis if running and node.is_model else ""
        spans.append((" " + right(text, columns.first), "faint"))
    if columns.tokens:
        spans.append((" " + right(_tokens(node, brush), columns.tokens), "tokens"))
    if columns.rate:
        spans.append((" " + right(_rate(node, brush.now), columns.rate), "running" if running else "faint"))
    if columns.cost:
        spans.append((" " + right(_cost(node), columns.cost), "cost"))
    return spans


def _tokens(node: RunNode, brush: Brush) -> str:
    """Return tokens in and out; a live count, which is one of chunks, is marked `~`."""
    usage = node.usage
    if usage is None:
        return f"~{count(node.chunks)}" if node.is_model and node.chunks else ""
    known = ["?" if number is None else count(number) for number in (usage.input_tokens, usage.output_tokens)]
    partial = "~" if node.usage_partial or (node.status is RunStatus.RUNNING) else ""
    return partial + brush.glyphs.arrow.join(known)


def _rate(node: RunNode, now: int) -> str:
    if not node.is_model:
        return ""
    running = node.status is RunStatus.RUNNING
    rate = node.chunks_per_second(now) if running else node.tokens_per_second
    if rate is None:
        return ""
    return ("~" if running else "") + count(round(rate))


def _cost(node: RunNode) -> str:
    cost = node.cost
    if cost is None:
        return ""
    return dollars(cost) + ("+" if node.cost_partial else "")


def _waterfall(row: Row, node: RunNode, brush: Brush) -> list[Span]:
    cells = brush.columns.bar
    if not cells:
        return []
    scale = scale_of(node, cells, brush.now)
    if node.parent is None and row.kids:
        composed = composed_spans(node, scale, brush.now, brush.glyphs)
        if composed is not None:
            return [(" ", ""), *composed]
    bar = bar_of(node, scale, brush.now)
    if bar is None:
        return [(" " * (cells + 1), "")]
    return [(" ", ""), *bar_spans(node, bar, cells, brush.glyphs)]


def _batch(row: Row, group: BatchGroup, brush: Brush) -> list[Span]:
    columns, glyphs = brush.columns, brush.glyphs
    status = RunStatus.OK if group.done else RunStatus.RUNNING
    if group.error and group.done:
        status = RunStatus.ERROR
    room = columns.name - 6
    name = cut(f"{clean(group.name[:_MOST_ERROR])}  ×{group.size}", room, glyphs.ellipsis)  # noqa: RUF001 - times
    end = group.last_ended_at if group.done else brush.now
    spans: list[Span] = [
        (_fold(row, glyphs), "guide"),
        _state(status, brush),
        (f" {glyphs.batch} ", "agent"),
        (name + " " * (room - width(name)), "name"),
        (
            " " + right(duration(max(0, (end or brush.now) - group.started_at) / 1e9), columns.time),
            "value" if group.done else "running",
        ),
    ]
    if columns.first:
        spans.append((" " * (columns.first + 1), ""))
    usage, cost = group.usage, group.cost
    if columns.tokens:
        text = ""
        if usage is not None:
            text = f"{count(usage.input_tokens or 0)}{glyphs.arrow}{count(usage.output_tokens or 0)}"
        spans.append((" " + right(text, columns.tokens), "tokens"))
    if columns.rate:
        spans.append((" " * (columns.rate + 1), ""))
    if columns.cost:
        spans.append((" " + right(dollars(cost) if cost is not None else "", columns.cost), "cost"))
    if columns.bar:
        spans += [(" ", ""), *batch_spans(group, columns.bar, glyphs)]
    return spans
