"""What a bus can say about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tracebus.events import RunStarted  # noqa: TC001 - msgspec resolves the annotation

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BusStatistics", "ExporterStatistics", "Snapshot", "SubscriptionStatistics", "parents_first"]


class ExporterStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """One exporter's numbers. Every event it should have had is delivered, missed, lost or in `lag`."""

    name: str
    cursor: int
    """`seq` of the last event it is done with."""
    delivered: int
    """Events the exporter took."""
    batches: int
    """Calls of `export` that succeeded."""
    missed: int
    """Events overwritten in the ring before it came to them; it got a `Gap` instead."""
    lost: int
    """Events given up, after too many attempts or at a deadline of `close`; and what the exporter says it
    lost after it had taken it (spans its backend refused, say)."""
    failures: int
    """Calls of `export`, `flush`, `close` or `after_fork` that raised."""
    retries: int
    """Batches offered again, counted once for each time."""
    lag: int
    """Events published and not yet delivered, missed or lost."""
    healthy: bool
    """Whether its last call succeeded."""
    last_error: str | None
    """The newest failure, kept after a recovery; `None` while there was none."""
    details: dict[str, int] = {}
    """What the exporter counts itself, by its own `statistics()`: spans its backend refused, say."""


class SubscriptionStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """One subscription's numbers."""

    cursor: int
    """`seq` of the last event handed out."""
    delivered: int
    """Events handed out, gaps among them."""
    missed: int
    """Events overwritten in the ring before it came to them."""
    lag: int
    """Events published and not yet handed out."""


class BusStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """A bus's numbers at one moment."""

    published: int
    """Events published, which is the newest `seq`."""
    capacity: int
    """How many of the newest events the ring holds."""
    held_bytes: int = 0
    """Bytes their payloads take in memory, about; what several events share is counted once."""
    max_bytes: int = 0
    """How many they may take: beyond, the oldest payloads are let go."""
    open_runs: int
    exporters: tuple[ExporterStatistics, ...]
    """Those that somebody attached: not what watches every bus for loops."""
    subscriptions: tuple[SubscriptionStatistics, ...]
    counters: dict[str, int]
    """What sources counted with `EventBus.count`, and the bus's own troubles by name."""


class Snapshot(msgspec.Struct, frozen=True):
    """The runs open at position *seq*: where a reader that met a `Gap` can start again."""

    seq: int
    open: tuple[RunStarted, ...]
    """Parents before their children."""


def parents_first(runs: Sequence[RunStarted]) -> list[RunStarted]:
    """Order *runs* so that none stands before its parent, and else as they are."""
    waiting = {run.run_id: run for run in runs}
    ordered: list[RunStarted] = []
    for run in runs:
        line: list[RunStarted] = []
        ancestor = waiting.pop(run.run_id, None)
        while ancestor is not None:
            line.append(ancestor)
            ancestor = waiting.pop(ancestor.parent_run_id or "", None)
        ordered += reversed(line)
    return ordered
