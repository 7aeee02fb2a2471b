"""The tokens a run itself used, and their price."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, TypeAlias

from tracebus.events import RunKind
from tracebus.pricing import cost_of
from tracebus.tree._counters import pack_usage
from tracebus.tree._status import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.events import ModelInfo, TokenUsage
    from tracebus.tree._node import RunNode

PriceFunction: TypeAlias = "Callable[[ModelInfo, TokenUsage], float | None]"
"""Returns what a model run cost in US dollars, `None` where it is unknown."""

_log = logging.getLogger("tracebus")


class Scales:
    """Weighs runs: tokens as reported, money by a price function or by list price."""

    def __init__(self, price: PriceFunction | None) -> None:
        self._price = price
        self._failed = False

    def weigh(self, node: RunNode) -> None:
        """Work out what *node* used: after its end, and again if its start comes later.

        Does nothing to a run that has no weight.
        """
        usage = node.end.usage if node.end is not None else None
        if usage is not None and _says_something(usage):
            output_known = usage.output_tokens is not None or node.kind is RunKind.EMBEDDING
            complete = usage.input_tokens is not None and output_known
            node.own_counters = pack_usage(usage, self._cost(node, usage), complete=complete)
        node.bears_usage = node.own_counters != 0 or (node.is_model and node.status is not RunStatus.RUNNING)

    def _cost(self, node: RunNode, usage: TokenUsage) -> float | None:
        if node.end is not None and node.end.cached:
            return 0.0
        answered, asked = node.model, node.start.model if node.start is not None else None
        if answered is None:
            return None
        cost = self._priced(answered, usage, node.ended_at)
        if cost is None and asked is not None and asked.name != answered.name:
            return self._priced(asked, usage, node.ended_at)
        return cost

    def _priced(self, model: ModelInfo, usage: TokenUsage, at: int | None) -> float | None:
        if self._price is None:
            return cost_of(model, usage, at=at)
        try:
            cost = self._price(model, usage)
            return float(cost) if cost is not None and math.isfinite(cost) else None
        except Exception:  # noqa: BLE001 - the user's function must not stop the fold
            if not self._failed:
                self._failed = True
                _log.exception("the price function %r failed: such costs are unknown", self._price)
            return None


def has_weight(node: RunNode) -> bool:
    """Tell whether *node* has said what it used, or is a model call, of which that is expected."""
    return (node.end is not None and node.end.usage is not None) or node.is_model


def _says_something(usage: TokenUsage) -> bool:
    return usage.input_tokens is not None or usage.output_tokens is not None or usage.total_tokens is not None
