"""Print what a token, a start and an end cost the run tree: CPU microseconds an event, best of several.

The budget: a token at most 2 us, a start or an end at most 6 us.
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

from tracebus.events import Event, ModelInfo, Outcome, RunEnded, RunKind, RunStarted, RunStreamed, TokenUsage
from tracebus.tree import RunTree

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOTS = 2_000
TOKENS = 20
DEPTH = 5
MODEL = ModelInfo(provider="openai", name="gpt-4o-mini", parameters={"temperature": 0})
USAGE = TokenUsage(input_tokens=1_000, output_tokens=TOKENS, total_tokens=1_020, cache_read_tokens=200)


def traffic() -> tuple[list[Event], list[Event], list[Event]]:
    """Return starts, tokens and ends of chains `DEPTH` deep with a model at the bottom."""
    starts: list[Event] = []
    tokens: list[Event] = []
    ends: list[Event] = []
    clock = time.time_ns()
    for root in range(ROOTS):
        ids = [f"{root}-{depth}" for depth in range(DEPTH)]
        for depth, run_id in enumerate(ids):
            leaf = depth == DEPTH - 1
            parent = ids[depth - 1] if depth else None
            where = {"run_id": run_id, "parent_run_id": parent, "root_run_id": ids[0]}
            clock += 1_000
            starts.append(
                RunStarted(
                    time=clock,
                    kind=RunKind.CHAT_MODEL if leaf else RunKind.CHAIN,
                    name="step",
                    model=MODEL if leaf else None,
                    **where,
                )
            )
            if leaf:
                tokens += [RunStreamed(time=clock + n, text="token ", **where) for n in range(TOKENS)]
            ended = RunEnded(
                time=clock + 10**6,
                outcome=Outcome.OK,
                usage=USAGE if leaf else None,
                model=MODEL if leaf else None,
                **where,
            )
            ends.append(ended)
    return starts, tokens, ends[::-1]


def timed(tree: RunTree, events: Sequence[Event]) -> float:
    before = time.process_time()
    for event in events:
        tree.apply(event)
    return (time.process_time() - before) / len(events) * 1e6


def main() -> None:
    phases = traffic()
    best = [float("inf")] * 3
    for _ in range(5):
        tree = RunTree()
        tree.apply(phases[2][0])  # loads the prices
        tree = RunTree()
        gc.collect()
        gc.disable()
        for number, events in enumerate(phases):
            best[number] = min(best[number], timed(tree, events))
        gc.enable()
    for name, cost, budget in zip(("start", "token", "end"), best, (6, 2, 6), strict=True):
        print(f"{name:>6} {cost:5.2f} us  (budget {budget} us, {DEPTH} runs deep)")
    print(f"{tree.counts.total:,} runs, {tree.usage and tree.usage.total_tokens:,} tokens, ${tree.cost:.4f}")


if __name__ == "__main__":
    main()
