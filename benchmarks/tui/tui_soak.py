"""Print how the terminal UI holds out: minutes of events far beyond what it keeps, memory and frames by part.

Budget: memory bounded by the stated limits (10,000 roots, 200,000 runs, 256 million characters), frames as
many at the end as at the beginning, nothing missed, the pauses for making room short.

    python benchmarks/tui/tui_soak.py [seconds] [events a second]
"""

# ruff: noqa: ASYNC110 - looks again and again
from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from pathlib import Path

from _terminal import load, measured
from _traffic import produce

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
RATE = float(sys.argv[2]) if len(sys.argv) > 2 else 50_000.0
PARTS = 6


def resident():
    """Return this process's memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def soak(_keyboard):
    """Watch a bus that is never quiet; return what was seen, part by part."""
    from tracebus.bus import EventBus
    from tracebus_tui._app import Watch
    from tracebus_tui.feed import BusSource

    took = []

    class Timed(Watch):
        """Notes what every frame took."""

        def frame(self):
            before = time.thread_time()
            super().frame()
            took.append(time.thread_time() - before)

    bus = EventBus()

    def publish(events):
        for event in events:
            bus.publish(event)

    async def main():
        app = Timed(BusSource(bus))
        task = asyncio.create_task(app.run_async())
        while getattr(app, "_runs", None) is None:
            await asyncio.sleep(0.02)
        gc.freeze()
        gc.set_threshold(10_000, 5, 1000)
        threading.Thread(target=produce, args=(publish, RATE, SECONDS + 2), daemon=True).start()
        parts = []
        for _ in range(PARTS):
            took.clear()
            painted, events, began = app.painted, app.model.meters.events, time.perf_counter()
            core = time.thread_time()
            await asyncio.sleep(SECONDS / PARTS)
            lasted = time.perf_counter() - began
            parts.append(
                {
                    "MB": resident(),
                    "frames/s": (app.painted - painted) / lasted,
                    "p99 ms": sorted(took)[int(len(took) * 0.99)] * 1e3,
                    "worst ms": max(took) * 1e3,
                    "core": (time.thread_time() - core) / lasted,
                    "events/s": (app.model.meters.events - events) / lasted,
                    "missed": app.model.runs.missed,
                    "roots": len(app.model.runs.roots),
                    "runs": len(app.model.runs),
                    "left": app.model.forgotten,
                }
            )
        app.exit(0)
        await task
        return {"parts": parts}

    return asyncio.run(main())


def main():
    print(f"{SECONDS:.0f} s, {RATE:,.0f} events a second asked, load {load():.2f} before")
    results = measured(soak)
    if "failed" in results:
        print(results["failed"])
        return
    for number, part in enumerate(results["parts"]):
        if number == 0:
            print("".join(f"{name:>10}" for name in part))
        print("".join(f"{value:10,.0f}" if value >= 100 else f"{value:10,.2f}" for value in part.values()))


if __name__ == "__main__":
    main()
