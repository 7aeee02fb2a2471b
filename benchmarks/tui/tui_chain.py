"""Print how much a chain is slowed by the terminal UI beside it, wall and CPU, as ratios within one run.

Budget: 1.10, against a reader that does nothing: any reader has payloads turned into JSON. Of a view in
another process the CPU is that of the chain's process alone. Every figure is the least of several rounds,
the ways to watch in turn within a round, each in a process of its own. `calls` is a chain of instant models,
which does nothing but LangChain's own work; `paced` streams from a model that takes its time, as real ones
do.

    python benchmarks/tui/tui_chain.py [--rounds 3]
"""

# ruff: noqa: ASYNC110 - looks again and again
from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time

from _terminal import load, measured

WORKLOADS = ("calls", "paced")
CALLS = 800
PACED = 4
WAYS = {
    "nothing": "not observed",
    "bus": "observed, nobody looks",
    "bus+reader": "observed, a reader that does nothing",
    "bus+view": "observed, `view(bus)` in the same process",
    "log": "observed into an SQLite log",
    "log+view": "observed into an SQLite log that another process shows",
}
BESIDES = (("bus+view", "bus+reader"), ("log+view", "log"))


def chain(workload):
    """Return the chain of *workload*, and how often to call it."""
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnableLambda, RunnableParallel

    from tracebus.testing import Pacing, ScriptedChatModel

    prompt = ChatPromptTemplate.from_template("Question: {q}")
    if workload == "paced":
        pacing = Pacing(first_token=0.05, per_token=0.005)
        return prompt | ScriptedChatModel(script=["word " * 60], pacing=pacing) | StrOutputParser(), PACED
    branch = prompt | ScriptedChatModel(script=["a short answer in six words"]) | StrOutputParser()
    both = RunnableParallel(a=branch, b=branch)
    return RunnableLambda(lambda x: x) | both | RunnableLambda(str), CALLS


def work(workload, to):
    """Call the chain of *workload*, observed by the exporters *to*; return wall and CPU seconds."""
    from tracebus import observing

    runnable, times = chain(workload)

    def call(number):
        for _ in range(number):
            for _ in runnable.stream({"q": "why?"}):
                pass

    def timed():
        call(1)
        wall, core = time.perf_counter(), time.process_time()
        call(times)
        return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - core}

    if to is None:
        return timed()
    with observing(**to):
        return timed()


def once(way, workload):
    """Return the wall and CPU seconds of *workload*, watched in the *way* given."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:{folder}/events.db"
        match way:
            case "log+view":
                return measured(lambda _: asyncio.run(_beside_a_log(url, workload)))
            case "bus+view":
                return measured(lambda _: asyncio.run(_beside_a_bus(workload)))
            case _:
                return _elsewhere(way, url, workload)


def _elsewhere(way, url, workload):
    command = [sys.executable, __file__, "--work", way, "--url", url, "--workload", workload]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


async def _beside_a_log(url, workload):
    from tracebus.logs import open_log
    from tracebus_tui.feed import LogSource

    return await _beside(LogSource(open_log(url)), lambda: _elsewhere("log", url, workload))


async def _beside_a_bus(workload):
    from tracebus import EventBus
    from tracebus_tui.feed import BusSource

    bus = EventBus()
    return await _beside(BusSource(bus), lambda: work(workload, {"bus": bus}), fps=15, share=0.05)


async def _beside(source, do, **pace):
    """Return what *do*, in a thread, returns while *source* is shown."""
    from tracebus_tui._app import Watch

    app = Watch(source, **pace)
    task = asyncio.create_task(app.run_async())
    while not (getattr(app, "_runs", None) is not None and app.feed.caught_up):
        await asyncio.sleep(0.02)
    found = []
    thread = threading.Thread(target=lambda: found.append(do()))
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.05)
    seen = app.model.meters.events
    app.exit(0)
    await task
    return {**found[0], "seen": seen}


def main(rounds):
    for workload in WORKLOADS:
        best = {way: {"wall": float("inf"), "cpu": float("inf")} for way in WAYS}
        for _ in range(rounds):
            for way in WAYS:
                found = once(way, workload)
                if "failed" in found:
                    print(found["failed"])
                    return
                for what in ("wall", "cpu"):
                    best[way][what] = min(best[way][what], found[what])
        print(f"{workload}, load {load():.2f}")
        for way, says in WAYS.items():
            print(f"    {says:<56} wall {best[way]['wall']:6.3f} s  CPU {best[way]['cpu']:6.3f} s")
        for way, without in BESIDES:
            wall = best[way]["wall"] / best[without]["wall"]
            core = best[way]["cpu"] / best[without]["cpu"]
            print(f"    {f'{way} ÷ {without}':<56} wall {wall:6.2f}    CPU {core:6.2f}")
        sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work")
    parser.add_argument("--url")
    parser.add_argument("--workload")
    arguments = parser.parse_args()
    if arguments.work:
        ways = {"nothing": None, "bus": {}, "bus+reader": {"to": [len]}, "log": {"to": [arguments.url]}}
        print(json.dumps(work(arguments.workload, ways[arguments.work])))
    else:
        main(arguments.rounds)
