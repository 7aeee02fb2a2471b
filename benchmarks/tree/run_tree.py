"""Print what a token, a start and an end cost the run tree: CPU microseconds an event, best of several.

The budget: a token at most 2 us, a start or an end at most 6 us on average. The end of a model run is
shown apart: it weighs tokens and looks up the price, which no other end does.
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


def traffic() -> dict[str, list[Event]]:
    """Return the events, by phase, of chains `DEPTH` deep with a model at the bottom."""
    phases: dict[str, list[Event]] = {"start": [], "token": [], "model end": [], "other end": []}
    clock = time.time_ns()
    for root in range(ROOTS):
        ids = [f"{root}-{depth}" for depth in range(DEPTH)]
        for depth, run_id in enumerate(ids):
            leaf = depth == DEPTH - 1
            clock += 1_000
            where = {
                "run_id": run_id,
                "parent_run_id": ids[depth - 1] if depth else None,
                "root_run_id": ids[0],
            }
            kind, model = (RunKind.CHAT_MODEL, MODEL) if leaf else (RunKind.CHAIN, None)
            phases["start"].append(RunStarted(time=clock, kind=kind, name="step", model=model, **where))
            ended = {"time": clock + 10**6, "outcome": Outcome.OK, **where}
            if leaf:
                phases["token"] += [
                    RunStreamed(time=clock + n, text="token ", **where) for n in range(TOKENS)
                ]
                phases["model end"].append(RunEnded(usage=USAGE, model=MODEL, **ended))
            else:
                phases["other end"].append(RunEnded(**ended))
    phases["other end"].reverse()
    return phases


def timed(tree: RunTree, events: Sequence[Event]) -> float:
    before = time.process_time()
    for event in events:
        tree.apply(event)
    return (time.process_time() - before) / len(events) * 1e6


def main() -> None:
    phases = traffic()
    best = dict.fromkeys(phases, float("inf"))
    RunTree().apply(phases["model end"][0])  # loads the price list
    for _ in range(5):
        tree = RunTree()
        gc.collect()
        gc.disable()
        for phase, events in phases.items():
            best[phase] = min(best[phase], timed(tree, events))
        gc.enable()
    best["mean end"] = (best["model end"] + (DEPTH - 1) * best["other end"]) / DEPTH
    print(f"runs {DEPTH} deep, {tree.counts.total:,} of them, ${tree.cost:.4f}")
    for phase, cost in best.items():
        print(f"{phase:>10} {cost:5.2f} us")


if __name__ == "__main__":
    main()
