"""What run state costs: folding, patching, streaming, and the run log that LangChain deprecated.

Run it with `python benchmarks/runstate/run_state.py`; `--quick` for smaller runs, `--langchain` to measure
LangChain's own `astream_log` beside ours at the sizes one can wait for. CPU is the whole process's.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
import warnings

import msgspec
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from tracebus import EventBus, RunState, observe
from tracebus.events import Outcome, RunEnded, RunKind, RunStarted, RunStreamed
from tracebus.runstate import apply, astream_log
from tracebus.testing import ScriptedChatModel
from tracebus_exporters.web.watching._feed import Feed
from tracebus_exporters.web.watching._hub import Hub
from tracebus_exporters.web.watching._source import BusSource

ROOT = "01a1fd17-af2f-7541-9cf4-3b4c8f0ed40d"
QUESTION = {"q": "hello"}
NOW = 1_763_709_000_000_000_000


def start(run_id: str = ROOT, parent: str | None = None) -> RunStarted:
    kind = RunKind.CHAIN
    return RunStarted(
        time=NOW, run_id=run_id, parent_run_id=parent, root_run_id=parent or run_id, kind=kind, name="chain"
    )


def token(seq: int, run_id: str = ROOT) -> RunStreamed:
    return RunStreamed(time=NOW, seq=seq, run_id=run_id, root_run_id=ROOT, text="abcde")


def end(run_id: str = ROOT, root: str = ROOT) -> RunEnded:
    return RunEnded(time=NOW, run_id=run_id, root_run_id=root, outcome=Outcome.OK)


def chain(tokens: int):
    model = ScriptedChatModel(script=[" ".join(["abcd"] * tokens)])
    return ChatPromptTemplate.from_messages([("human", "{q}")]) | model | StrOutputParser()


def cpu(work) -> float:
    """CPU seconds of *work*, the best of three: what disturbs only ever adds."""
    best = float("inf")
    for _ in range(3):
        gc.collect()
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


# -- folding ---------------------------------------------------------------------------------------


def fold(count: int, frame: int) -> float:
    """µs per token, in frames of *frame* tokens."""
    tokens = [token(seq) for seq in range(1, count + 1)]
    frames = [tokens[at : at + frame] for at in range(0, count, frame)]

    def work() -> None:
        state = RunState()
        state.apply(start())
        for events in frames:
            state.apply_all(events)

    return cpu(work) / count * 1e6


def fold_runs(count: int) -> float:
    """µs per start or end."""
    ids = [f"run-{number}" for number in range(count)]
    starts = [start(run_id) for run_id in ids]
    ends = [end(run_id, run_id) for run_id in ids]

    def work() -> None:
        state = RunState()
        for event in (*starts, *ends):
            state.apply(event)

    return cpu(work) / (2 * count) * 1e6


def patching(size: int, operations: int = 2000) -> float:
    """µs per operation on a document of *size* chunks."""
    state = RunState()
    state.apply(start())
    for seq in range(1, size + 1):
        state.apply(token(seq))
    document = state.snapshot()
    patches = [state.apply(token(seq)) for seq in range(size, size + operations)]

    def work() -> None:
        for patch in patches:
            apply(document, patch)

    return cpu(work) / operations * 1e6


# -- whole chains ----------------------------------------------------------------------------------


async def plain(tokens: int) -> None:
    async for _ in chain(tokens).astream(QUESTION):
        pass


async def streamed(tokens: int, frame: float) -> tuple[int, int]:
    """Run the chain observed, its state streamed to one viewer; return bytes and frames on the wire."""
    bus = EventBus()
    hub = Hub(BusSource(bus), frame=frame)
    await hub.start()
    seen = asyncio.Event()
    sizes: list[int] = []

    async def view(feed: Feed) -> None:
        async for sent in feed.stream():
            sizes.append(len(sent))
            seen.set()

    observed = observe(chain(tokens), bus=bus)
    stream = observed.astream(QUESTION)
    viewer: asyncio.Task[None] | None = None
    async for _ in stream:
        if viewer is None:
            opened = bus.snapshot().open
            viewer = asyncio.create_task(view(await hub.tree(opened[0].root_run_id)))
            await seen.wait()
    await bus.aclose(30)
    assert viewer is not None
    await viewer
    await hub.close()
    return sum(sizes), len(sizes)


async def run_log(tokens: int, *, diff: bool, own: bool = True) -> None:
    log = None
    if own:
        stream = astream_log(chain(tokens), QUESTION, diff=diff)
    else:
        stream = chain(tokens).astream_log(QUESTION, diff=diff)
    async for item in stream:
        log = item if log is None or not diff else log + item
    assert log is not None
    assert len(log.state["streamed_output"]) >= tokens


def above(work, base: float) -> float:
    return cpu(lambda: asyncio.run(work())) - base


def chains(sizes: list[int]) -> None:
    print("\nprompt | model | parser: CPU seconds above plain `astream`")
    columns = ("tokens", "astream", "run state", "wire MB", "frames", "run log +=", "diff=False")
    print(" ".join(f"{column:>10}" for column in columns))
    for tokens in sizes:
        base = cpu(lambda tokens=tokens: asyncio.run(plain(tokens)))
        sent: list[tuple[int, int]] = []

        async def state(tokens=tokens, sent=sent) -> None:
            sent.append(await streamed(tokens, 0.05))

        live = above(state, base)
        patches = above(lambda tokens=tokens: run_log(tokens, diff=True), base)
        whole = above(lambda tokens=tokens: run_log(tokens, diff=False), base)
        size, frames = sent[-1]
        row = (f"{tokens}", f"{base:.2f}", f"{live:.2f}", f"{size / 1e6:.3f}", f"{frames}")
        print(" ".join(f"{cell:>10}" for cell in (*row, f"{patches:.2f}", f"{whole:.2f}")))


def wire(count: int) -> None:
    """Bytes on the wire by the number of tokens in a frame, for a model that takes its time."""
    print(f"\nwire of {count} tokens of 5 characters, by tokens per frame (MB)")
    for frame in (1, 2, 5, 20):
        state = RunState()
        state.apply(start())
        feed = Feed(state)
        size = 0
        tokens = [token(seq) for seq in range(1, count + 1)]
        for at in range(0, count, frame):
            feed.publish(state.apply_all(tokens[at : at + frame]))
            size += len(feed._frames[-1].encoded(append=False))  # noqa: SLF001  what is measured
        feed.publish(state.apply(end()))
        size += len(feed._frames[-1].encoded(append=False))  # noqa: SLF001  likewise
        print(f"{frame:>8} {size / 1e6:8.3f}")


# -- viewers ---------------------------------------------------------------------------------------


async def viewers(count: int, tokens: int) -> float:
    """CPU µs per frame and viewer, the one encoding shared."""
    state = RunState()
    state.apply(start())
    feed = Feed(state)

    async def view() -> int:
        return sum([len(sent) async for sent in feed.stream()])

    tasks = [asyncio.create_task(view()) for _ in range(count)]
    await asyncio.sleep(0)
    begin = time.process_time()
    for seq in range(1, tokens + 1):
        feed.publish(state.apply(token(seq)))
        await asyncio.sleep(0)
    feed.end()
    await asyncio.gather(*tasks)
    return (time.process_time() - begin) / count / tokens * 1e6


def batch(count: int) -> None:
    """A batch of roots, each with three runs below it."""
    events: list[RunStarted | RunEnded] = []
    for number in range(count):
        root = f"root-{number}"
        below = [f"{root}.{child}" for child in range(3)]
        events += [start(root), *(start(run_id, root) for run_id in below)]
        events += [*(end(run_id, root) for run_id in below), end(root, root)]
    size = 0

    def work() -> None:
        nonlocal size
        state = RunState()
        size = sum(
            len(msgspec.json.encode(state.apply_all(events[at : at + 64])))
            for at in range(0, len(events), 64)
        )

    spent = cpu(work)
    print(f"\nbatch of {count} chains of 4 runs: {spent:.3f} s to fold and encode, {size / 1e6:.2f} MB")


def langchain(sizes: list[int]) -> None:
    print("\nLangChain's own astream_log: CPU seconds above plain `astream`, accumulated")
    warnings.simplefilter("ignore")
    for tokens in sizes:
        base = cpu(lambda tokens=tokens: asyncio.run(plain(tokens)))
        begin = time.process_time()
        asyncio.run(run_log(tokens, diff=True, own=False))
        print(f"{tokens:>8} {time.process_time() - begin - base:9.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller runs")
    parser.add_argument("--langchain", action="store_true", help="LangChain's own astream_log as well")
    options = parser.parse_args()
    count = 2_000 if options.quick else 20_000
    print("fold, µs per token, by tokens per frame")
    for frame in (1, 10, 100):
        print(f"{frame:>8} {fold(count, frame):8.2f}")
    print(f"\nfold, µs per start or end: {fold_runs(count // 4):.2f}")
    print("\napply, µs per operation, by chunks in the document")
    for size in (1_000, 10_000) if options.quick else (1_000, 10_000, 100_000):
        print(f"{size:>8} {patching(size):8.2f}")
    wire(1_000 if options.quick else 10_000)
    print(f"\n200 viewers of one run: {asyncio.run(viewers(200, 200)):.2f} µs per frame and viewer")
    batch(2_000)
    chains([200, 1_000] if options.quick else [1_000, 5_000, 10_000])
    if options.langchain:
        langchain([100, 300] if options.quick else [300, 1_000])


if __name__ == "__main__":
    main()
