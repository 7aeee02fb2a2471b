"""The document the page draws rows from: payloads that grow with the conversation are cut to their beginning.

In a long agent every step carries all messages so far, so a document with every run's inputs grows with
the square of the steps. The page draws rows from this shape and asks for one run's whole entry when
somebody looks at it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tracebus.events import ModelInfo, RunStreamed, TokenUsage
from tracebus.pricing import cost_of
from tracebus.runstate import compacted, pointer, split_pointer, with_append
from tracebus.watching import BudgetFact, fact_from, news
from tracebus_exporters.web.watching._beginning import beginning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tracebus.events import Event

__all__ = ["Outline"]

_KEPT = (
    "id",
    "parent_id",
    "kind",
    "name",
    "status",
    "start_time",
    "end_time",
    "usage",
    "batch",
    "attempt",
    "response_model",
    "first_token_time",
    "cached",
    "start_missed",
)
_STREAMED = ("text", "reasoning", "tool_calls")
_COUNTED = ("retries", "events")
_MOST_ERROR = 300
_IN_A_RUN = 3
"""Tokens of a path to a run's member: `/runs/ID/member`."""


class Outline:
    """The outline of one tree's document, and of the operations that lead to it.

    A run's entry keeps what identifies and times it, its `usage`, `model` (`name`, `provider`), `error`
    (without its traceback), and what it streams while it runs. `input` and `output` are the beginnings of
    what went in and came out, `retries` and `events` are counts, `cost` is in US dollars where it is known,
    and `streamed` counts the chunks so far. Texts are of one chunk, extended by `append`.

    Args:
        document: the whole document, live.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._runs: Mapping[str, dict[str, Any]] = document["runs"]
        self._streamed: dict[str, int] = {}

    def count(self, events: Iterable[Event]) -> None:
        """Count the chunks among *events*, those that say something."""
        for event in events:
            if isinstance(event, RunStreamed) and _says_something(event):
                self._streamed[event.run_id] = self._streamed.get(event.run_id, 0) + 1

    def document(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the outline of the whole *document*."""
        runs = {run_id: self._entry(entry) for run_id, entry in document["runs"].items()}
        return {"runs": runs, "missed": document["missed"]}

    def operations(self, operations: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return what *operations* on the document do to its outline.

        Counts are those of now, which may be later: they are replaced, never added to.
        """
        outlined: list[dict[str, Any]] = []
        streaming: dict[str, None] = {}
        for operation in operations:
            tokens = split_pointer(operation["path"])
            if len(tokens) < _IN_A_RUN:
                outlined.append(self._placed(operation))
                continue
            _, run_id, member, *_ = tokens
            if member in _STREAMED:
                streaming[run_id] = None
            outlined += self._member(run_id, member, operation)
        for run_id in streaming:
            if run_id in self._streamed:
                outlined.append(_set(run_id, "streamed", self._streamed[run_id]))
        return with_append(outlined)

    def _placed(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        if operation["op"] != "remove" and operation["path"] != "/missed":
            return {**operation, "value": self._entry(operation["value"])}
        return dict(operation)

    def _member(self, run_id: str, member: str, operation: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what an operation on a member of a run's entry becomes."""
        if member in _COUNTED:
            counted = [_set(run_id, member, len(self._runs[run_id][member]))]
            if member == "events" and (noticed := _noticed(self._runs[run_id])):
                counted.append(_set(run_id, "noticed", noticed))
            return counted
        if member in _SHORTENED:
            name, shortened = _SHORTENED[member]
            return [_set(run_id, name, shortened(operation["value"]))]
        found = [dict(operation)] if member in _KEPT or member in _STREAMED else []
        if member == "status" and (cost := _cost(self._runs[run_id])) is not None:
            found.insert(0, _set(run_id, "cost", cost))
        return found

    def _entry(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        found = {name: entry[name] for name in _KEPT if name in entry}
        for member, (name, shortened) in _SHORTENED.items():
            if member in entry:
                found[name] = shortened(entry[member])
        found["text"] = []
        found |= {name: len(entry[name]) for name in _COUNTED if name in entry}
        if noticed := _noticed(entry):
            found["noticed"] = noticed
        if entry["status"] == "running":
            found |= {name: entry[name] for name in _STREAMED if name in entry}
            found = compacted({"runs": {"": found}})["runs"][""]
            if streamed := self._streamed.get(entry["id"]):
                found["streamed"] = streamed
        elif (cost := _cost(entry)) is not None:
            found["cost"] = cost
        return found


def _says_something(event: RunStreamed) -> bool:
    return bool(event.text or event.reasoning or any(fragment.args for fragment in event.tool_calls))


def _set(run_id: str, member: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": pointer("runs", run_id, member), "value": value}


def _error(error: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"type": error["type"], "message": error.get("message", "")[:_MOST_ERROR]}


def _model(model: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if model is None else {"name": model.get("name"), "provider": model.get("provider")}


_SHORTENED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "inputs": ("input", beginning),
    "outputs": ("output", beginning),
    "error": ("error", _error),
    "model": ("model", _model),
}


def _noticed(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was noticed of a run: its budget's limits by name, and lines on limits and circles."""
    facts = [fact for one in entry.get("events", ()) if (fact := fact_from(one["name"], one.get("data")))]
    if not facts:
        return {}
    limits = next((fact.limits for fact in facts if isinstance(fact, BudgetFact) and fact.limits), {})
    return {"limits": limits, "lines": news(facts)}


def _cost(entry: Mapping[str, Any]) -> float | None:
    """Return what a model run cost in US dollars; `None` where that is unknown."""
    if entry.get("usage") is None:
        return None
    if entry.get("cached"):
        return 0.0
    model = entry.get("model") or {}
    named = ModelInfo(provider=model.get("provider"), name=entry.get("response_model") or model.get("name"))
    at = entry["end_time"]
    return cost_of(
        named,
        msgspec.convert(entry["usage"], TokenUsage),
        at=None if at is None else int(at * 1_000_000),
    )
