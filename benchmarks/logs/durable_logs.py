"""What the durable logs cost: events a second, bytes an event, milliseconds to find and to see a run.

Usage: python benchmarks/logs/durable_logs.py [sqlite|jsonl|redis|runs|latency]…  [--events N]

Redis is measured where `redis-server` is installed; a server of its own is started on a free
loopback port, with an append-only file as a careful operator has it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from msgspec.structs import replace
from redis import Redis

from tracebus.bus import EventBus
from tracebus.events import Gap, ModelInfo, Outcome, RunEnded, RunKind, RunStarted, RunStreamed, TokenUsage
from tracebus.logs import RunQuery, open_log
from tracebus.tree import RunTree
from tracebus_exporters.jsonl import JsonlLog
from tracebus_exporters.sqlite import SqliteLog

BATCH = 512
COMMAND = "from tracebus.cli import main; main()"
EVENTS_A_RUN = 50


def events(count, start=0):
    """Yield *count* events of runs as they are: a chain, a chat model below it, 46 tokens."""
    for number in range(start, start + count // EVENTS_A_RUN):
        root, model = f"01a1fd23-d062-7486-98a4-{number:012x}", f"01a1fd23-d062-7486-98a5-{number:012x}"
        now = time.time_ns()
        below = {"run_id": model, "parent_run_id": root, "root_run_id": root}
        messages = {
            "messages": [{"type": "human", "content": "How do I get from the Old Square to the harbour?"}]
        }
        yield RunStarted(
            time=now,
            run_id=root,
            root_run_id=root,
            kind=RunKind.CHAIN,
            name=f"chain{number % 10}",
            tags=("production",),
            metadata={"thread_id": str(number % 100)},
            inputs={"question": "How do I get from the Old Square to the harbour?"},
        )
        yield RunStarted(time=now + 1, kind=RunKind.CHAT_MODEL, name="ChatModel", inputs=messages, **below)
        for token in range(EVENTS_A_RUN - 4):
            yield RunStreamed(time=now + 2 + token, text=" token", **below)
        answer = {"messages": [{"type": "ai", "content": " token" * 46}]}
        usage = TokenUsage(input_tokens=120, output_tokens=46, total_tokens=166)
        yield RunEnded(
            time=now + 10**9,
            outcome=Outcome.OK,
            outputs=answer,
            usage=usage,
            model=ModelInfo(name=f"model-{number % 3}"),
            **below,
        )
        yield RunEnded(
            time=now + 10**9 + 1, run_id=root, root_run_id=root, outcome=Outcome.OK, outputs=" token" * 46
        )


def batches(count, start=0):
    batch = []
    for event in events(count, start):
        batch.append(event)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def line(name, *values):
    print(f"{name:<46}" + "  ".join(f"{value:>20}" for value in values), flush=True)


def rate(count, seconds):
    return f"{count / seconds:,.0f} ev/s"


def size_of(folder):
    return sum(file.stat().st_size for file in folder.iterdir())


def measure_append(name, log, count):
    """Append *count* prepared events in batches of 512 and print wall and CPU rates."""
    prepared = list(batches(count))
    wall, cpu = time.perf_counter(), time.process_time()
    for batch in prepared:
        log.export(batch)
    log.flush(60)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    line(f"{name}: append, batches of {BATCH}", rate(count, wall), f"{cpu / count * 1e6:.1f} µs CPU/ev")


def measure_read(name, log):
    begin, count, after = time.perf_counter(), 0, 0
    while page := log.read(after, 1000):
        count += len(page)
        after = page[-1].seq
    line(f"{name}: read all", rate(count, time.perf_counter() - begin))


def files(count):
    for name, make in (("sqlite", SqliteLog), ("jsonl", JsonlLog)):
        if name not in CHOSEN:
            continue
        with tempfile.TemporaryDirectory() as folder, contextlib.closing(make(Path(folder) / "log")) as log:
            measure_append(name, log, count)
            line(f"{name}: size on disk", f"{size_of(Path(folder)) / count:.0f} bytes/ev")
            measure_read(name, log)
            if name == "sqlite":
                measure_while_read(log, count)


def measure_while_read(log, count):
    """The same with two readers that read everything over and over: neither side waits for the other."""
    stop, slowest, pages = threading.Event(), [0.0], [0]

    def read_on():
        reader = SqliteLog(log.path)
        after = 0
        while not stop.is_set():
            begin = time.perf_counter()
            page = reader.read(after, 1000)
            slowest[0] = max(slowest[0], time.perf_counter() - begin)
            pages[0] += 1
            after = page[-1].seq if page else 0
        reader.close()

    process = multiprocessing.get_context("spawn").Process(
        target=append_elsewhere, args=(str(log.path), count)
    )
    process.start()
    reader = threading.Thread(target=read_on)
    reader.start()
    process.join()
    stop.set()
    reader.join()
    line(
        "sqlite: a reader meanwhile, in another process",
        f"{pages[0]} pages",
        f"slowest {slowest[0] * 1e3:.0f} ms/page",
    )


def append_elsewhere(path, count):
    with contextlib.closing(SqliteLog(Path(path))) as log:
        prepared = list(batches(count, start=10_000_000))
        begin = time.perf_counter()
        for batch in prepared:
            log.export(batch)
        line("sqlite: append while it is read", rate(count, time.perf_counter() - begin))


def runs(count=1_000_000):
    """`tracebus runs` on a million stored events, as a command and as a call."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(SqliteLog(Path(folder) / "log.db")) as log,
    ):
        begin = time.perf_counter()
        for batch in batches(count):
            log.append(batch)
        line(f"sqlite: {count:,} events written", rate(count, time.perf_counter() - begin))
        line("sqlite: size on disk", f"{size_of(Path(folder)) / count:.0f} bytes/ev")
        for options in (
            [],
            ["--status", "error"],
            ["--name", "chain7", "--min-tokens", "100", "--max-duration", "2s"],
            ["--tag", "production", "--model", "model-2"],
            ["--thread", "42"],
            ["--all", "--kind", "chat_model"],
        ):
            command = [sys.executable, "-c", COMMAND, "runs", f"sqlite:{log.path}", *options]
            line(f"tracebus runs {' '.join(options)}"[:46], f"{fastest(command):.0f} ms, whole process")
        begin = time.perf_counter()
        log.runs(RunQuery())
        line("log.runs(RunQuery()), a call", f"{(time.perf_counter() - begin) * 1e3:.1f} ms")


