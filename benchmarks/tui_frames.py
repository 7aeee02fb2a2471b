"""Print what the terminal UI costs at 100,000 rows, on a pseudo-terminal of 120 by 36.

CPU time of the drawing thread where a wall clock would only measure the neighbours. Budgets: a frame with
all rows dirty 12 ms, a row added 25 ms, a token 2 us, a start or an end 6 us, 30 frames a second at
100,000 events a second from a bus and 50,000 from another process, key to paint 50 ms at the 99th percentile.

    python benchmarks/tui_frames.py [rows] [seconds]
"""

# ruff: noqa: SLF001, RUF012, ASYNC110, D102 - measures the inside, by looking again and again
from __future__ import annotations

import asyncio
import fcntl
import gc
import itertools
import json
import os
import pty
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

from tracebus.bus import EventBus
from tracebus.events import ModelInfo, Outcome, RunEnded, RunKind, RunStarted, RunStreamed, TokenUsage
from tracebus.logs import open_log

_numbers = [float(argument) for argument in sys.argv[1:] if argument.replace(".", "").isdigit()]
ROWS = int(_numbers[0]) if _numbers else 100_000
SECONDS = _numbers[1] if len(_numbers) > 1 else 4.0
MODEL = ModelInfo(provider="openai", name="gpt-4o-mini")
USAGE = TokenUsage(input_tokens=900, output_tokens=60, total_tokens=960)
LIVE = 1000
TOKENS = 60


def start(run_id, parent, root, kind=RunKind.CHAIN, **more):
    ids = {"run_id": run_id, "parent_run_id": parent, "root_run_id": root}
    return RunStarted(time=time.time_ns(), kind=kind, name=f"{kind}-{run_id}", **ids, **more)


def end(run_id, parent, root, **more):
    ids = {"run_id": run_id, "parent_run_id": parent, "root_run_id": root}
    return RunEnded(time=time.time_ns(), outcome=Outcome.OK, **ids, **more)


def run(number):
    """Yield one run's events: a root, a prompt, a retriever and a model that says 60 tokens."""
    root, prompt, found, model = (f"{number}{part}" for part in ("", "p", "r", "m"))
    yield start(root, None, root)
    yield start(prompt, root, root, RunKind.PROMPT)
    yield end(prompt, root, root)
    yield start(found, root, root, RunKind.RETRIEVER)
    yield end(found, root, root)
    yield start(model, root, root, RunKind.CHAT_MODEL, model=MODEL)
    for _ in range(TOKENS):
        yield RunStreamed(
            time=time.time_ns(), run_id=model, parent_run_id=root, root_run_id=root, text="token "
        )
    yield end(model, root, root, usage=USAGE, model=MODEL)
    yield end(root, None, root)


def mixed(first=0):
    """Yield the events of `LIVE` runs at a time, for ever."""
    numbers = itertools.count(first)
    lanes = [run(f"m{next(numbers)}") for _ in range(LIVE)]
    while True:
        for place, lane in enumerate(lanes):
            event = next(lane, None)
            if event is None:
                lanes[place] = run(f"m{next(numbers)}")
            else:
                yield event


