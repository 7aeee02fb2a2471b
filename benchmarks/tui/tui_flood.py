"""Print how the terminal UI keeps up while events pour in: from a bus, and from another process by each log.

Budgets: 30 frames a second at 100,000 events a second from a bus and at 50,000 from another process, nothing
missed, from a key to the picture 50 ms at the 99th percentile. Keys are typed on the terminal and the
pictures read from it. Frames a second are wall-clock: believe them where the load beside is low.

    python benchmarks/tui/tui_flood.py [bus|jsonl|sqlite|redis|wide]… [--seconds N]
"""

# ruff: noqa: SLF001, ASYNC110 - measures the inside, by looking again and again
from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from _terminal import load, measured, show
from _traffic import produce

from tracebus.bus import EventBus
from tracebus.logs import open_log

BUS_RATE = 100_000
LOG_RATE = 50_000
KEY_EVERY = 0.11


def watched(source, begin, seconds, *, settled=1.5):
    """Return what there is to measure while *source* is watched and *begin* makes events.

    *begin* returns a function that stops it. The first *settled* seconds do not count.
    """

    def measure(keyboard):
        return asyncio.run(_watch(keyboard, source(), begin, seconds, settled))

    return measure


async def _watch(keyboard, source, begin, seconds, settled):
    from tracebus_tui._app import Watch

    class Noting(Watch):
        """Notes what every frame took, and which frame shows the effect of a key."""

        moved = noted = 0
        took: list[float] = []  # noqa: RUF012 - there is one
        ladder: list[float] = []  # noqa: RUF012 - likewise

        def action_move(self, lines):
            super().action_move(lines)
            self.moved += 1

        def frame(self):
            painted, before = self.painted, time.thread_time()
            super().frame()
            self.took.append(time.thread_time() - before)
            self.ladder.append(self._frames.pace.fps)
            if self.painted > painted and self.noted < self.moved:
                self.noted = self.moved
                keyboard.shown(self.moved)

    app = Noting(source)
    task = asyncio.create_task(app.run_async())
    while not (getattr(app, "_runs", None) is not None and app.feed.caught_up):
        await asyncio.sleep(0.02)
    keyboard.watch(app)
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 5, 1000)
    finish = begin()
    await asyncio.sleep(settled)
    app.took.clear()
    app.ladder.clear()
    painted, events, core = app.painted, app.model.meters.events, time.thread_time()
    whole, began = time.process_time(), time.perf_counter()
    number = app.moved
    backlog = 0
    while time.perf_counter() - began < seconds:
        number += 1
        keyboard.type(number, b"k")
        await asyncio.sleep(KEY_EVERY / 2)
        app._follow = True
        backlog = max(backlog, app.feed.backlog)
        await asyncio.sleep(KEY_EVERY / 2)
    lasted = time.perf_counter() - began
    results = {
        "frames painted/s": (app.painted - painted) / lasted,
        "events/s applied": (app.model.meters.events - events) / lasted,
        "events missed": app.model.runs.missed,
        "most events waiting": backlog,
        "fewest frames/s chosen": min(app.ladder),
        "drawing thread, share of a core": (time.thread_time() - core) / lasted,
        "whole process, share of a core": (time.process_time() - whole) / lasted,
        "frame p50, CPU ms": statistics.median(app.took) * 1e3,
        "frame p99, CPU ms": sorted(app.took)[int(len(app.took) * 0.99)] * 1e3,
        "rows": len(app.view.rows),
    }
    results |= finish() or {}
    app.exit(0)
    await task
    return results


def from_bus(seconds):
    """Return what to measure on a bus of the same process."""
    from tracebus_tui.feed import BusSource

    bus = EventBus()
    made = []

    def publish(events):
        for event in events:
            bus.publish(event)

    def begin():
        thread = threading.Thread(
            target=lambda: made.append(produce(publish, BUS_RATE, seconds + 2)), daemon=True
        )
        thread.start()
        return lambda: None

    return watched(lambda: BusSource(bus), begin, seconds)


def from_process(url, seconds):
    """Return what to measure on a log that another process writes to."""
    from tracebus_tui.feed import LogSource

    def begin():
        command = [sys.executable, __file__, "--write", url, "--seconds", str(seconds + 4)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

        def finish():
            process.terminate()
            process.wait(10)

        return finish

    return watched(lambda: LogSource(open_log(url)), begin, seconds, settled=3.0)


def write(url, seconds):
    """Write to the log at *url*."""
    log = open_log(url)
    produce(log.append, LOG_RATE, seconds, batch=1000)
    log.close()


@contextlib.contextmanager
def redis_server():
    """Run a server of our own on a free loopback port; yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
        server = subprocess.Popen(
            [*command, "--save", "", "--appendonly", "yes"], stdout=subprocess.PIPE, text=True
        )
        try:
            for line in server.stdout:
                if "Ready to accept connections" in line:
                    break
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait(10)


def main(parts, seconds):
    with tempfile.TemporaryDirectory() as folder:
        if "bus" in parts:
            report(f"bus, {BUS_RATE:,} events/s asked", from_bus(seconds))
        if "wide" in parts:
            report(f"bus, {BUS_RATE:,} events/s asked, 200 by 60", from_bus(seconds), columns=200, rows=60)
        for name in ("jsonl", "sqlite"):
            if name in parts:
                report(
                    f"other process by {name}, {LOG_RATE:,} events/s asked",
                    from_process(f"{name}:{folder}/events.{name}", seconds),
                )
        if "redis" not in parts:
            return
        if shutil.which("redis-server") is None:
            print("redis: not measured, there is no redis-server on this machine")
            return
        with redis_server() as url:
            report(f"other process by redis, {LOG_RATE:,} events/s asked", from_process(url, seconds))


def report(name, measure, **size):
    """Print what was measured, and what else the machine had to do."""
    before = load()
    results = measured(measure, **size)
    show(name, results | {"load before": before})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["bus", "wide", "jsonl", "sqlite", "redis"])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--write")
    arguments = parser.parse_args()
    if arguments.write:
        write(arguments.write, arguments.seconds)
    else:
        main(arguments.parts, arguments.seconds)
