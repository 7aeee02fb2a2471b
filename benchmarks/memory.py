"""What watching keeps in memory: resident size over a million events, and over runs that never end.

    python benchmarks/memory.py

Both must be flat once the ring is full and the limit on open runs is reached.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from tracebus import EventBus
from tracebus.capture import DEFAULT_CAPTURE
from tracebus.events import RunKind
from tracebus.sources._tracker import RunTracker  # measured by itself


def resident() -> float:
    """Return this process's resident size in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def begin(tracker: RunTracker, parent: object = None) -> object:
    """Open a run with a small payload and return its key."""
    key = uuid4().int
    inputs = {"question": f"number {key}"}
    tracker.start(
        key, parent, kind=RunKind.CHAIN, name="chain", owner=1, capture=DEFAULT_CAPTURE, inputs=inputs
    )
    return key


def complete_runs() -> None:
    """A million events of runs that end."""
    from tracebus.events import Outcome

    bus = EventBus()
    tracker = RunTracker(bus.publish, count=bus.count)
    print("events     resident MiB   (ring of 65,536 events)")
    while bus.statistics().published < 1_000_000:
        for _ in range(25_000):
            root = begin(tracker)
            child = begin(tracker, root)
            tracker.end(child, Outcome.OK, outputs="x")
            tracker.end(root, Outcome.OK, outputs="x")
        print(f"{bus.statistics().published:>9,}  {resident():12.1f}")
    bus.close()


def never_ending_runs() -> None:
    """A hundred and sixty thousand runs nobody ends."""
    bus = EventBus()
    tracker = RunTracker(bus.publish, count=bus.count)
    print("\nruns begun  still open  resident MiB   (at most 65,536 open)")
    for step in range(1, 9):
        for _ in range(20_000):
            begin(tracker)
        print(f"{step * 20_000:>10,}  {len(tracker.open_runs()):>10,}  {resident():12.1f}")
    bus.close()


if __name__ == "__main__":
    complete_runs()
    never_ending_runs()
