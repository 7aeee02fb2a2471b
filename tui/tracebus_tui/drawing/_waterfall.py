"""The waterfall: when, on its root's time scale, a run waited, talked and worked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tracebus.events import RunKind
from tracebus.tree import BatchGroup, RunNode, RunStatus

if TYPE_CHECKING:
    from tracebus_tui.drawing._cells import Span
    from tracebus_tui.drawing._glyphs import Glyphs
    from tracebus_tui.model import Window

_MOST_LEAVES = 300

STYLE_OF_STATUS = {status: status.value for status in RunStatus}
STYLE_OF_KIND = {
    RunKind.CHAT_MODEL: "model",
    RunKind.LLM: "model",
    RunKind.EMBEDDING: "retriever",
    RunKind.TOOL: "tool",
    RunKind.RETRIEVER: "retriever",
    RunKind.AGENT: "agent",
    RunKind.GRAPH: "agent",
    RunKind.NODE: "agent",
}


class Scale(NamedTuple):
    """A stretch of time on so many cells."""

    start: int
    end: int
    cells: int
    clips: bool = False
    """Whether what lies outside is not shown, rather than in the first or the last cell."""

    def shows(self, began: int, ended: int) -> bool:
        """Tell whether any of that time is to be seen."""
        return not self.clips or (ended >= self.start and began <= self.end)

    def cell(self, time: int) -> int:
        """Return the cell in which *time* falls."""
        span = max(1, self.end - self.start)
        return min(self.cells - 1, max(0, (time - self.start) * self.cells // span))


class Bar(NamedTuple):
    """A run's cells: first and last, and the one of its first token."""

    first: int
    token: int | None
    last: int
    running: bool
    waits: bool
    """Whether all of it, or all before the token, was waiting for the model."""

    @property
    def worked_from(self) -> int:
        """Return the first cell in which it did not wait."""
        if not self.waits:
            return self.first
        return self.last + 1 if self.token is None else self.token


def scale_of(node: RunNode, cells: int, now: int) -> Scale:
    """Return the scale of *node*'s root on *cells* cells; it grows while anything in it runs."""
    root = node.root
    start = root.started_at or root.last_at
    running = root.status is RunStatus.RUNNING or root.counts.running
    end = now if running else max(root.ended_at or root.last_at, node.ended_at or 0)
    return Scale(start, max(end, start + 1), cells)


def window_scale(window: Window, cells: int) -> Scale:
    """Return the scale of a stretch of time that is the same for all runs."""
    return Scale(window.start, window.end, cells, clips=True)


def bar_of(node: RunNode, scale: Scale, now: int) -> Bar | None:
    """Return where *node*'s bar lies; `None` where its start is not known, and off the scale."""
    if node.started_at is None:
        return None
    running = node.status is RunStatus.RUNNING
    end = now if running else (node.ended_at or node.last_at)
    if not scale.shows(node.started_at, end):
        return None
    first, last = scale.cell(node.started_at), scale.cell(max(node.started_at, end - 1))
    streamed = node.stream.first_at if node.stream is not None and node.is_model else None
    if streamed is None:
        return Bar(first, None, last, running, waits=node.is_model and running)
    if not scale.shows(streamed, streamed):
        return Bar(first, None, last, running, waits=streamed > scale.end)
    return Bar(first, min(last, max(first, scale.cell(streamed))), last, running, waits=True)


def bar_spans(node: RunNode, bar: Bar, cells: int, glyphs: Glyphs) -> list[Span]:
    """Return the bar as spans of *cells* cells in all."""
    style = _style(node)
    spans: list[Span] = [(" " * bar.first, "")] if bar.first else []
    if bar.waits and bar.token is None:
        spans.append((glyphs.wait * (bar.last - bar.first + 1), "wait"))
    else:
        begin = bar.first
        if bar.token is not None:
            spans += [(glyphs.wait * (bar.token - bar.first), "wait"), (glyphs.token, "token")]
            begin = bar.token + 1
        spans += _work(node, bar, bar.last - begin + 1, style, glyphs)
    spans.append((" " * (cells - bar.last - 1), ""))
    return [span for span in spans if span[0]]