def standing(rows):
    """Return the events of ended runs that make *rows* rows."""
    return [
        event for number in range(rows // 4) for event in run(number) if not isinstance(event, RunStreamed)
    ]


def produce(publish, rate, seconds, batch=200):
    """Give *rate* mixed events a second in batches."""
    events = mixed(10_000_000)
    due = time.perf_counter()
    until = due + seconds
    made = 0
    while time.perf_counter() < until:
        publish([next(events) for _ in range(batch)])
        made += batch
        due += batch / rate
        if (wait := due - time.perf_counter()) > 0:
            time.sleep(wait)
    return made / seconds


def write_log(url, rate, seconds):
    """Write to a log from another process."""
    log = open_log(url)
    produce(log.append, rate, seconds, batch=1000)
    log.close()


class Measured:
    """Runs the application and notes how long things take."""

    def __init__(self, source, *, fps=30):
        from tracebus_tui._app import Watch

        class Timed(Watch):
            cpu: list[float] = []
            at: list[float] = []

            def frame(self):
                before = time.thread_time()
                super().frame()
                self.at.append(time.perf_counter())
                self.cpu.append(time.thread_time() - before)

        self.app = Timed(source, fps=fps)

    async def settle(self, until):
        deadline = time.monotonic() + 60
        while not until() and time.monotonic() < deadline:
            await asyncio.sleep(0.02)


async def painted(app, action):
    """Return the CPU seconds of *action* until its lines are on the terminal; polling costs 0.2 ms of it."""
    await asyncio.sleep(0.05)
    before = time.thread_time()
    action()
    app._runs.frame(time.time_ns(), 0, to_end=False)
    await asyncio.sleep(0.08)
    return time.thread_time() - before


async def frames(results):
    """Measure single frames at `ROWS` rows."""
    gc.set_threshold(100_000, 50, 100)  # as the viewer does
    from tracebus_tui.feed import ListSource

    events = standing(ROWS)
    measured = Measured(ListSource(events), fps=1)
    app = measured.app
    app.model._max_runs = ROWS * 2
    app.model.runs._roots._limit = ROWS
    began = time.perf_counter()
    task = asyncio.create_task(app.run_async())
    await measured.settle(lambda: getattr(app, "_runs", None) is not None)
    results["first paint after import, s"] = time.perf_counter() - began
    app.model.tidy = lambda _: None
    before = time.thread_time()
    app.model.apply(events)
    results["start or end, us"] = (time.thread_time() - before) / len(events) * 1e6
    tokens = [
        RunStreamed(
            time=time.time_ns(), run_id=f"{n}m", parent_run_id=str(n), root_run_id=str(n), text="token "
        )
        for n in range(5000)
        for _ in range(10)
    ]
    before = time.thread_time()
    app.model.apply(tokens)
    results["token, us"] = (time.thread_time() - before) / len(tokens) * 1e6
    results["rows"] = len(app.view.rows)
    gc.collect()
    gc.freeze()
    app._follow = False
    app.view.move_to(50)
    counter = itertools.count()

    def dirty():
        for row in app.view.rows.window(app._runs.top, 40):
            row.item.generation += 1
            row.item.last_at += 1
            app.view.pins[row.item.run_id] = None
            if next(counter) % 2:
                app.view.pins.clear()
        app._runs.forget()

    def add_first():
        app.model.apply(run(f"added{next(counter)}"))

    samples = [await painted(app, dirty) for _ in range(30)]
    results["frame, all rows dirty, ms"] = statistics.median(samples) * 1e3
    samples = [await painted(app, add_first) for _ in range(30)]
    results["one run (4 rows) added at the end, ms"] = statistics.median(samples) * 1e3
    first = app.view.rows.at(0)

    def fold_first():
        app.view.rows.set_open(first, not first.open)
        app.view.move_to(len(app.view.rows) - 20)

    samples = [await painted(app, fold_first) for _ in range(30)]
    results["first row folded while at the end, ms"] = statistics.median(samples) * 1e3
    app.exit(0)
    await task


async def sustained(results, name, source, begin):
    """Measure frames a second and key latency while events pour in."""
    measured = Measured(source)
    app = measured.app
    task = asyncio.create_task(app.run_async())
    await measured.settle(lambda: getattr(app, "_runs", None) is not None and app.feed.caught_up)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    finish = begin()
    await asyncio.sleep(0.5)
    app.cpu.clear()
    app.at.clear()
    events_before, began, cpu = app.model.meters.events, time.perf_counter(), time.thread_time()
    waits = []
    while time.perf_counter() - began < SECONDS:
        at = time.perf_counter()
        app.action_move(-1)
        seen = app.painted
        while app.painted == seen and time.perf_counter() - at < 1:
            await asyncio.sleep(0.002)
        waits.append(time.perf_counter() - at)
        app._follow = True
        await asyncio.sleep(0.05)
    lasted = time.perf_counter() - began
    applied = app.model.meters.events - events_before
    results[name] = {
        "frames/s": len(app.at) / lasted,
        "events/s applied": applied / lasted,
        "missed": app.model.runs.missed,
        "backlog": app.feed.backlog,
        "rows": len(app.view.rows),
        "core": (time.thread_time() - cpu) / lasted,
        "frame ms p50": statistics.median(app.cpu) * 1e3,
        "key to paint p99 ms": sorted(waits)[int(len(waits) * 0.99)] * 1e3,
    }
    finish()
    app.exit(0)
    await task


def from_bus(results, rate):
    from tracebus_tui.feed import BusSource

    bus = EventBus()

    def begin():
        def publish(events):
            for event in events:
                bus.publish(event)

        thread = threading.Thread(target=produce, args=(publish, rate, SECONDS + 2), daemon=True)
        thread.start()
        return lambda: None

    asyncio.run(sustained(results, f"bus, {rate:,} events/s asked", BusSource(bus), begin))


def from_process(results, rate, url):
    from tracebus_tui.feed import LogSource

    def begin():
        process = subprocess.Popen([sys.executable, __file__, "write", url, str(rate), str(SECONDS + 3)])
        time.sleep(1.5)
        return process.terminate

    name = f"other process ({url.partition(':')[0]}), {rate:,} events/s asked"
    asyncio.run(sustained(results, name, LogSource(open_log(url)), begin))


def inside(path):
    """Measure, and write the results where the parent finds them."""
    results = {}
    folder = tempfile.mkdtemp()
    parts = (
        lambda: asyncio.run(frames(results)),
        lambda: from_bus(results, 100_000),
        lambda: from_process(results, 50_000, f"jsonl:{folder}/events.jsonl"),
        lambda: from_process(results, 50_000, f"sqlite:{folder}/events.db"),  # its writer is slower than that
    )
    for part in parts:
        try:
            part()
        except Exception as error:  # noqa: BLE001 - a part that fails is a result too
            results[f"failed: {error!r}"] = 0
        Path(path).write_text(json.dumps(results))


def main():
    path = tempfile.mktemp()
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.environ.pop("NO_COLOR", None)
        inside(path)
        os._exit(0)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    written = 0
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        written += len(piece)
    os.waitpid(child, 0)
    for name, value in json.loads(Path(path).read_text()).items():
        if isinstance(value, dict):
            print(name)
            for inner, number in value.items():
                print(f"    {inner:<36} {number:12,.2f}")
        else:
            print(f"{name:<40} {value:12,.2f}")
    print(f"{'bytes drawn':<40} {written:12,}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write_log(sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
    else:
        main()
