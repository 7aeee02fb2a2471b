"""The events of a run, one a line; a stretch of chunks is one line until it is opened."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any, NamedTuple, assert_never, overload

from tracebus.events import CustomEmitted, RunEnded, RunRetried, RunStarted
from tracebus.figures import count, duration
from tracebus.text import first_line
from tracebus_tui.detail._blocks import as_json
from tracebus_tui.detail._wrap import Line
from tracebus_tui.drawing import cut, right, width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.tree import RunNode
    from tracebus_tui.detail._journal import Chunk, Journal
    from tracebus_tui.detail._wrap import Layout
    from tracebus_tui.drawing import Span

_NANO = 1_000_000_000
_MOST_CHILDREN = 1_000
_CONTENT = 400
_SLOW = 10
"""Chunks a second below which a tenth of one says something."""
_TIME, _SEQ, _KIND = 10, 9, 10


class Entry(NamedTuple):
    """An event that has a line of its own."""

    seq: int
    time: int
    kind: str
    content: str
    style: str = "value"


class Stretch(NamedTuple):
    """Chunks with nothing between them, as places in the journal."""

    first: int
    last: int
    """The place behind the last."""
    seq: int
    opened: bool

    @property
    def lines(self) -> int:
        """Return how many lines it takes."""
        return 1 + (self.last - self.first if self.opened else 0)


class Events(Sequence[Line]):
    """The lines of a run's events, made when they are looked at: there may be 100,000."""

    def __init__(self, node: RunNode, journal: Journal | None, opened: frozenset[int], cells: int) -> None:
        self._chunks = journal.chunks if journal is not None else []
        self._cells = cells
        self._parts = list(_parts(node, journal, opened))
        sizes = (part.lines if isinstance(part, Stretch) else 1 for part in self._parts)
        self._ends = list(accumulate(sizes))
        self._begin = node.started_at or (self._time_of(self._parts[0]) if self._parts else 0)

    def __len__(self) -> int:
        """Return how many lines there are."""
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, number: int) -> Line: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Line]: ...
    def __getitem__(self, number: int | slice) -> Line | Sequence[Line]:
        """Make the line of that number."""
        if isinstance(number, slice):
            return [self[place] for place in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        part, inside = self._at(number)
        if not isinstance(part, Stretch):
            return self._line(part)
        if inside == 0 and part.last - part.first > 1:
            return self._folded(part)
        chunk = self._chunks[part.first + max(0, inside - 1)]
        style, sign = ("faint", "  ") if inside else ("value", "")
        return self._line(Entry(chunk.seq, chunk.time, chunk.kind, said_in(chunk), style), sign)

    def stretch_at(self, number: int) -> int | None:
        """Return what names the stretch that line *number* belongs to; `None` where there is none to open."""
        if not 0 <= number < len(self):
            return None
        part, _ = self._at(number)
        return part.seq if isinstance(part, Stretch) and part.last - part.first > 1 else None

    def line_of(self, stretch: int) -> int:
        """Return the line of the stretch of that name; 0 where it has gone."""
        line = 0
        for part, end in zip(self._parts, self._ends, strict=True):
            if isinstance(part, Stretch) and part.seq == stretch:
                return line
            line = end
        return 0

    def _at(self, number: int) -> tuple[Entry | Stretch, int]:
        place = bisect_right(self._ends, number)
        return self._parts[place], number - (self._ends[place - 1] if place else 0)

    def _time_of(self, part: Entry | Stretch) -> int:
        return self._chunks[part.first].time if isinstance(part, Stretch) else part.time

    def _folded(self, part: Stretch) -> Line:
        first, last = self._chunks[part.first], self._chunks[part.last - 1]
        number = part.last - part.first
        kinds = "/".join(dict.fromkeys(chunk.kind for chunk in islice(self._chunks, part.first, part.last)))
        content = f"{number} chunks{_pace(number, last.time - first.time)}"
        sign = "▾ " if part.opened else "▸ "
        return self._line(Entry(first.seq, first.time, kinds, f"{content}, to #{last.seq}", "running"), sign)

    def _line(self, entry: Entry, sign: str = "") -> Line:
        seq, time, kind, content, style = entry
        at = f"{(time - self._begin) / _NANO:+.3f}s"
        spans: list[Span] = [
            (f"{sign:<2}", "guide"),
            (right(at, _TIME), "faint"),
            (right(f"#{seq}" if seq else "", _SEQ) + "  ", "faint"),
            (f"{cut(kind, _KIND):<{_KIND}} ", style if style == "error" else "key"),
        ]
        used = sum(width(text) for text, _ in spans)
        return Line([*spans, (cut(content, max(1, self._cells - used)), style)])


def events_of(node: RunNode, journal: Journal | None, opened: frozenset[int]) -> Layout:
    """Return how the events of *node* are laid out, with the stretches called *opened* opened."""

    def lay(cells: int, *, wrap: bool) -> Events:  # noqa: ARG001 - a line each, whatever its length
        return Events(node, journal, opened, cells)

    return lay


def said_in(chunk: Chunk) -> str:
    """Return what a chunk holds, as one line, between quotes that show its blanks."""
    content = chunk.content.replace("\n", "␊")
    return f"“{content}”" if content else "(empty)"


def _pace(number: int, lasted: int) -> str:
    if lasted <= 0:
        return ""
    rate = (number - 1) * _NANO / lasted
    return f" in {duration(lasted / _NANO)}, {f'{rate:.1f}' if rate < _SLOW else count(round(rate))}/s"


def _parts(node: RunNode, journal: Journal | None, opened: frozenset[int]) -> Iterator[Entry | Stretch]:
    """Yield the run's events in order, and between them the chunks."""
    before = -1
    entries = sorted(_entries(node, journal))
    for entry in (*entries, None):
        if journal is not None:
            first, last = journal.between(before, entry.seq if entry is not None else 1 << 62)
            if first < last:
                seq = journal.chunks[first].seq
                yield Stretch(first, last, seq, seq in opened and last - first > 1)
        if entry is not None:
            yield entry
            before = entry.seq


def _entries(node: RunNode, journal: Journal | None) -> Iterator[Entry]:
    own = (node.start, *node.retry_events, *node.custom_events, node.end)
    yield from (_own(event) for event in own if event is not None)
    yield from _unkept(node, journal)
    for kid in node.children[:_MOST_CHILDREN]:
        if kid.start is not None:
            yield Entry(kid.start.seq, kid.start.time, "child", _about(kid, "started"), "faint")
        if kid.end is not None:
            took = f" after {duration(kid.duration)}" if kid.duration is not None else ""
            yield Entry(
                kid.end.seq, kid.end.time, "child", _about(kid, f"{kid.end.outcome.value}{took}"), "faint"
            )
    if (more := len(node.children) - _MOST_CHILDREN) > 0:
        last = node.children[_MOST_CHILDREN - 1]
        yield Entry(last.last_at, last.last_at, "child", f"… {count(more)} children more", "faint")


def _unkept(node: RunNode, journal: Journal | None) -> Iterator[Entry]:
    """Yield a line for the chunks of which only the sum is known."""
    stream = node.stream
    known = sum(1 for chunk in journal.chunks if chunk.content) if journal is not None else 0
    if stream is None or stream.first_at is None or node.chunks <= known:
        return
    lasted = (node.ended_at or node.last_at) - stream.first_at
    why = "being read" if journal is not None and not journal.whole else "only their sum is kept"
    number = node.chunks - known
    # Before the first chunk that is known, and behind the start.
    seq = node.start.seq if node.start is not None else 0
    yield Entry(seq, stream.first_at, "chunks", f"{number} chunks{_pace(number, lasted)}: {why}", "running")


def _about(kid: RunNode, what: str) -> str:
    return f"{kid.kind.value} {first_line(kid.name, 80)} {what}"


def _own(event: RunStarted | RunRetried | CustomEmitted | RunEnded) -> Entry:
    match event:
        case RunStarted():
            content = f"{event.kind.value} {event.name} {_short(event.inputs)}"
            return Entry(event.seq, event.time, "started", first_line(content, _CONTENT), "ok")
        case RunRetried():
            why = f": {event.error.type}: {event.error.message}" if event.error is not None else ""
            content = f"attempt {event.attempt} follows{why}"
            return Entry(event.seq, event.time, "retried", first_line(content, _CONTENT), "retried")
        case CustomEmitted():
            content = f"{event.name}: {_short(event.data)}"
            return Entry(event.seq, event.time, "custom", first_line(content, _CONTENT))
        case RunEnded():
            style = "error" if event.error is not None else event.outcome.value
            return Entry(event.seq, event.time, "ended", first_line(_end(event), _CONTENT), style)
        case _:
            assert_never(event)


def _end(event: RunEnded) -> str:
    parts = [event.outcome.value]
    if event.error is not None:
        parts.append(f"{event.error.type}: {event.error.message}")
    if event.usage is not None:
        known = ((event.usage.input_tokens, "in"), (event.usage.output_tokens, "out"))
        parts += [f"{'unknown' if number is None else number} {word}" for number, word in known]
    parts += event.finish_reasons
    if event.outputs is not None:
        parts.append(_short(event.outputs))
    return ", ".join(parts)


def _short(value: Any) -> str:
    """Return the beginning of *value* as one line; of a conversation, of what was said last."""
    match value:
        case None:
            return ""
        case str() as text:
            return text[:_CONTENT].replace("\n", " ")
        case {"messages": [*_, {"content": str(text)}]}:
            return f"… {text[:_CONTENT]}".replace("\n", " ")
        case _:
            return " ".join(as_json(value)[: 4 * _CONTENT].split())
