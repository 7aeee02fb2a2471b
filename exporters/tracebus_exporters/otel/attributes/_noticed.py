"""Attributes of a root run's span for budgets and loops.

The conventions have no names for these yet (semantic-conventions-genai#425 asks for some): ours stand in the
generation's table, where theirs will.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.watching import BudgetFact, LoopFact
from tracebus_exporters.otel.content._text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["noticed_attributes"]

_MOST_ITEMS = 32
_VALUE_LIMIT = 1_024


def noticed_attributes(
    fact: BudgetFact | LoopFact, names: Mapping[str, str], before: dict[str, Any]
) -> dict[str, Any]:
    """Return the attributes a root run's span has after *fact*, having had those *before*."""
    if isinstance(fact, LoopFact):
        return _looped(fact, names, before)
    found = dict(before)
    if fact.state == "set":
        for limit, of in fact.limits.items():
            found[f"{names['budget']}.{clean(limit, 64)}.limit"] = of
        return found
    limit = clean(fact.limit, 64)
    if fact.used is not None:
        found[f"{names['budget']}.{limit}.used"] = fact.used
    if fact.unknown_calls:
        found[f"{names['budget']}.{limit}.unknown_calls"] = fact.unknown_calls
    if fact.state == "exceeded":
        _add(found, names["budget_exceeded"], limit)
    return found


def _looped(fact: LoopFact, names: Mapping[str, str], before: dict[str, Any]) -> dict[str, Any]:
    found = dict(before)
    _add(found, names["loop_kinds"], fact.kind)
    _add(found, names["loop_of"], clean(fact.what, _VALUE_LIMIT))
    found[names["loop_count"]] = max(fact.count, found.get(names["loop_count"], 0))
    for run_id in fact.runs:
        _add(found, names["loop_runs"], clean(run_id, _VALUE_LIMIT))
    if fact.tokens is not None:
        found[names["loop_tokens"]] = max(fact.tokens, found.get(names["loop_tokens"], 0))
    if fact.cost is not None:
        found[names["loop_cost"]] = max(fact.cost, found.get(names["loop_cost"], 0.0))
    return found


def _add(found: dict[str, Any], name: str, value: str) -> None:
    """Add *value* to the list under *name*, once."""
    values = found.get(name, [])
    if value not in values and len(values) < _MOST_ITEMS:
        found[name] = [*values, value]
