"""One row of the list of runs, as spans of text and style names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.figures import count, dollars, duration
from tracebus.text import first_line
from tracebus.tree import BatchGroup, RunNode, RunStatus
from tracebus.watching import budget_levels, circles, fullest
from tracebus_tui.drawing._brush import fold_sign, guides, state_span
from tracebus_tui.drawing._cells import clean, cut, width
from tracebus_tui.drawing._columns import figures
from tracebus_tui.drawing._many import batch_row, together_row
from tracebus_tui.drawing._waterfall import (
    STYLE_OF_KIND,
    bar_of,
    bar_spans,
    composed_spans,
    scale_of,
    window_scale,
)
from tracebus_tui.model import Together

if TYPE_CHECKING:
    from tracebus_tui.drawing._brush import Brush
    from tracebus_tui.drawing._cells import Span
    from tracebus_tui.model import Row

_MOST_ERROR = 200
_MOST_LOOP = 40
_GAUGE = 5
"""Cells of a budget's gauge."""
_LEVEL_STYLES = {"within": "ok", "near": "near", "exceeded": "error"}
_FALLBACKS = "RunnableWithFallbacks"


def row_spans(
    row: Row, brush: Brush, *, pinned: bool = False, dimmed: bool = False, depth: int | None = None
) -> list[Span]:
    """Return the line of *row*; *depth* as `guides` takes it."""
    item = row.item
    match item:
        case RunNode():
            spans = _name_spans(row, item, brush, pinned=pinned, depth=depth)
            if dimmed:
                spans = [(text, "faint") for text, _ in spans]
            return spans + _figures(item, brush) + _waterfall(row, item, brush)
        case BatchGroup():
            return batch_row(row, item, brush)
        case Together():
            return together_row(row, item, brush)
        case None:
            return []


def _name_spans(row: Row, node: RunNode, brush: Brush, *, pinned: bool, depth: int | None) -> list[Span]:
    cells, glyphs = brush.columns.name, brush.glyphs
    lead = guides(row, cells // 3, glyphs, depth)
    spans: list[Span] = [
        (lead, "guide"),
        (fold_sign(row, glyphs), "guide"),
        state_span(node.status, brush),
        (f" {glyphs.kind[node.kind]} ", STYLE_OF_KIND.get(node.kind, "chain")),
    ]
    room = cells - width(lead) - 6
    name = clean(node.name[:_MOST_ERROR])
    if pinned:
        spans.append((f"{glyphs.pin} ", "token"))
        room -= 2
    for text, style in ((name, "name"), *_remarks(row, node, brush)):
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


def _remarks(row: Row, node: RunNode, brush: Brush) -> list[Span]:
    """Return what is said after the name."""
    glyphs = brush.glyphs
    remarks = _noticed(node, brush)
    if node.attempts > 1:
        remarks.append((f"{glyphs.retry}{node.attempts}", "retried"))
    if (fallback := _fallback(node)) > 0:
        remarks.append((f"{glyphs.fallback}{fallback}", "retried"))
    if node.error is not None:
        kind = node.error.type.rpartition(".")[2]
        remarks.append((first_line(f"{clean(kind)}: {node.error.message}", _MOST_ERROR), "error"))
    elif not row.open and node.counts.error:
        remarks.append((f"{node.counts.error}{glyphs.status[RunStatus.ERROR]} inside", "error"))
    call = brush.call(node) if brush.call is not None else None
    if call is not None and call.total > 1:
        remarks.append((f"#{call.number}/{call.total}", "model"))
    model = node.model.name if node.model is not None else None
    if model and model != node.name:
        remarks.append((clean(model[:_MOST_ERROR]), "faint"))
    if "langgraph_step" in node.metadata and node.kind == "node":
        remarks.append((f"step {clean(str(node.metadata['langgraph_step'])[:9])}", "faint"))
    return remarks


def _noticed(node: RunNode, brush: Brush) -> list[Span]:
    """Return what was noticed of a root run: its circles, and a gauge of its budget's fullest limit."""
    if not node.custom_events:
        return []
    said: list[Span] = [
        (f"{brush.glyphs.loop} {clean(fact.what[:_MOST_LOOP])} {brush.glyphs.times}{fact.count}", "error")
        for fact in circles(node.custom_events)
    ]
    level = fullest(budget_levels(node, brush.now))
    if level is None:
        return said
    full, empty = brush.glyphs.done, brush.glyphs.todo
    filled = min(_GAUGE, round(level.share * _GAUGE))
    bar = full * filled + empty * (_GAUGE - filled)
    share = "?" if level.used is None else f"{level.share:.0%}"
    gauge = f"{bar} {share} {level.limit.replace('_', ' ')} {level}"
    return [*said, (gauge, _LEVEL_STYLES[level.state])]


def _fallback(node: RunNode) -> int:
    """Return the number of the fallback this run is, from 1; 0 for what is none."""
    parent = node.parent
    if parent is None or not parent.name.startswith(_FALLBACKS):
        return 0
    return next((place for place, kid in enumerate(parent.children) if kid is node), 0)


def _figures(node: RunNode, brush: Brush) -> list[Span]:
    columns, running = brush.columns, node.status is RunStatus.RUNNING
    seconds = node.elapsed(brush.now)
    first = ""
    if columns.first and node.is_model:
        waited = node.time_to_first_token
        first = duration(waited) if waited is not None else (brush.glyphs.ellipsis if running else "")
    return figures(
        columns,
        took=("" if seconds is None else duration(seconds), "running" if running else "value"),
        first=first,
        tokens=_tokens(node, brush) if columns.tokens else "",
        rate=(_rate(node, brush.now) if columns.rate else "", "running" if running else "faint"),
        cost=_cost(node) if columns.cost else "",
    )


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
    scale = scale_of(node, cells, brush.now) if brush.window is None else window_scale(brush.window, cells)
    if node.parent is None and row.kids:
        composed = composed_spans(node, scale, brush.now, brush.glyphs)
        if composed is not None:
            return [(" ", ""), *composed]
    bar = bar_of(node, scale, brush.now)
    if bar is None:
        return [(" " * (cells + 1), "")]
    return [(" ", ""), *bar_spans(node, bar, cells, brush.glyphs)]
