"""What a run looks like in the document, from its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from tracebus.events import CustomEmitted, RunEnded, RunEvent, RunRetried, RunStarted

__all__ = ["at_end", "at_start", "custom", "milliseconds", "placeholder", "retry"]


def milliseconds(nanoseconds: int) -> float:
    """Return a time in milliseconds since the epoch, to the microsecond.

    JavaScript's numbers hold no nanoseconds, and two readers must agree on every number.
    """
    return nanoseconds // 1000 / 1000


def at_start(event: RunStarted) -> dict[str, Any]:
    """Return the run's entry as it begins: always the same members first, others where known."""
    entry: dict[str, Any] = {
        "id": event.run_id,
        "parent_id": event.parent_run_id,
        "root_id": event.root_run_id,
        "kind": str(event.kind),
        "name": event.name,
        "status": "running",
        "start_time": milliseconds(event.time),
        "end_time": None,
        "tags": list(event.tags),
        "metadata": event.metadata,
        "inputs": event.inputs,
        "outputs": None,
        "error": None,
        "usage": None,
        "text": [],
    }
    for name in ("model", "batch", "tool_call_id", "attempt"):
        value = getattr(event, name)
        if value is not None:
            entry[name] = msgspec.to_builtins(value)
    for name in ("links", "cuts"):
        values = getattr(event, name)
        if values:
            entry[name] = [msgspec.to_builtins(value) for value in values]
    return entry


def placeholder(event: RunEvent) -> dict[str, Any]:
    """Return an entry for a run whose start was missed, until the start turns up."""
    return {
        "id": event.run_id,
        "parent_id": event.parent_run_id,
        "root_id": event.root_run_id,
        "kind": "unknown",
        "name": "unknown",
        "status": "running",
        "start_time": None,
        "end_time": None,
        "tags": [],
        "metadata": {},
        "inputs": None,
        "outputs": None,
        "error": None,
        "usage": None,
        "text": [],
        "start_missed": True,
    }


def at_end(event: RunEnded) -> dict[str, Any]:
    """Return the members a run's end sets, `status` last: who sees it set finds the rest in place."""
    members: dict[str, Any] = {}
    for name in ("inputs", "outputs", "usage", "error", "response_id"):
        value = getattr(event, name)
        if value is not None:
            members[name] = msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else value
    if event.finish_reasons:
        members["finish_reasons"] = list(event.finish_reasons)
    if event.model is not None and event.model.name is not None:
        members["response_model"] = event.model.name
    if event.cached:
        members["cached"] = True
    members["end_time"] = milliseconds(event.time)
    members["status"] = str(event.outcome)
    return members


def retry(event: RunRetried) -> dict[str, Any]:
    """Return an element of the run's `retries`."""
    record: dict[str, Any] = {"time": milliseconds(event.time), "attempt": event.attempt}
    if event.error is not None:
        record["error"] = msgspec.to_builtins(event.error)
    if event.delay is not None:
        record["delay"] = event.delay
    return record


def custom(event: CustomEmitted) -> dict[str, Any]:
    """Return an element of the run's `events`."""
    return {"time": milliseconds(event.time), "name": event.name, "data": event.data}
