"""Keeps the single chunks of the run whose events are looked at; the tree keeps only their sum."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from tracebus.events import RunStreamed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.events import Event

MOST = 500_000
"""Chunks that are kept; of more, the first."""
_LONGEST = 400


class Chunk(NamedTuple):
    """A streamed chunk, as it is shown."""

    seq: int
    time: int
    kind: str
    content: str


class Journal:
    """The chunks of one run, in the order of the log; added twice, they are kept once.

    Attributes:
        run_id: whose chunks.
        chunks: the chunks.
        version: rises with every change.
        whole: whether what came before the journal was begun has been added.
    """

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.chunks: list[Chunk] = []
        self.version = 0
        self.whole = False

    def add(self, events: Iterable[Event]) -> None:
        """Take the run's chunks out of *events*."""
        fresh = [
            _chunk(event)
            for event in events
            if isinstance(event, RunStreamed) and event.run_id == self.run_id
        ]
        if not fresh:
            return
        self.version += 1
        if not self.chunks or fresh[0].seq > self.chunks[-1].seq:
            self.chunks += fresh[: MOST - len(self.chunks)]
        else:
            known = {chunk.seq for chunk in self.chunks}
            self.chunks += [chunk for chunk in fresh if not chunk.seq or chunk.seq not in known]
            self.chunks.sort()
            del self.chunks[MOST:]

    def between(self, start: int, end: int) -> tuple[int, int]:
        """Return which chunks have a `seq` above *start* and below *end*, as a range of places."""
        return bisect_left(self.chunks, (start + 1,)), bisect_left(self.chunks, (end,))


def _chunk(event: RunStreamed) -> Chunk:
    if event.text:
        kind, content = "text", event.text
    elif event.reasoning:
        kind, content = "reasoning", event.reasoning
    elif event.tool_calls:
        kind = "tool call"
        content = " ".join(f"{call.name or ''}({call.args})" for call in event.tool_calls)
    else:
        kind, content = "chunk", ""
    return Chunk(event.seq, event.time, kind, content[:_LONGEST])