def fastest(command, times=5):
    """Return the milliseconds of the fastest of some runs of *command*."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found.append(time.perf_counter() - begin)
    return min(found) * 1e3


@contextlib.contextmanager
def redis_server():
    """Start a server of our own and end it by its process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [
                *("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder),
                *("--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        while "Ready to accept connections" not in server.stdout.readline():
            pass
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.communicate()


def redis(count):
    if shutil.which("redis-server") is None:
        print("redis: not measured, there is no redis-server on this machine")
        return
    with redis_server() as url, contextlib.closing(open_log(url)) as log:
        measure_append("redis", log, count)
        with Redis.from_url(url) as client:
            used = client.info("memory")["used_memory_dataset"]
        line("redis: memory", f"{used / count:.0f} bytes/ev")
        measure_read("redis", log)


def follow_and_time(url, pipe, wanted):
    """In another process: how old each event is when a viewer has folded it and could paint its row."""

    async def main():
        tree, ages = RunTree(), []
        for event in events(EVENTS_A_RUN):
            tree.apply(event)  # loads the price table, which takes half a second once
        log = open_log(url)
        stream = log.follow(after=0)
        pipe.send("ready")
        async for event in stream:
            tree.apply(event)
            if not isinstance(event, Gap):
                ages.append(time.time_ns() - event.time)
            if len(ages) == wanted:
                break
        await stream.aclose()
        pipe.send(ages)

    asyncio.run(main())


def latency(per_second=5000, seconds=6):
    """From `bus.publish` here to the folded row in another process, at a steady rate."""
    urls = [f"sqlite:{tempfile.mkdtemp()}/log.db"]
    with contextlib.ExitStack() as stack:
        if shutil.which("redis-server"):
            urls.append(stack.enter_context(redis_server()))
        for url in urls:
            ages = sorted(measured_ages(url, per_second, per_second * seconds))
            line(
                f"{url.partition(':')[0]}: publish to folded elsewhere, {per_second}/s",
                *(f"p{share} {ages[int(len(ages) * share / 100)] / 1e6:.0f} ms" for share in (50, 99)),
            )


def measured_ages(url, per_second, count):
    here, there = multiprocessing.Pipe()
    viewer = multiprocessing.get_context("spawn").Process(target=follow_and_time, args=(url, there, count))
    viewer.start()
    here.recv()
    bus = EventBus()
    bus.attach(open_log(url))
    prepared = list(events(count))
    step = max(1, per_second // 200)
    begin = time.perf_counter()
    for number in range(0, count, step):
        pause = begin + number / per_second - time.perf_counter()
        if pause > 0:
            time.sleep(pause)
        for event in prepared[number : number + step]:
            bus.publish(stamped(event))
    bus.flush(30)
    ages = here.recv()
    viewer.join()
    bus.close()
    return ages


def stamped(event):
    """Return *event* as happening now."""
    return replace(event, time=time.time_ns())


ALL = ("sqlite", "jsonl", "redis", "runs", "latency")
CHOSEN = ALL

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="*", help=f"of {', '.join(ALL)}; all by default")
    parser.add_argument("--events", type=int, default=200_000)
    given = parser.parse_args()
    CHOSEN = tuple(given.what) or ALL
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    files(given.events)
    if "redis" in CHOSEN:
        redis(given.events)
    if "runs" in CHOSEN:
        runs()
    if "latency" in CHOSEN:
        latency()
