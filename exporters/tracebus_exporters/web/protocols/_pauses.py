"""The interrupts of a run tree, gathered until the root run ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tracebus_exporters.web.protocols._acts import Pause

if TYPE_CHECKING:
    from tracebus.events import RunEnded

__all__ = ["Pauses"]


class Pauses:
    """The interrupts of a tree, each once, with the tool calls they are about."""

    def __init__(self) -> None:
        self._found: dict[str, Pause] = {}

    def take(self, event: RunEnded, call_id: str | None) -> None:
        """Note the interrupts a run ended with; *call_id* is the call it was to answer."""
        for place, one in enumerate(_interrupts(event.outputs)):
            key = str(one.get("id") or f"{event.run_id}:{place}")
            schema = one.get("response_schema")
            known = self._found.get(key)
            calls = known.calls if known is not None else ()
            if call_id is not None and call_id not in calls:
                calls = (*calls, call_id)
            shape = schema if isinstance(schema, dict) else None
            self._found[key] = Pause(key, one.get("value"), calls, shape)

    def all(self, pending: dict[str, tuple[str, str]], run_id: str) -> list[Pause]:
        """Return them; *pending* are the unanswered calls, by id: name and arguments.

        A graph that stops at a breakpoint says nothing: one pause without a question stands for it.
        """
        found = [
            one if one.calls else one._replace(calls=_asked(one.value, pending))
            for one in self._found.values()
        ]
        return found or [Pause(run_id, None)]


def _interrupts(outputs: Any) -> list[dict[str, Any]]:
    found = None
    if isinstance(outputs, dict):
        found = outputs.get("interrupts", outputs.get("__interrupt__"))
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _asked(value: Any, pending: dict[str, tuple[str, str]]) -> tuple[str, ...]:
    """Return the calls a request for approval is about, as LangChain's middleware writes it.

    It asks for all of a turn at once, by name and arguments; `interrupt_mode="per_call"`: for one, by id.
    """
    if not isinstance(value, dict):
        return ()
    if isinstance(call_id := value.get("tool_call_id"), str) and call_id in pending:
        return (call_id,)
    requests = value.get("action_requests")
    left = dict(pending)
    asked: list[str] = []
    for request in requests if isinstance(requests, list) else ():
        if not isinstance(request, dict):
            continue
        named = [call for call, (name, _) in left.items() if name == request.get("name")]
        same = [call for call in named if _parsed(left[call][1]) == request.get("args")]
        for call in (same or named)[:1]:
            asked.append(call)
            del left[call]
    return tuple(asked)


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return None
