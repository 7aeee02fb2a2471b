"""What an event costs on the bus: CPU per event by the number of readers, and memory over a million.

Run it with `python benchmarks/bus/bus_fanout.py`; `--events 20000` for a quick look. CPU is the whole
process's (publishing and reading), the median of the rounds; the event's creation is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import statistics
import time
from pathlib import Path

from tracebus.bus import EventBus
from tracebus.events import RunStreamed

READERS = (0, 1, 4, 16)
BURST = 100  # a producer lets its loop go on after so many


def events(count: int) -> list[RunStreamed]:
    return [RunStreamed(time=i, run_id="run", root_run_id="run", text="token") for i in range(count)]


def ignore(_batch: object) -> None:
    """Export nowhere."""


def with_exporters(readers: int, count: int) -> float:
    """CPU µs per event, flat-out producer, *readers* exporter threads that do nothing."""
    with EventBus() as bus:
        handles = [bus.attach(ignore, name=f"reader {i}") for i in range(readers)]
        prepared = events(count)
        begin = time.process_time()
        for event in prepared:
            bus.publish(event)
        bus.flush(30)
        spent = time.process_time() - begin
        for handle in handles:
            row = handle.statistics()
            assert row.delivered + row.missed == count, row
        return spent / count * 1e6


async def with_subscriptions(readers: int, count: int) -> float:
    """CPU µs per event, producer and *readers* subscriptions on one loop, read in batches."""

    async def consume(subscription) -> int:
        got = 0
        while batch := await subscription.read():
            got += len(batch)
        return got

    bus = EventBus()
    tasks = [asyncio.create_task(consume(bus.subscribe())) for _ in range(readers)]
    await asyncio.sleep(0)
    prepared = events(count)
    begin = time.process_time()
    for start in range(0, count, BURST):
        for event in prepared[start : start + BURST]:
            bus.publish(event)
        await asyncio.sleep(0)
    await bus.aclose()
    got = await asyncio.gather(*tasks)
    spent = time.process_time() - begin
    assert all(n == count for n in got), got
    return spent / count * 1e6


def publishing_alone(count: int) -> float:
    """CPU µs of one `publish` with nobody reading and the ring full, so that each frees an old event."""
    bus = EventBus(capacity=1024)
    prepared = events(count)
    publish = bus.publish
    begin = time.thread_time()
    for event in prepared:
        publish(event)
    spent = time.thread_time() - begin
    bus.close()
    return spent / count * 1e6


def median(measure, rounds: int) -> float:
    values = []
    for _ in range(rounds):
        gc.collect()
        values.append(measure())
    return statistics.median(values)


def resident_mib() -> float:
    """Resident set now; where /proc is missing, its maximum so far."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory(total: int) -> None:
    """Print the resident set while *total* events pass an exporter and a subscription nobody reads."""
    bus = EventBus()
    bus.attach(ignore, name="reader")
    forgotten = bus.subscribe()
    bus.subscribe()
    step = total // 10
    for done in range(0, total + 1, step):
        if done:
            for i in range(step):
                bus.publish(RunStreamed(time=i, run_id="run", root_run_id="run", text=f"token {i}"))
        print(f"{done:>12,} events   RSS {resident_mib():7.1f} MiB")
    bus.flush(30)
    (row,) = bus.statistics().exporters
    print(f"exporter: delivered {row.delivered:,}, missed {row.missed:,}")
    print(f"subscription nobody reads: lag {forgotten.statistics().lag:,}")
    bus.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--memory", type=int, default=1_000_000, help="events; 0: no check")
    chosen = arguments.parse_args()
    count, rounds = chosen.events, chosen.rounds
    print(f"publish alone, full ring: {median(lambda: publishing_alone(count), rounds):.2f} µs/event")
    print("CPU µs/event, publishing and reading together")
    print("readers   exporter threads   subscriptions")
    for readers in READERS:
        threads = median(lambda n=readers: with_exporters(n, count), rounds)
        tasks = median(lambda n=readers: asyncio.run(with_subscriptions(n, count)), rounds)
        print(f"{readers:>7}   {threads:>16.2f}   {tasks:>13.2f}")
    if chosen.memory:
        memory(chosen.memory)


if __name__ == "__main__":
    main()
