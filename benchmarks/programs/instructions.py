"""What watching costs in machine instructions, which are the same however busy the machine is.

    python benchmarks/programs/instructions.py [--only invoke] [--before PATH]

The workloads of `overhead.py`, and an agent of 25 tool rounds, under valgrind's callgrind (which must be
installed): what a watcher adds to the bare work, for one chain of 12 runs, one stream of 100 tokens or one
agent. With *--before*, a checkout of another commit, the bus of that is measured beside. Garbage collection
is off, and circles are not looked for; a bus without a reader, and one with a reader that does nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
WORKLOADS = {"invoke": 150, "ainvoke": 100, "abatch": 100, "stream": 15, "agent": 4}
"""How often each is done while instructions are counted: with fewer the figures wander by some per cent."""
WARM_UP = {"invoke": 400, "ainvoke": 400, "abatch": 400, "stream": 4, "agent": 46}
"""How often before that: of chains and agents 4,096 runs and more, as many ended ones as are remembered, so
that to forget one is paid for, too."""
WATCHERS = ("nothing", "empty handler", "tracebus", "tracebus, 1 reader")
SLOWER = 50
"""How many times as long everything takes under valgrind: else what waits for a time would come too often."""
_TOKENS = 100


def main() -> None:
    """Print a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--only", choices=WORKLOADS)
    options.add_argument("--before", type=Path, help="a checkout of the commit to compare with")
    options.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.child:
        return counted(*given.child)
    if shutil.which("valgrind") is None:
        return print("Not measured: instructions are counted by valgrind, which is not installed.")
    names = [given.only] if given.only else list(WORKLOADS)
    columns = [(watcher, ROOT) for watcher in WATCHERS]
    if given.before:
        columns.append(("tracebus", given.before.resolve()))
    cells = [(name, watcher, tree) for name in names for watcher, tree in columns]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(cells, pool.map(lambda cell: instructions(*cell), cells), strict=True))
    print("thousands of instructions, of one  bare   empty handler   tracebus   1 reader   before   ÷ before")
    for name in names:
        bare, *added = (counts[name, watcher, tree] / WORKLOADS[name] / 1_000 for watcher, tree in columns)
        row = f"{name:32} {bare:8,.0f}"
        row += "".join(
            f" {one - bare:+{width},.0f}" for one, width in zip(added, (14, 10, 10, 8), strict=False)
        )
        print(row + (f" {(added[1] - bare) / (added[3] - bare):10.2f}" if given.before else ""))
    return None


def instructions(name: str, watcher: str, tree: Path) -> int:
    """Return how many instructions *name* takes, watched by *watcher* as of the checkout *tree*."""
    path = os.pathsep.join(str(tree / part) for part in ("src", "exporters", "tui"))
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                *("valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out"),
                *(sys.executable, "-W", "ignore", str(HERE), "--child", name, watcher),
            ],
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "TRACEBUS_LOOPS": "off"},
            capture_output=True,
            text=True,
            check=False,
        )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        sys.exit(f"{name}, {watcher}: {done.stderr[-2_000:]}")
    return int(found[1])


def counted(name: str, watcher: str) -> None:
    """Do the work *name*, watched by *watcher*, with its instructions counted."""
    sys.path.insert(0, str(HERE.parent))
    import overhead

    sys.setswitchinterval(sys.getswitchinterval() * SLOWER)
    flush = _watched(watcher, overhead)
    do = _work(name, overhead)
    do(WARM_UP[name])
    flush()
    gc.collect()
    gc.disable()
    control = ["callgrind_control", "-i", "on", str(os.getpid())]
    subprocess.run(control, capture_output=True, check=True)
    do(WORKLOADS[name])
    flush()
    control[2] = "off"
    subprocess.run(control, capture_output=True, check=True)
    os._exit(0)  # what comes after is not of interest


def _watched(watcher: str, overhead: Any) -> Callable[[], object]:
    if watcher == "empty handler":
        overhead._empty_handler()  # noqa: SLF001  # the very same
    if not watcher.startswith("tracebus"):
        return lambda: None
    import tracebus

    bus = tracebus.EventBus()
    if watcher.endswith("reader"):
        bus.attach(lambda _batch: None, linger=0.02 * SLOWER)
    tracebus.install(bus=bus)
    return lambda: bus.flush(60)


def _work(name: str, overhead: Any) -> Callable[[int], object]:
    inputs = {"q": "why?"}
    chain = overhead._chain()  # noqa: SLF001  # the very same

    async def one_by_one(times: int) -> None:
        for _ in range(times):
            await chain.ainvoke(inputs)

    match name:
        case "invoke":
            return lambda times: [chain.invoke(inputs) for _ in range(times)]
        case "ainvoke":
            return lambda times: asyncio.run(one_by_one(times))
        case "abatch":
            return lambda times: asyncio.run(chain.abatch([inputs] * times, {"max_concurrency": 50}))
        case "stream":
            return lambda times: asyncio.run(_streams(times))
        case _:
            import long_agent

            run = long_agent.agent()
            return lambda times: [run(25) for _ in range(times)]


async def _streams(times: int) -> None:
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate

    from tracebus.testing import ScriptedChatModel

    model = ScriptedChatModel(script=["word " * _TOKENS])
    stream = ChatPromptTemplate.from_template("{q}") | model | StrOutputParser()
    for _ in range(times):
        async for _chunk in stream.astream({"q": "why?"}):
            pass


if __name__ == "__main__":
    main()
