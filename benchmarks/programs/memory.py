"""What watching keeps in memory: over a million events, over runs that never end, over long prompts.

    python benchmarks/programs/memory.py

The first two must be flat once the ring is full and the limit on open runs is reached; the last must stay
below the bus's `max_bytes` and what a process needs besides. It is measured in processes of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

from tracebus import EventBus
from tracebus.capture import DEFAULT_CAPTURE
from tracebus.events import RunKind
from tracebus.sources.tracking._tracker import RunTracker  # measured by itself


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
    tracker = RunTracker(bus.write, count=bus.count)
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
    tracker = RunTracker(bus.write, count=bus.count)
    print("\nruns begun  still open  resident MiB   (at most 65,536 open)")
    for step in range(1, 9):
        for _ in range(20_000):
            begin(tracker)
        print(f"{step * 20_000:>10,}  {len(tracker.open_runs()):>10,}  {resident():12.1f}")
    bus.close()


REQUESTS = 2_000
PROMPT = 100_000
READERS = ("a function", "sqlite", "nobody")


def long_prompts(reader: str) -> None:
    """Print what two thousand requests with prompts of 100 kB add under *reader*."""
    from langchain_core.runnables import RunnableLambda

    from tracebus import observe

    chain = (
        RunnableLambda(lambda x: x, name="load")
        | RunnableLambda(lambda x: x, name="prompt")
        | RunnableLambda(lambda _: "ok", name="answer")
    )
    with tempfile.TemporaryDirectory() as folder:
        to = {"a function": [lambda _: None], "sqlite": [f"sqlite:{folder}/log.db"], "nobody": []}[reader]
        bus = EventBus()
        observed = observe(chain, bus=bus, to=to)
        observed.invoke("warm up")
        bus.flush(30)
        before = most = resident()
        for number in range(REQUESTS):
            observed.invoke(f"{number} {'x' * PROMPT}")
            most = max(most, resident())
        flushed = bus.flush(60)
        held = bus.statistics().held_bytes / 1e6
        print(
            f"{reader:12} {most - before:22.0f} {resident() - before:20.0f} {held:9.1f}"
            f"{'' if flushed else '   (not all was stored in time)'}"
        )
        bus.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        long_prompts(sys.argv[1])
        sys.exit()
    complete_runs()
    never_ending_runs()
    print(f"\n{REQUESTS:,} requests with a prompt of {PROMPT // 1000} kB through three steps")
    print("reader        most MiB above before   MiB above at the end   MB held")
    sys.stdout.flush()
    for name in READERS:
        subprocess.run([sys.executable, __file__, name], check=True)
