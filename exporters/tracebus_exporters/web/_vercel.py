"""The UI message stream of the Vercel AI SDK (ai-sdk.dev, stream protocol v1)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tracebus.events import Outcome
from tracebus_exporters.web._speech import Speech, failed
from tracebus_exporters.web._wire import DONE

if TYPE_CHECKING:
    from tracebus.events import RunEnded, RunEvent
    from tracebus_exporters.web._speech import Act

__all__ = ["VERCEL_HEADERS", "VercelProjection"]

VERCEL_HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}


class VercelProjection:
    """Turns a tree's events into chunks of one assistant message."""

    def __init__(self, root_id: str) -> None:
        self._root_id = root_id
        self._speech = Speech(root_id)

    def messages(self, event: RunEvent) -> list[dict[str, Any]]:
        """Return the chunks *event* makes."""
        return [chunk for act in self._speech.acts(event) for chunk in self._told(act)]

    def failed(self, message: str) -> list[dict[str, Any]]:
        """Return how to say that there is nothing more to come because of *message*."""
        return [{"type": "error", "errorText": message}]

    @property
    def trailer(self) -> bytes:
        """What ends the stream."""
        return DONE

    def _told(self, act: Act) -> list[dict[str, Any]]:
        match act.kind:
            case "start":
                return [{"type": "start", "messageId": self._root_id}, {"type": "start-step"}]
            case "end":
                return _end(act.value)
            case "step_start" | "step_end":
                return []
            case _ if act.kind.startswith("call_"):
                return [_tool_call(act)]
            case _:
                return [_part(act)]


def _part(act: Act) -> dict[str, Any]:
    match act.kind:
        case "custom":
            # Transient: it reaches `onData` and does not become part of the message.
            return {"type": f"data-{act.name}", "data": act.value, "transient": True}
        case "text" | "reasoning":
            return {"type": f"{act.kind}-delta", "id": act.id, "delta": act.value}
        case _:
            return {"type": act.kind.replace("_", "-"), "id": act.id}


def _end(event: RunEnded) -> list[dict[str, Any]]:
    if not failed(event):
        return [{"type": "finish-step"}, {"type": "finish"}]
    if event.outcome in (Outcome.CANCELLED, Outcome.ABANDONED):
        return [{"type": "abort"}]
    message = event.error.message if event.error is not None else ""
    return [{"type": "error", "errorText": message or f"the run was {event.outcome}"}]


def _tool_call(act: Act) -> dict[str, Any]:
    match act.kind:
        case "call_start":
            return {
                "type": "tool-input-start",
                "toolCallId": act.id,
                "toolName": act.name,
                "dynamic": True,
            }
        case "call_args":
            return {"type": "tool-input-delta", "toolCallId": act.id, "inputTextDelta": act.value}
        case "call_end":
            return {
                "type": "tool-input-available",
                "toolCallId": act.id,
                "toolName": act.name,
                "input": _parsed(act.value),
                "dynamic": True,
            }
        case "call_error":
            return {
                "type": "tool-output-error",
                "toolCallId": act.id,
                "errorText": act.value,
                "dynamic": True,
            }
        case _:
            return {
                "type": "tool-output-available",
                "toolCallId": act.id,
                "output": act.value,
                "dynamic": True,
            }


def _parsed(arguments: str) -> Any:
    """Return the arguments as a value; a model may well write no JSON."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments
