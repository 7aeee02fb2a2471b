"""Rows that stand for many runs: a batch, and runs that are folded together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.figures import count, dollars, duration
from tracebus.tree import RunNode, RunStatus
from tracebus_tui.drawing._brush import fold_sign, guides, state_span
from tracebus_tui.drawing._cells import clean, cut, width
from tracebus_tui.drawing._columns import figures
from tracebus_tui.drawing._waterfall import (
    STYLE_OF_KIND,
    Scale,
    batch_spans,
    scale_of,
    stretch_spans,
    window_scale,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tracebus.tree import BatchGroup, Totals
    from tracebus_tui.drawing._brush import Brush
    from tracebus_tui.drawing._cells import Span
    from tracebus_tui.drawing._glyphs import Glyphs
    from tracebus_tui.model import Call, Row, Together

_MOST_NAME = 200


def batch_row(row: Row, group: BatchGroup, brush: Brush) -> list[Span]:
    """Return the line of a batch: its progress, or with a common window when it ran."""
    columns, glyphs = brush.columns, brush.glyphs
    status = RunStatus.OK if group.done else RunStatus.RUNNING
    if group.error and group.done:
        status = RunStatus.ERROR
    end = (group.last_ended_at if group.done else None) or brush.now
    words = [(group.name, "name"), (f"{glyphs.times}{group.size}", "value")]
    spans = _named(row, brush, status, (glyphs.batch, "agent"), words)
    took = duration(max(0, end - group.started_at) / 1e9)
    spans += figures(
        columns,
        took=(took, "value" if group.done else "running"),
        tokens=_tokens(group, glyphs),
        cost=_cost(group),
    )
    if not columns.bar:
        return spans
    if brush.window is None:
        return [*spans, (" ", ""), *batch_spans(group, columns.bar, glyphs)]
    scale = window_scale(brush.window, columns.bar)
    return [*spans, (" ", ""), *stretch_spans(group.started_at, end, scale, "agent", glyphs)]


def together_row(row: Row, runs: Together, brush: Brush) -> list[Span]:
    """Return the line of runs folded together: how many, how long the middle one took, sums, and when."""
    columns, glyphs = brush.columns, brush.glyphs
    middle = (f"p50 {duration(runs.percentile(0.5))}", "faint")
    most = (f"p95 {duration(runs.percentile(0.95))}", "faint")
    if runs.loop is not None:
        sign: Span = (glyphs.crowd, "agent")
        style = "agent"
        words = [(f"{glyphs.ellipsis} {runs.title}", "name"), (_calls(row, brush), "model")]
        took = duration((runs.ended_at - runs.started_at) / 1e9)
    elif runs.kind is None:
        sign = (glyphs.crowd, "ok")
        style = "chain"  # the quiet ones: other bars say more
        words = [(runs.title, "name"), middle, most]
        took = duration((runs.ended_at - runs.started_at) / 1e9)
    else:
        sign = (glyphs.kind[runs.kind], STYLE_OF_KIND.get(runs.kind, "chain"))
        style = sign[1]
        times = f"{glyphs.times}{len(runs):,}"
        words = [(runs.name, "name"), (times, "value"), middle, most]
        took = glyphs.sum + duration(runs.seconds)
    spans = _named(row, brush, RunStatus.OK, sign, words)
    spans += figures(columns, took=(took, "value"), tokens=_tokens(runs, glyphs), cost=_cost(runs))
    if not columns.bar:
        return spans
    scale = _scale(row, runs, brush)
    return [*spans, (" ", ""), *stretch_spans(runs.started_at, runs.ended_at, scale, style, glyphs)]


def _calls(row: Row, brush: Brush) -> str:
    """Return which model calls are in the rounds of *row*: `#3-57`."""
    if brush.call is None:
        return ""
    first = next(_numbers(row.kids, brush.call), 0)
    last = max(_numbers(reversed(row.kids), brush.call, rounds=2), default=0)
    return f"#{first}-{last}" if first else ""


def _numbers(
    rows: Iterable[Row], call: Callable[[RunNode], Call | None], rounds: int | None = None
) -> Iterator[int]:
    """Yield the numbers of the model calls in *rows*; of so many rows that have any."""
    for row in rows:
        nodes = row.item.walk() if isinstance(row.item, RunNode) else ()
        found = [one.number for node in nodes if (one := call(node)) is not None]
        yield from found
        if found and rounds is not None:
            rounds -= 1
            if not rounds:
                return


def _scale(row: Row, runs: Together, brush: Brush) -> Scale:
    """Return the scale of the run they belong to; of root runs their own."""
    cells = brush.columns.bar
    if brush.window is not None:
        return window_scale(brush.window, cells)
    home = row.home
    if home is not None and isinstance(home.item, RunNode):
        return scale_of(home.item, cells, brush.now)
    return Scale(runs.started_at, max(runs.ended_at, runs.started_at + 1), cells)


def _named(row: Row, brush: Brush, status: RunStatus, sign: Span, words: list[Span]) -> list[Span]:
    """Return the name column: of *words* the first is cut so that the second fits, the rest shown or not."""
    cells, glyphs = brush.columns.name, brush.glyphs
    lead = guides(row, cells // 3, glyphs)
    spans: list[Span] = [
        (lead, "guide"),
        (fold_sign(row, glyphs), "guide"),
        state_span(status, brush),
        (f" {sign[0]} ", sign[1]),
    ]
    room = max(0, cells - width(lead) - 6)
    (name, style), second, *rest = words
    name = cut(clean(name[:_MOST_NAME]), max(1, room - width(second[0]) - 2), glyphs.ellipsis)
    spans.append((cut(name, room), style))
    room -= width(spans[-1][0])
    for text, style in (second, *rest):
        if width(text) + 2 > room:
            break
        spans.append((f"  {text}", style))
        room -= width(text) + 2
    spans.append((" " * room, ""))
    return [span for span in spans if span[0]]


def _tokens(totals: Totals, glyphs: Glyphs) -> str:
    usage = totals.usage
    if usage is None:
        return ""
    known = ["?" if number is None else count(number) for number in (usage.input_tokens, usage.output_tokens)]
    return ("~" if totals.usage_partial else "") + glyphs.arrow.join(known)


def _cost(totals: Totals) -> str:
    cost = totals.cost
    return "" if cost is None else dollars(cost) + ("+" if totals.cost_partial else "")