def _work(node: RunNode, bar: Bar, length: int, style: str, glyphs: Glyphs) -> list[Span]:
    if length <= 0:
        return []
    if bar.running:
        return [(glyphs.work * (length - 1) + glyphs.head, style)]
    if node.status is RunStatus.OK or length == 1:
        return [(glyphs.work * length, style)]
    return [(glyphs.work * (length - 1), style), (glyphs.status[node.status], style)]


def _style(node: RunNode) -> str:
    if node.status in (RunStatus.OK, RunStatus.RUNNING):
        return STYLE_OF_KIND.get(node.kind, "chain")
    return STYLE_OF_STATUS[node.status]


def composed_spans(root: RunNode, scale: Scale, now: int, glyphs: Glyphs) -> list[Span] | None:
    """Return a bar put together from the leaves of *root* in the colours of their kinds.

    So that a folded run still tells retrieval from waiting from talking. `None` where there are too many
    leaves to look at.
    """
    if root.counts.total > _MOST_LEAVES or not root.children:
        return None
    whole = bar_of(root, scale, now)
    if whole is None:
        return None
    signs: list[Span] = [(" ", "")] * scale.cells
    for cell in range(whole.first, whole.last + 1):
        signs[cell] = (glyphs.rule, "faint")
    leaves = [node for node in root.walk() if not node.children and node is not root]
    bars = [(leaf, bar) for leaf in leaves if (bar := bar_of(leaf, scale, now)) is not None]
    for _, bar in bars:  # what works while another waits is what is seen
        for cell in range(bar.first, bar.worked_from):
            signs[cell] = (glyphs.wait, "wait")
    for leaf, bar in bars:
        sign = (glyphs.work, _style(leaf))
        for cell in range(bar.worked_from, bar.last + 1):
            signs[cell] = sign
    for _, bar in bars:
        if bar.token is not None:
            signs[bar.token] = (glyphs.token, "token")
    return merged(signs)


def stretch_spans(began: int, ended: int, scale: Scale, style: str, glyphs: Glyphs) -> list[Span]:
    """Return a plain bar from *began* to *ended* (ns since the epoch)."""
    if not scale.shows(began, ended):
        return [(" " * scale.cells, "")]
    first, last = scale.cell(began), scale.cell(max(began, ended - 1))
    spans = [
        (" " * first, ""),
        (glyphs.work * (last - first + 1), style),
        (" " * (scale.cells - last - 1), ""),
    ]
    return [span for span in spans if span[0]]


def batch_spans(group: BatchGroup, cells: int, glyphs: Glyphs) -> list[Span]:
    """Return a batch's progress: a bar and counts."""
    counts = group.counts
    ended = counts.total - counts.running
    words = f" {ended}/{group.size}"
    trouble = f" {counts.error}{glyphs.status[RunStatus.ERROR]}" if counts.error else ""
    live = f" {counts.running}{glyphs.status[RunStatus.RUNNING]}" if counts.running else ""
    length = max(3, cells - len(words) - len(trouble) - len(live))
    full = min(length, ended * length // max(1, group.size))
    failed = min(full, -(-counts.error * length // max(1, group.size))) if counts.error else 0
    spans = [
        (glyphs.done * (full - failed), "model"),
        (glyphs.done * failed, "error"),
        (glyphs.todo * (length - full), "faint"),
        (words, "value"),
        (live, "running"),
        (trouble, "error"),
    ]
    used = sum(len(text) for text, _ in spans)
    spans.append((" " * max(0, cells - used), ""))
    return [span for span in spans if span[0]]


def merged(signs: list[Span]) -> list[Span]:
    """Return *signs* with neighbours of one style joined."""
    spans: list[Span] = []
    for text, style in signs:
        if spans and spans[-1][1] == style:
            spans[-1] = (spans[-1][0] + text, style)
        else:
            spans.append((text, style))
    return spans
