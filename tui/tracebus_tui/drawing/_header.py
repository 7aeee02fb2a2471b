"""The two lines at the top: how it goes, and what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.figures import count, dollars, duration
from tracebus.outline import names_above
from tracebus.tree import RunStatus
from tracebus_tui.drawing._cells import clean, cut, line_width, spark
from tracebus_tui.feed import FeedState, ReplaySource
from tracebus_tui.model import percentile

if TYPE_CHECKING:
    from tracebus.tree import RunNode
    from tracebus_tui.drawing._cells import Span
    from tracebus_tui.drawing._glyphs import Glyphs
    from tracebus_tui.feed import Feed
    from tracebus_tui.model import Runs

_STATES = {
    FeedState.OPENING: ("OPENING", "faint"),
    FeedState.LIVE: ("LIVE", "ok"),
    FeedState.RECONNECTING: ("RECONNECTING", "error"),
    FeedState.ENDED: ("ENDED", "faint"),
}
_GAP: Span = ("  ", "")
_LONGEST = 80
_MOST_NAMES = 50


def totals(runs: Runs, feed: Feed, glyphs: Glyphs, cells: int, *, paused: bool, label: str) -> list[Span]:
    """Return the first line: what runs, what came of it, speed, tokens, money, waits."""
    word, style = ("PAUSED", "paused") if paused else _STATES[feed.state]
    if word == "LIVE" and isinstance(feed.source, ReplaySource):
        word = "REPLAY"
    spans: list[Span] = [(f" {glyphs.dot} {word}", style), *_counts(runs, glyphs)]
    more = [_speed(runs, glyphs, cells), _amounts(runs), _waits(runs)]
    spans.insert(1, (" " + clean(label), "faint"))
    if line_width(spans) + sum(line_width(part) + 2 for part in more) > cells:
        spans.pop(1)
    for part in more:
        if part and line_width(spans) + line_width(part) + 2 <= cells:
            spans += [_GAP, *part]
    return _filled(spans, cells)


def _counts(runs: Runs, glyphs: Glyphs) -> list[Span]:
    counts = runs.runs.root_counts
    spans: list[Span] = [_GAP, (f"{counts.running} running", "running" if counts.running else "faint")]
    rest = (
        (counts.ok, RunStatus.OK),
        (counts.error, RunStatus.ERROR),
        (counts.cancelled + counts.abandoned, RunStatus.CANCELLED),
        (counts.interrupted, RunStatus.INTERRUPTED),
        (counts.lost, RunStatus.LOST),
    )
    for number, status in rest:
        if number or status is RunStatus.OK:
            spans += [_GAP, (f"{number}{glyphs.status[status]}", status.value)]
    return spans


def _speed(runs: Runs, glyphs: Glyphs, cells: int) -> list[Span]:
    rates = list(runs.meters.chunk_rates)
    now = rates[-1] if rates else 0.0
    columns = max(8, min(24, cells // 8))
    return [
        ("tok/s ", "faint"),
        (spark(rates, columns, glyphs.sparks).rjust(columns), "tokens"),
        (f" ~{count(round(now))}", "tokens"),
    ]


def _amounts(runs: Runs) -> list[Span]:
    usage, cost = runs.runs.usage, runs.runs.cost
    spans: list[Span] = []
    if usage is not None:
        total = usage.total_tokens or (usage.input_tokens or 0) + (usage.output_tokens or 0)
        spans += [("tok ", "faint"), (count(total) + ("+" if runs.runs.usage_partial else ""), "value")]
    if cost is not None:
        spans += [_GAP, (dollars(cost) + ("+" if runs.runs.cost_partial else ""), "cost")]
    return spans


def _waits(runs: Runs) -> list[Span]:
    half, most = percentile(runs.meters.waits, 0.5), percentile(runs.meters.waits, 0.95)
    if half is None or most is None:
        return []
    return [
        ("ttft p50 ", "faint"),
        (duration(half), "value"),
        (" p95 ", "faint"),
        (duration(most), "value"),
    ]


SCREENS = ("Runs", "Top", "Errors", "Log")


def breadcrumb(node: RunNode | None, remarks: list[Span], honest: list[Span], cells: int) -> list[Span]:
    """Return the second line of a run that is open: the runs it is in, the root first."""
    names = [clean(name[:_LONGEST]) for name in names_above(node, _MOST_NAMES)] if node is not None else []
    where = " › ".join([*names, clean(node.name[:_LONGEST])]) if node is not None else ""  # noqa: RUF001 - a way in
    room = max(0, cells - line_width(honest) - 4)
    tail = where[-room:] if len(where) > room else where  # the end says which run it is
    return _with(
        [(" " + cut("…" + tail[1:] if tail != where else tail, room), "title")], remarks, honest, cells
    )


def tabs(current: int, remarks: list[Span], honest: list[Span], cells: int) -> list[Span]:
    """Return the second line: the screens, how the rows are chosen, and what was missed."""
    spans: list[Span] = []
    for number, name in enumerate(SCREENS, 1):
        spans.append((f" {number} {name} ", "tab" if number == current else "faint"))
    return _with(spans, remarks, honest, cells)


def _with(spans: list[Span], remarks: list[Span], honest: list[Span], cells: int) -> list[Span]:
    """Return *spans*, then as many remarks as fit, and at the right what was missed."""
    spare = cells - line_width(spans) - line_width(honest) - 1
    spans.append(_GAP)
    spare -= 2
    for text, style in remarks:
        if spare > 4:  # noqa: PLR2004 - less says nothing
            shown = cut(text, spare - 2)
            spans += [(shown, style), _GAP]
            spare -= line_width([(shown, style), _GAP])
    spans.append((" " * max(1, cells - line_width(spans) - line_width(honest)), ""))
    return _filled(spans + honest, cells)


def honesty(runs: Runs, feed: Feed) -> list[Span]:
    """Return how many events come, wait, and were missed."""
    meters = runs.meters
    spans: list[Span] = [(f"{count(round(meters.event_rate))} ev/s", "faint")]
    if feed.backlog > 1000:  # noqa: PLR2004 - less is a frame's worth
        spans += [_GAP, (f"backlog {count(feed.backlog)}", "remark")]
    missed = runs.runs.missed
    spans += [_GAP, (f"missed {count(missed)}", "error" if missed else "faint")]
    if runs.forgotten:
        spans += [_GAP, (f"left {count(runs.forgotten)}", "faint")]
    spans.append((" ", ""))
    return spans


def _filled(spans: list[Span], cells: int) -> list[Span]:
    return [*spans, (" " * max(0, cells - line_width(spans)), "")]
