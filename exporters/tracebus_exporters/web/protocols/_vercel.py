"""The UI message stream of the Vercel AI SDK (ai-sdk.dev, stream protocol v1)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tracebus.events import Outcome
from tracebus_exporters.web.protocols._said import as_text
from tracebus_exporters.web.protocols._speech import Speech
from tracebus_exporters.web.wire._wire import DONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import RunEnded, RunEvent
    from tracebus_exporters.web.protocols._acts import Act, Pause

__all__ = ["VERCEL_HEADERS", "VercelProjection"]

VERCEL_HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}


class VercelProjection:
    """Turns a tree's events into chunks of one assistant message.

    Args:
        root_id: the tree's root run, whose id the message gets.
        inner: tell what is said inside as well, see `Speech`.
        resumes: the run is known to resume another.
    """

    def __init__(self, root_id: str, *, inner: bool = False, resumes: bool = False) -> None:
        self._root_id = root_id
        self._speech = Speech(root_id, inner=inner, resumes=resumes)
        self._provider_calls: set[str] = set()

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
                return [self._start(), {"type": "start-step"}]
            case "end":
                return _end(act.value)
            case "paused":
                return _paused(act.value)
            case "step_start" | "step_end":
                return []
            case _ if act.kind.startswith("call_"):
                return [self._tool_call(act)]
            case _:
                return _part(act)

    def _start(self) -> dict[str, Any]:
        """Return the beginning; a run that resumes goes on with the message the client has."""
        return {"type": "start", **({} if self._speech.resumes else {"messageId": self._root_id})}

    def _tool_call(self, act: Act) -> dict[str, Any]:
        if act.kind == "call_start" and act.value:
            self._provider_calls.add(act.id)
        told = _tool_call(act)
        if act.id in self._provider_calls and act.kind != "call_args":
            told["providerExecuted"] = True
        return told


def _part(act: Act) -> list[dict[str, Any]]:
    match act.kind:
        case "custom":
            # Transient: it reaches `onData` and does not become part of the message.
            return [{"type": f"data-{act.name}", "data": act.value, "transient": True}]
        case "text" | "reasoning":
            return [{"type": f"{act.kind}-delta", "id": act.id, "delta": act.value}]
        case "media":
            media = act.value
            if media.url is None:
                return [{"type": "data-media", "data": {"modality": media.modality, "mediaType": media.type}}]
            media_type = media.type or {"image": "image/*"}.get(media.modality, "application/octet-stream")
            return [{"type": "file", "url": media.url, "mediaType": media_type}]
        case _:
            return [{"type": act.kind.replace("_", "-"), "id": act.id}]


def _paused(pauses: Sequence[Pause]) -> list[dict[str, Any]]:
    """Return the requests for approval of the calls that wait, and what is asked besides."""
    told: list[dict[str, Any]] = []
    for pause in pauses:
        data = {"id": pause.id, "value": pause.value, "toolCallIds": list(pause.calls)}
        told.append({"type": "data-interrupt", "id": pause.id, "data": data})
        for number, call in enumerate(pause.calls):
            approval = pause.id if len(pause.calls) == 1 else f"{pause.id}:{number}"
            told.append({"type": "tool-approval-request", "approvalId": approval, "toolCallId": call})
    return told


def _end(event: RunEnded) -> list[dict[str, Any]]:
    match event.outcome:
        case Outcome.OK | Outcome.INTERRUPTED:
            return [{"type": "finish-step"}, {"type": "finish"}]
        case Outcome.CANCELLED | Outcome.ABANDONED:
            return [{"type": "abort"}]
        case _:
            message = event.error.message if event.error is not None else ""
            return [{"type": "error", "errorText": message or "the run failed"}]


def _tool_call(act: Act) -> dict[str, Any]:
    ids = {"toolCallId": act.id, "dynamic": True}
    match act.kind:
        case "call_start":
            return {"type": "tool-input-start", "toolName": act.name, **ids}
        case "call_args":
            return {"type": "tool-input-delta", "toolCallId": act.id, "inputTextDelta": act.value}
        case "call_end":
            return {"type": "tool-input-available", "toolName": act.name, "input": _parsed(act.value), **ids}
        case "call_bad":
            why = "the model wrote arguments that are no JSON"
            return {
                "type": "tool-input-error", "toolName": act.name, "input": act.value, "errorText": why, **ids,
            }  # fmt: skip
        case "call_error":
            return {"type": "tool-output-error", "errorText": as_text(act.value), **ids}
        case _:
            return {"type": "tool-output-available", "output": act.value, **ids}


def _parsed(arguments: str) -> Any:
    """Return the arguments as a value; a model may well write no JSON."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments
