"""What a row says, column by column, before anything is laid out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from tracebus import figures
from tracebus.text import first_line, sanitise
from tracebus.tree import RunNode, RunStatus, StatusCounts, TotalOf
from tracebus.watching import news_in
from tracebus_exporters.console._rows import DEPTH, Folded, error_to_show
from tracebus_exporters.console._styles import DIM, KIND_STYLE, STATUS_STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import ErrorInfo
    from tracebus.signs import Glyphs
    from tracebus.tree import BatchGroup, Totals
    from tracebus_exporters.console._rows import Row

_WORST_FIRST = (
    RunStatus.ERROR,
    RunStatus.RUNNING,
    RunStatus.CANCELLED,
    RunStatus.ABANDONED,
    RunStatus.LOST,
    RunStatus.INTERRUPTED,
)
_NANO = 1_000_000_000
_NAME = 80
"""Characters of a name worth looking at."""


class Cells(NamedTuple):
    """One row's columns. A figure is empty where it does not apply, `?` or `-` where it is unknown."""

    label: Text
    status: RunStatus
    time: str = ""
    ttft: str = ""
    tokens: str = ""
    rate: str = ""
    cost: str = ""
    span: tuple[int, int | None, int] | None = None
    """Start, first token and end, in nanoseconds since the epoch."""
    notes: tuple[Text, ...] = ()
    """Lines below the row."""


def cells_of(row: Row, glyphs: Glyphs, now: int) -> Cells:
    """Return the columns of a run, or of folded siblings; *now* is where open runs are cut."""
    if isinstance(row.subject, Folded):
        return _folded_cells(row, row.subject, glyphs)
    return _run_cells(row, row.subject, glyphs, now)


def _run_cells(row: Row, node: RunNode, glyphs: Glyphs, now: int) -> Cells:
    elapsed = node.elapsed(now)
    ended_at = node.ended_at or now
    # A chain's first token is its model's: the bar of the model shows it.
    first_token = node.first_token_at if node.is_model else None
    return Cells(
        label=_run_label(row, node, glyphs),
        status=node.status,
        time=figures.duration(elapsed) if elapsed is not None else "?",
        ttft=_or_blank(node.time_to_first_token),
        tokens=_tokens(node, glyphs),
        rate=f"{node.tokens_per_second:.0f}" if node.tokens_per_second is not None else "",
        cost=_cost(node, glyphs),
        span=(node.started_at, first_token, ended_at) if node.started_at is not None else None,
        notes=_run_notes(row, node, glyphs),
    )


def _run_label(row: Row, node: RunNode, glyphs: Glyphs) -> Text:
    label = _opening(row.last, node.status, glyphs)
    label.append(f"{glyphs.kind[node.kind]} ", KIND_STYLE.get(node.kind, DIM))
    label.append(_named(node.name), "bold" if not row.last else "")
    model = node.model
    if node.is_model and model is not None and model.name and model.name != node.name:
        label.append(f" {_named(model.name)}", DIM)
    own_retries = len(node.retry_events)
    if own_retries:
        label.append(f" {glyphs.retry}{own_retries}", "yellow")
    if node.attempts > 1 and not own_retries:
        label.append(f" {glyphs.retry} attempt {node.attempts}", "yellow")
    return label


def _run_notes(row: Row, node: RunNode, glyphs: Glyphs) -> tuple[Text, ...]:
    said = [Text(line, "yellow") for line in news_in(node.custom_events)] if node.custom_events else []
    error = error_to_show(node)
    if error is not None:
        said.append(error_text(error))
    return tuple(_note(row, node, glyphs, text) for text in said)


def _note(row: Row, node: RunNode, glyphs: Glyphs, text: Text) -> Text:
    note = Text().append(_guides(row.last, glyphs, below=True), DIM)
    note.append(f"{glyphs.trunk} " if node.children else "   ", DIM)
    return note.append_text(text)


def error_text(error: ErrorInfo) -> Text:
    """Return type and first line of an error."""
    kind = sanitise(error.type, one_line=True).rpartition(".")[2]
    text = Text().append(kind, "red")
    message = first_line(error.message, 400)
    return text.append(f": {message}", "red") if message else text


def _folded_cells(row: Row, folded: Folded, glyphs: Glyphs) -> Cells:
    counts = StatusCounts.of(node.status for node in folded.nodes)
    status = worst(counts)
    label = _opening(row.last, status, glyphs)
    label.append(f"{glyphs.crowd} ", DIM).append(_named(folded.name))
    label.append(f" {glyphs.times}{len(folded.nodes):,}", "bold")
    label.append_text(_tally(counts, glyphs))
    failed = sum(node.counts.error for node in folded.nodes)
    if failed:
        label.append(f" {failed:,}{glyphs.status[RunStatus.ERROR]} below", STATUS_STYLE[RunStatus.ERROR])
    label.append_text(retries(sum(node.retries for node in folded.nodes), glyphs))
    note = Text().append(_guides(row.last, glyphs, below=True), DIM).append("   ")
    durations, total = folded.durations, TotalOf(folded.nodes)
    span = _span(folded.nodes)
    return Cells(
        label=label,
        status=status,
        time=figures.duration((span[2] - span[0]) / _NANO) if span else "",
        tokens=_tokens(total, glyphs),
        cost=_cost(total, glyphs),
        span=span,
        notes=(note.append_text(spread(durations)),) if durations else (),
    )


def spread(durations: tuple[float, float, float]) -> Text:
    """Return the shortest, the median and the longest duration in words."""
    low, middle, high = map(figures.duration, durations)
    return Text().append(f"each {low} to {high}, median {middle}", DIM)


def batch_cells(group: BatchGroup, name: str, notes: Sequence[Text], glyphs: Glyphs) -> Cells:
    """Return the columns of a whole batch call."""
    counts = group.counts
    status = worst(counts)
    label = _opening((), status, glyphs)
    label.append(f"{glyphs.batch} ", "magenta").append(_named(name), "bold")
    label.append(f" {glyphs.times}{group.size:,}", "bold")
    label.append_text(_tally(counts, glyphs))
    label.append_text(retries(group.retries, glyphs))
    if not group.done:
        label.append(f" {counts.total:,} begun", "yellow")
    ended = group.last_ended_at or group.started_at
    return Cells(
        label=label,
        status=status,
        time=figures.duration((ended - group.started_at) / _NANO),
        tokens=_tokens(group, glyphs),
        cost=_cost(group, glyphs),
        notes=tuple(notes),
    )


def worst(counts: StatusCounts) -> RunStatus:
    """Return the state that wants attention most."""
    return next((status for status in _WORST_FIRST if getattr(counts, status.value)), RunStatus.OK)


def retries(number: int, glyphs: Glyphs) -> Text:
    """Return how often something was tried again; nothing where it was not."""
    return Text().append(f" {glyphs.retry}{number:,}", "yellow") if number else Text()


def _tally(counts: StatusCounts, glyphs: Glyphs) -> Text:
    """Return the numbers of runs by state, where not all ended well."""
    tally = Text()
    if counts.ok == counts.total:
        return tally
    for status, number in counts:
        if number:
            tally.append(f" {number:,}{glyphs.status[status]}", STATUS_STYLE[status])
    return tally


def _opening(last: tuple[bool, ...], status: RunStatus, glyphs: Glyphs) -> Text:
    return Text().append(_guides(last, glyphs), DIM).append(f"{glyphs.status[status]} ", STATUS_STYLE[status])


def _guides(last: tuple[bool, ...], glyphs: Glyphs, *, below: bool = False) -> str:
    """Return the lines that lead to a row, or past it to what is *below* its own line."""
    if not last:
        return ""
    cut = "… " if len(last) > DEPTH else ""
    above = "".join("   " if is_last else f"{glyphs.trunk} " for is_last in last[-DEPTH:-1])
    if below:
        return cut + above + ("   " if last[-1] else f"{glyphs.trunk} ")
    return cut + above + (glyphs.corner if last[-1] else glyphs.branch) + " "


def _named(name: str) -> str:
    return first_line(name, _NAME) or "?"


def _or_blank(seconds: float | None) -> str:
    return figures.duration(seconds) if seconds is not None else ""


def _tokens(totals: Totals, glyphs: Glyphs) -> str:
    """Return the tokens in and out; a total known to be too low carries a mark."""
    usage = totals.usage
    if usage is None:
        return "?" if isinstance(totals, RunNode) and totals.is_model and totals.end is not None else ""
    given, made = (
        figures.count(number) if number is not None else "?"
        for number in (usage.input_tokens, usage.output_tokens)
    )
    return f"{given}{glyphs.arrow}{made}{glyphs.partial if totals.usage_partial else ''}"


def _cost(totals: Totals, glyphs: Glyphs) -> str:
    """Return the price; `-` where tokens were used and nobody knows what they cost."""
    if totals.cost is None:
        return "-" if totals.usage is not None else ""
    return figures.dollars(totals.cost) + (glyphs.partial if totals.cost_partial else "")


def _span(nodes: Sequence[RunNode]) -> tuple[int, int | None, int] | None:
    starts = [node.started_at for node in nodes if node.started_at is not None]
    ends = [node.ended_at or node.last_at for node in nodes]
    return (min(starts), None, max(ends)) if starts else None
