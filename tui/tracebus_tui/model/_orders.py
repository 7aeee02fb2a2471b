"""The ways to sort root rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from tracebus.tree import BatchGroup, RunNode
from tracebus_tui.model._row import Together

if TYPE_CHECKING:
    from tracebus_tui.model._row import Item


class Order(msgspec.Struct, frozen=True):
    """A way to sort root rows."""

    name: str
    key: Any
    descending: bool = True


def _first(item: Item) -> int:
    return item.started_at or item.last_at if isinstance(item, RunNode) else item.started_at


def _took(item: Item) -> float:
    match item:
        case RunNode():
            return item.elapsed(item.last_at) or 0.0
        case BatchGroup():
            return ((item.last_ended_at or item.started_at) - item.started_at) / 1e9
        case Together():
            return (item.ended_at - item.started_at) / 1e9


def _errors(item: Item) -> int:
    match item:
        case RunNode():
            return item.counts.error + (item.error is not None)
        case BatchGroup():
            return item.counts.error
        case Together():
            return 0


def _tokens(item: Item) -> float:
    usage = item.usage
    return 0 if usage is None else usage.total_tokens or 0


ORDERS: Final[tuple[Order, ...]] = (
    Order("start", _first, descending=False),
    Order("duration", _took),
    Order("tokens", _tokens),
    Order("cost", lambda item: item.cost or 0.0),
    Order("name", lambda item: item.name.lower(), descending=False),
    Order("errors", _errors),
)
