"""The forms in which LangGraph, its SDK and LangChain's v3 protocol hand out what a graph streams.

They all say the same: a stream mode, the namespace of the graph that speaks, and the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MODES = frozenset(
    (
        "values",
        "updates",
        "messages",
        "messages-tuple",
        "messages/partial",
        "messages/complete",
        "messages/metadata",
        "tools",
        "tasks",
        "debug",
        "checkpoints",
        "custom",
        "events",
        "lifecycle",
        "input",
        "input.requested",
        "metadata",
        "error",
        "command",
        "feedback",
        "end",
    )
)
"""Stream modes of langgraph and langgraph-sdk, and methods of langchain-protocol, as of langgraph 1.2."""
_NAMESPACE = "|"


class Part(NamedTuple):
    """One part of a graph's stream."""

    mode: str
    namespace: tuple[str, ...]
    data: Any
    interrupts: Sequence[Any] = ()


def part_of(item: Any) -> Part | None:
    """Return *item* as a part, or `None` where it has none of the forms.

    Forms: `StreamPart(event, data)` of langgraph-sdk v1 and its dictionary; `{"type", "ns", "data"}` of
    `version="v2"` in both; `{"method", "params"}` of the v3 protocol; and of langgraph v1 the tuples
    `(mode, data)` and `(namespace, mode, data)`.
    """
    if isinstance(item, Mapping):
        return _of_mapping(item)
    event = getattr(item, "event", None)
    if isinstance(event, str) and hasattr(item, "data"):
        return _of_event(event, item.data)
    if isinstance(item, tuple):
        return _of_tuple(item)
    return None


def _of_mapping(item: Mapping[str, Any]) -> Part | None:
    params = item.get("params")
    if isinstance(method := item.get("method"), str) and isinstance(params, Mapping):
        namespace = tuple(params.get("namespace") or ())
        return Part(method, namespace, params.get("data"), params.get("interrupts") or ())
    if isinstance(kind := item.get("type"), str) and "data" in item and "ns" in item:
        return Part(kind, tuple(item["ns"] or ()), item["data"], item.get("interrupts") or ())
    event = item.get("event")
    if isinstance(event, str) and "data" in item and event.partition(_NAMESPACE)[0] in MODES:
        return _of_event(event, item["data"])
    return None


def _of_event(event: str, data: Any) -> Part:
    mode, *namespace = event.split(_NAMESPACE)
    return Part(mode, tuple(namespace), data)


def _of_tuple(item: tuple[Any, ...]) -> Part | None:
    match item:
        case (str(mode), data) if mode in MODES:
            return Part(mode, (), data)
        case (tuple(namespace), str(mode), data) if mode in MODES:
            return Part(mode, namespace, data)
        case _:
            return None
