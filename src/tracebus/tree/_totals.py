"""Totals over runs: what a run, a batch and the whole tree have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.tree import _counters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.events import TokenUsage


class Totals:
    """Tokens and money of a group of runs.

    `counters` is what `tracebus.tree._counters` packs.
    """

    __slots__ = ()

    @property
    def counters(self) -> int:
        """Return the packed counters all totals are read from."""
        raise AssertionError("every kind of totals says where its counters are")

    @property
    def usage(self) -> TokenUsage | None:
        """Return the tokens used, own and descendants', each counted once.

        `None`, and `None` in a field, mean that no run reported it: unknown, which is not zero.
        Provider-specific details (`TokenUsage.other`) are not summed.
        """
        return _counters.usage_of(self.counters)

    @property
    def usage_partial(self) -> bool:
        """Return whether `usage` is too low, because a model run ended without reporting its own."""
        return _counters.usage_is_partial(self.counters)

    @property
    def cost(self) -> float | None:
        """Return the price in US dollars, own and descendants'; `None` where no price is known."""
        return _counters.cost_of(self.counters)

    @property
    def cost_partial(self) -> bool:
        """Return whether `cost` is too low, because a model run's usage or price is unknown."""
        return _counters.cost_is_partial(self.counters)

    @property
    def retries(self) -> int:
        """Return how many times a run, or one of its descendants, was tried again."""
        return _counters.retries_of(self.counters)


class TotalOf(Totals):
    """The totals of any runs, none of which is another's descendant. A sum made once, not kept up to date."""

    __slots__ = ("_counters",)

    def __init__(self, parts: Iterable[Totals]) -> None:
        self._counters = sum(part.counters for part in parts)

    @property
    def counters(self) -> int:
        """Return the packed counters of all parts."""
        return self._counters
