"""What watching costs: whole-process CPU of the same work with nothing, with an empty handler, with us.

    python benchmarks/programs/overhead.py [--rounds 5] [--only stream]

Every figure is measured in a process of its own, the watchers in turn within each round, and given
as the least CPU time of all rounds (user and system, all threads, imports and a warm-up left out).
The last column is the ratio that matters: what a watcher adds to the bare work, against what an empty
inline callback handler adds. Peers are measured where they are installed in this environment.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.util
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PEERS = {
    "openinference": "openinference.instrumentation.langchain",
    "genai-langchain": "opentelemetry.instrumentation.genai.langchain",
    "traceloop": "opentelemetry.instrumentation.langchain",
    "langfuse": "langfuse",
}
WORKLOADS = ("invoke", "ainvoke", "abatch", "stream")


def _chain() -> Any:
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnableLambda, RunnableParallel

    from tracebus.testing import ScriptedChatModel

    model = ScriptedChatModel(script=["a short answer in six words"])
    prompt = ChatPromptTemplate.from_template("Question: {q}")
    branch = prompt | model | StrOutputParser()
    return RunnableLambda(lambda x: x) | RunnableParallel(a=branch, b=branch) | RunnableLambda(str)


def _stream() -> Any:
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate

    from tracebus.testing import ScriptedChatModel

    model = ScriptedChatModel(script=["word " * 2_000])
    return ChatPromptTemplate.from_template("{q}") | model | StrOutputParser()


def work(name: str) -> Callable[[], None]:
    """Return the workload as a function that does it once, so many runs of a chain."""
    inputs = {"q": "why?"}
    match name:
        case "invoke":
            chain = _chain()
            return lambda: [chain.invoke(inputs) for _ in range(100)] and None
        case "ainvoke":
            chain = _chain()

            async def one_by_one() -> None:
                for _ in range(100):
                    await chain.ainvoke(inputs)

            return lambda: asyncio.run(one_by_one())
        case "abatch":
            chain = _chain()
            config = {"max_concurrency": 50}
            return lambda: asyncio.run(chain.abatch([inputs] * 100, config)) and None
        case _:
            chain = _stream()

            async def consume() -> None:
                async for _ in chain.astream(inputs):
                    pass

            return lambda: asyncio.run(consume())


def watch(name: str) -> Callable[[], None]:
    """Have the process watched by *name*; return what ends the watching."""
    match name:
        case "nothing":
            return lambda: None
        case "empty handler":
            return _empty_handler()
        case "tracebus":
            return _tracebus()
        case _ if name in OURS:
            return OURS[name]()
        case "langfuse":
            return _langfuse()
        case _:
            return _instrumented(PEERS[name])


def _empty_handler() -> Callable[[], None]:
    from langchain_core.callbacks import BaseCallbackHandler

    class Empty(BaseCallbackHandler):
        run_inline = True

    _configure(Empty())
    return lambda: None


def _configure(handler: Any) -> None:
    """Have LangChain add *handler* to every run of the process."""
    from contextvars import ContextVar

    from langchain_core.tracers.context import register_configure_hook

    register_configure_hook(ContextVar("watcher", default=handler), inheritable=True)  # one for all


def _unwatched() -> Callable[[], None]:
    """Look for no circles."""
    os.environ["TRACEBUS_LOOPS"] = "off"
    return _tracebus(lambda _batch: None)


def _all_three() -> Callable[[], None]:
    """Keep one run in a hundred for the one reader, look for circles, watch a budget of everything."""
    from tracebus import Budget, keep

    budget = Budget(cost=1_000.0, tokens=10**9, seconds=3_600, model_calls=10**9)
    return _tracebus(keep(lambda _batch: None, errors=True, slower_than=60, share=0.01), budget=budget)


def _tracebus(*exporters: Any, budget: Any = None) -> Callable[[], None]:
    import tracebus

    bus = tracebus.EventBus()
    for exporter in exporters:
        bus.attach(exporter)
    tracebus.install(bus=bus, budget=budget)

    def end() -> None:
        tracebus.uninstall()
        bus.close()
        assert bus.statistics().published > 100
        assert bus.statistics().open_runs == 0

    return end


OURS: dict[str, Callable[[], Callable[[], None]]] = {
    "tracebus, unwatched": _unwatched,
    "tracebus, 1 reader": lambda: _tracebus(lambda _batch: None),
    "tracebus, all three": _all_three,
}
"""One reader: without looking for circles, with, and with `keep` and a budget besides. The second looks at
nothing here: these chains are too short to go in circles. A budget has somebody read along for the models."""


def _instrumented(package: str) -> Callable[[], None]:
    """Instrument with an OpenTelemetry peer into a provider without processors: spans built, none sent."""
    from opentelemetry.sdk.trace import TracerProvider

    module = importlib.import_module(package)
    instrumentor = next(
        getattr(module, name) for name in dir(module) if name.endswith("Instrumentor") and "Base" not in name
    )
    instrumentor().instrument(tracer_provider=TracerProvider(), skip_dep_check=True)
    return lambda: None


def _langfuse() -> Callable[[], None]:
    from langfuse import Langfuse
    from langfuse.langchain import CallbackHandler

    Langfuse(public_key="pk", secret_key="sk", host="http://127.0.0.1:9", tracing_enabled=True, sample_rate=0)
    _configure(CallbackHandler())
    return lambda: None


def measure(watcher: str, workload: str) -> None:
    """Print the CPU seconds of one workload under one watcher: run in a process of its own."""
    end = watch(watcher)
    once = work(workload)
    once()
    gc.collect()  # what imports left behind is nobody's cost
    started = time.process_time()
    for _ in range(3):
        once()
    end()
    print(json.dumps((time.process_time() - started) / 3))


def in_process(watcher: str, workload: str) -> float:
    """Return the CPU seconds of one workload under one watcher."""
    command = [sys.executable, __file__, "--measure", watcher, workload]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return float(json.loads(done.stdout.splitlines()[-1]))


def installed(package: str) -> bool:
    """Tell whether *package* can be imported here."""
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def report(workload: str, least: dict[str, float]) -> None:
    """Print one workload's table."""
    bare, empty = least["nothing"], least["empty handler"]
    print(f"\n{workload}: {bare * 1e3:.1f} ms of CPU with nothing watching")
    print(
        f"  {'watcher':22} {'total ms':>9} {'of nothing':>10} {'added ms':>9} {'added ÷ empty handler':>22}"
    )
    for watcher, seconds in least.items():
        if watcher != "nothing":
            added = seconds - bare
            against = added / (empty - bare) if empty > bare else float("nan")
            row = f"{seconds * 1e3:9.1f} {seconds / bare:10.2f} {added * 1e3:9.1f} {against:22.2f}"
            print(f"  {watcher:22} {row}")


def main() -> None:
    """Measure everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=WORKLOADS)
    parser.add_argument("--measure", nargs=2, metavar=("WATCHER", "WORKLOAD"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure)
        return
    watchers = ["nothing", "empty handler", "tracebus", *OURS]
    watchers += [name for name, package in PEERS.items() if installed(package)]
    absent = [name for name in PEERS if name not in watchers]
    for workload in [options.only] if options.only else WORKLOADS:
        least: dict[str, float] = {}
        for _ in range(options.rounds):
            for watcher in watchers:
                seconds = in_process(watcher, workload)
                least[watcher] = min(seconds, least.get(watcher, seconds))
        report(workload, least)
    print(f"\nPeers not installed here, so not measured: {', '.join(absent) or 'none'}")


if __name__ == "__main__":
    main()
