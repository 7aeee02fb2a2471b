"""The cost of the runs in the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.events import ModelInfo, TokenUsage
from tracebus.pricing import cost_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.events import RunEnded
    from tracebus.logs import RunSummary

__all__ = ["cost_of_end", "costs_of"]


def costs_of(runs: Iterable[RunSummary]) -> dict[str, float]:
    """Return what model runs cost by what an index knows, in US dollars by run id, as far as that is known.

    No index knows which of the tokens came from a cache: these costs are about right.
    """
    found: dict[str, float] = {}
    for run in runs:
        if len(run.models) == 1 and run.input_tokens is not None:
            usage = TokenUsage(input_tokens=run.input_tokens, output_tokens=run.output_tokens)
            cost = cost_of(ModelInfo(name=run.models[0]), usage, at=run.ended)
            if cost is not None:
                found[run.run_id] = cost
    return found


def cost_of_end(event: RunEnded, asked: ModelInfo | None) -> float | None:
    """Return what an ended model run cost; `None` where that is unknown.

    Args:
        event: the end.
        asked: the model that was asked, where the start named one.
    """
    if event.usage is None:
        return None
    if event.cached:
        return 0.0
    name = (event.model.name if event.model is not None else None) or (asked.name if asked else None)
    provider = asked.provider if asked is not None else None
    return cost_of(ModelInfo(provider=provider, name=name), event.usage, at=event.time)
