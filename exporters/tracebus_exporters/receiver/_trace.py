"""What is known of one trace, and what its spans are called as runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from tracebus.events import RunStarted
    from tracebus_exporters.receiver._span import Record, Span

__all__ = ["Trace", "own_id", "run_id_of"]

_LONGEST_ID = 200


class Trace:
    """What is known of one trace."""

    __slots__ = ("arrived", "held", "idle_since", "records", "root", "runs", "silent", "since", "stand_in")

    def __init__(self, now: float) -> None:
        self.since = now
        self.idle_since = now
        self.runs: dict[str, str] = {}
        """Span id → run id, of spans that came and of parents named by them."""
        self.arrived: dict[str, str] = {}
        """The ids of spans that came, with their parents'."""
        self.held: dict[str, Span] = {}
        self.silent: set[str] = set()
        """Span ids of those held to which records may still say what was answered."""
        self.records: dict[str, list[Record]] = {}
        """By span id: records that came before their span, or while it is held."""
        self.root: str | None = None
        """The root's run id, once it is known or was made up."""
        self.stand_in: RunStarted | None = None
        """The run that was made up for a root that did not come in time, while it is open."""


def own_id(span: Span) -> str:
    """Return the id of the run that *span* is: it says so itself where it is one of ours."""
    own = span.attributes.get(sc.RUN_ID)
    if isinstance(own, str) and 0 < len(own) <= _LONGEST_ID:
        return own
    return run_id_of(span.trace_id, span.span_id)


def run_id_of(trace_id: str, span_id: str) -> str:
    """Return the id of the run that a foreign span is: as long as others are, and as random as it was."""
    return trace_id[16:] + span_id
