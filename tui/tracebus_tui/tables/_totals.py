"""Totals: a line for every model, tool, retriever and node: how often, how long, how dear."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tracebus.events import RunKind
from tracebus.figures import count, dollars, duration
from tracebus_tui.drawing import spark
from tracebus_tui.model import Runs, percentile
from tracebus_tui.tables._exactly import exactly
from tracebus_tui.tables._table import Column, Table

if TYPE_CHECKING:
    from tracebus_tui.drawing import Glyphs
    from tracebus_tui.model import Tally

_MOST_RUNNING = 20_000
"""Running runs that are looked at to say how many are live under a name."""
_FIGURE = 7
_TREND = 8
_NANO = 1_000_000_000
_SHORT = {
    RunKind.CHAT_MODEL: "model",
    RunKind.LLM: "model",
    RunKind.RETRIEVER: "retr",
    RunKind.EMBEDDING: "embed",
}


class Total(NamedTuple):
    """A tally, and how many of its runs are running."""

    tally: Tally
    live: int

    @property
    def filter(self) -> str:
        """Return the filter that shows its runs."""
        tally = self.tally
        return exactly("model" if tally.of_model else "name", tally.name)


def totals_of(runs: Runs) -> list[Total]:
    """Return what has ended, by name, each with what of it runs."""
    live = Counter(runs.meters.name_of(node) for node in islice(runs.runs.running, _MOST_RUNNING))
    return [Total(tally, live[name]) for name, tally in runs.meters.by_name.items()]


def total_table(glyphs: Glyphs) -> Table[Total]:
    """Return an empty table of totals."""
    sparks = glyphs.sparks
    columns: tuple[Column[Total], ...] = (
        Column("NAME", 20, lambda total: _named(total.tally, glyphs), _shown, descending=False, at_left=True),
        Column("KIND", 5, lambda total: _kind(total.tally.kind), descending=False, rank=8),
        Column("LIVE", 4, lambda total: total.live or None, count, rank=6, style="running"),
        Column("DONE", 5, lambda total: total.tally.runs, count),
        Column("ERR", 5, _failing, _percent, style="error"),
        Column("p50", _FIGURE, lambda total: percentile(total.tally.durations, 0.5), duration, rank=1),
        Column("p95", _FIGURE, lambda total: percentile(total.tally.durations, 0.95), duration),
        Column("TTFT50", _FIGURE, lambda total: percentile(total.tally.waits, 0.5), duration, rank=3),
        Column("TTFT95", _FIGURE, lambda total: percentile(total.tally.waits, 0.95), duration, rank=5),
        Column("tok/s", 5, _speed, _whole, rank=4),
        Column("IN", 5, lambda total: total.tally.input or None, count, rank=2, style="tokens"),
        Column("OUT", 5, lambda total: total.tally.output or None, count, rank=2, style="tokens"),
        Column("COST", _FIGURE + 1, _cost, dollars, rank=1, style="cost"),
        Column("SPENT", _FIGURE, lambda total: total.tally.spent, duration, rank=9),
        Column(
            "TREND", _TREND, lambda total: _trend(total.tally, sparks), sorts=False, rank=7, style="faint"
        ),
    )
    return Table(
        columns,
        who=lambda total: total.tally.name,
        by="SPENT",
        style=lambda total: "error" if total.tally.errors == total.tally.runs else "value",
        nothing="no model, tool or retriever has ended yet",
    )


def _named(tally: Tally, glyphs: Glyphs) -> tuple[str, str]:
    """Return what to sort by, and what to show."""
    return tally.name.lower(), f"{glyphs.kind[tally.kind]} {tally.name}"


def _shown(named: tuple[str, str]) -> str:
    return named[1]


def _kind(kind: RunKind) -> str:
    return _SHORT.get(kind, kind.value)


def _failing(total: Total) -> float | None:
    """Return the share of runs that failed; `None` where none did."""
    return total.tally.errors / total.tally.runs if total.tally.errors else None


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.0995 else f"{share:.1%}"  # noqa: PLR2004 - two figures


def _whole(number: float) -> str:
    return count(round(number))


def _cost(total: Total) -> float | None:
    return total.tally.cost if total.tally.costs else None


def _speed(total: Total) -> float | None:
    tally = total.tally
    return tally.streamed * _NANO / tally.streaming if tally.streaming > 0 and tally.streamed else None


def _trend(tally: Tally, signs: str) -> str:
    """Return how long the last runs took, the newest at the right, each column some of them."""
    values = list(tally.durations)
    if len(values) < 2:  # noqa: PLR2004 - one is no trend
        return ""
    size = -(-len(values) // _TREND)
    parts = [values[max(0, end - size) : end] for end in range(len(values), 0, -size)][::-1]
    return spark([sum(part) / len(part) for part in parts], _TREND, signs)
