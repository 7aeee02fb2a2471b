"""AG-UI 1.0: the events an agent sends to its front end (docs.ag-ui.com)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tracebus_exporters.web._speech import Speech, failed

if TYPE_CHECKING:
    from tracebus.events import RunEnded, RunEvent
    from tracebus_exporters.web._speech import Act

__all__ = ["AguiProjection"]

PROTOCOL_VERSION = "1.0"


class AguiProjection:
    """Turns a tree's events into AG-UI events.

    Args:
        root_id: the tree's root run.
        thread_id: the client's thread, echoed.
        run_id: the client's run, echoed; the root run's id without one.
    """

    def __init__(self, root_id: str, thread_id: str | None = None, run_id: str | None = None) -> None:
        self._speech = Speech(root_id)
        self._ids = {"threadId": thread_id or root_id, "runId": run_id or root_id}

    def messages(self, event: RunEvent) -> list[dict[str, Any]]:
        """Return the AG-UI events *event* makes."""
        return [
            {**told, "timestamp": act.time // 1_000_000}
            for act in self._speech.acts(event)
            for told in self._told(act)
        ]

    def failed(self, message: str) -> list[dict[str, Any]]:
        """Return how to say that there is nothing more to come because of *message*."""
        return [{"type": "RUN_ERROR", "message": message}]

    @property
    def trailer(self) -> bytes:
        """What ends the stream: nothing, `RUN_FINISHED` was it."""
        return b""

    def _told(self, act: Act) -> list[dict[str, Any]]:
        match act.kind:
            case "start":
                return [{"type": "RUN_STARTED", **self._ids, "protocolVersion": PROTOCOL_VERSION}]
            case "end":
                return [self._end(act.value)]
            case "text_start" | "text" | "text_end" | "step_start" | "step_end" | "custom":
                return [_simple(act)]
            case "reasoning_start" | "reasoning" | "reasoning_end":
                return _reasoning(act)
            case _:
                return [_tool_call(act)]

    def _end(self, event: RunEnded) -> dict[str, Any]:
        if not failed(event):
            return {"type": "RUN_FINISHED", **self._ids, "result": event.outputs}
        message = event.error.message if event.error is not None else ""
        return {
            "type": "RUN_ERROR",
            "message": message or f"the run was {event.outcome}",
            "code": event.error.type if event.error is not None else str(event.outcome),
        }


def _simple(act: Act) -> dict[str, Any]:
    match act.kind:
        case "text_start":
            return {"type": "TEXT_MESSAGE_START", "messageId": act.id, "role": "assistant"}
        case "text":
            return {"type": "TEXT_MESSAGE_CONTENT", "messageId": act.id, "delta": act.value}
        case "text_end":
            return {"type": "TEXT_MESSAGE_END", "messageId": act.id}
        case "custom":
            return {"type": "CUSTOM", "name": act.name, "value": act.value}
        case _:
            which = "STARTED" if act.kind == "step_start" else "FINISHED"
            return {"type": f"STEP_{which}", "stepName": act.name}


def _reasoning(act: Act) -> list[dict[str, Any]]:
    match act.kind:
        case "reasoning_start":
            return [
                {"type": "REASONING_START", "messageId": act.id},
                {"type": "REASONING_MESSAGE_START", "messageId": act.id, "role": "reasoning"},
            ]
        case "reasoning":
            return [{"type": "REASONING_MESSAGE_CONTENT", "messageId": act.id, "delta": act.value}]
        case _:
            return [
                {"type": "REASONING_MESSAGE_END", "messageId": act.id},
                {"type": "REASONING_END", "messageId": act.id},
            ]


def _tool_call(act: Act) -> dict[str, Any]:
    match act.kind:
        case "call_start":
            return {
                "type": "TOOL_CALL_START",
                "toolCallId": act.id,
                "toolCallName": act.name,
                "parentMessageId": act.parent,
            }
        case "call_args":
            return {"type": "TOOL_CALL_ARGS", "toolCallId": act.id, "delta": act.value}
        case "call_end":
            return {"type": "TOOL_CALL_END", "toolCallId": act.id}
        case _:
            return {
                "type": "TOOL_CALL_RESULT",
                "messageId": act.parent,
                "toolCallId": act.id,
                "role": "tool",
                "content": _as_text(act.value),
            }


def _as_text(value: Any) -> str:
    if isinstance(value, dict) and isinstance(value.get("content"), str):
        return str(value["content"])
    return value if isinstance(value, str) else json.dumps(value, default=repr)
