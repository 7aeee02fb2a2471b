"""Print what the terminal UI's frames and events cost, at 100,000 rows and three sizes of the terminal.

CPU time of the drawing thread, the least or the median of several. Budgets: a frame with all rows dirty
12 ms, a row added 25 ms, a token 2 us, a start or an end 6 us on average, the first paint 0.5 s after import.

    python benchmarks/tui/tui_frames.py [rows]
"""

# ruff: noqa: SLF001, ASYNC110 - measures the inside, by looking again and again
from __future__ import annotations

import asyncio
import gc
import itertools
import statistics
import sys
import time
from pathlib import Path

from _terminal import measured, show
from _traffic import run, standing, token

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
SIZES = ((120, 36), (200, 60), (300, 100))
TIMES = 20


def folding(_keyboard):
    """Measure events alone: the least of several, without a screen."""
    from tracebus.tree import RunTree
    from tracebus_tui.model import Runs

    gc.set_threshold(10_000, 5, 1000)  # as the viewer does
    events = standing(ROWS)
    tokens = [token(f"{n}m", str(n)) for n in range(5000) for _ in range(10)]
    began = time.thread_time()
    RunTree().apply(events[6])
    results = {"loading the price list, ms, once": (time.thread_time() - began) * 1e3}
    starts, chunks, tree = [], [], []
    for _ in range(3):
        gc.collect()
        alone = RunTree(max_roots=ROWS)
        tree.append(_each(lambda event, apply=alone.apply: apply(event), events, one_by_one=True))
        del alone
        gc.collect()
        model = Runs(max_roots=ROWS, max_runs=2 * ROWS)
        starts.append(_each(model.apply, events))
        chunks.append(_each(model.apply, tokens))
    results["start or end, us"] = min(starts)
    results["start or end in the run tree alone, us"] = min(tree)
    results["token, us"] = min(chunks)
    return results


def frames(_keyboard):
    """Measure single frames on the terminal this process has."""
    began = time.thread_time()
    from tracebus_tui._app import Watch
    from tracebus_tui.feed import ListSource

    results = {"import of the view, CPU s": time.thread_time() - began}
    gc.set_threshold(10_000, 5, 1000)

    events = standing(ROWS)
    held = _resident()

    async def main():
        began, core = time.perf_counter(), time.process_time()
        app = Watch(ListSource(events), fps=2)  # so that none comes between
        app.model._max_runs = ROWS * 2
        app.model.runs._roots._limit = ROWS
        app.model.tidy = lambda _: None  # nothing folds: there are that many rows
        task = asyncio.create_task(app.run_async())
        while not app.painted:
            await asyncio.sleep(0.002)
        results["first paint of runs after that, s"] = time.perf_counter() - began
        results["first paint of runs after that, CPU s"] = time.process_time() - core
        while app.feed.backlog or not app.feed.caught_up:
            app.frame()
            await asyncio.sleep(0)
        await asyncio.sleep(1.5)  # the frames that come after events have come
        gc.collect()
        gc.freeze()
        results["rows"] = len(app.view.rows)
        results["memory beyond the events, MB"] = _resident() - held
        results.update(await _idle(app))
        before = time.thread_time()
        app.view.set_filter("kind:chat_model tokens:>100")
        results["a filter over all rows, ms"] = (time.thread_time() - before) * 1e3
        app.view.set_filter("")
        app._follow = False
        app.view.move_to(50)
        await _single_frames(app, results)
        app.exit(0)
        await task

    asyncio.run(main())
    return results


def _resident():
    """Return this process's memory in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


async def _idle(app):
    painted, before, began = app.painted, time.thread_time(), time.perf_counter()
    await asyncio.sleep(2)
    lasted = time.perf_counter() - began
    return {
        "idle: frames painted": app.painted - painted,
        "idle: share of a core, %": (time.thread_time() - before) / lasted * 100,
    }


async def _single_frames(app, results):
    counter = itertools.count()

    def dirty():
        for row in app.view.rows.window(app._runs.top, 200):
            row.item.known_generation += 1
            row.item.last_at += 1
            app.view.pins[row.item.run_id] = None
            if next(counter) % 2:
                app.view.pins.clear()
        app._runs.forget()

    def add_last():
        app.model.apply(run(f"added{next(counter)}"))

    def fold_first():
        first = app.view.rows.at(0)
        app.view.rows.set_open(first, not first.open)
        app.view.move_to(len(app.view.rows) - 20)

    for name, action in (
        (f"frame, all {app._runs.page} rows dirty, ms", dirty),
        ("one run (4 rows) added at the end, ms", add_last),
        ("first row folded while at the end, ms", fold_first),
    ):
        results[name] = statistics.median([await _painted(app, action) for _ in range(TIMES)]) * 1e3


async def _painted(app, action):
    """Return the CPU seconds of *action* until its lines are on the terminal; polling costs 0.2 ms of it."""
    await asyncio.sleep(0.05)
    before = time.thread_time()
    action()
    app._runs.frame(time.time_ns(), 0, to_end=False)
    await asyncio.sleep(0.08)
    return time.thread_time() - before


def _each(apply, events, *, one_by_one=False):
    before = time.thread_time()
    if one_by_one:
        for event in events:
            apply(event)
    else:
        apply(events)
    return (time.thread_time() - before) / len(events) * 1e6


if __name__ == "__main__":
    show(f"{ROWS:,} rows, events alone", measured(folding))
    for columns, rows in SIZES:
        show(f"{ROWS:,} rows at {columns} by {rows}", measured(frames, columns=columns, rows=rows))
