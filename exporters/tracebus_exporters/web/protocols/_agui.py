"""AG-UI 1.0: the events an agent sends to its front end (docs.ag-ui.com)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import Outcome
from tracebus_exporters.web.protocols._said import as_text, media_of
from tracebus_exporters.web.protocols._speech import Speech, failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.events import RunEnded, RunEvent
    from tracebus_exporters.web.protocols._acts import Act, Pause

__all__ = ["AguiProjection"]

PROTOCOL_VERSION = "1.0"


class AguiProjection:
    """Turns a tree's events into AG-UI events.

    Args:
        root_id: the tree's root run.
        thread_id: the client's thread, echoed.
        run_id: the client's run, echoed; the root run's id without one.
        result: makes `RUN_FINISHED.result` of the root run's outputs; without it there is none.
        inner: tell what is said inside as well, see `Speech`.
        resumes: the run is known to resume another.
    """

    def __init__(
        self,
        root_id: str,
        thread_id: str | None = None,
        run_id: str | None = None,
        *,
        result: Callable[[Any], Any] | None = None,
        inner: bool = False,
        resumes: bool = False,
    ) -> None:
        self._speech = Speech(root_id, inner=inner, resumes=resumes)
        self._ids = {"threadId": thread_id or root_id, "runId": run_id or root_id}
        self._result = result
        self._pauses: list[Pause] = []

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
            case "paused":
                self._pauses = act.value
                return []
            case "text_start" | "text" | "text_end" | "step_start" | "step_end" | "custom" | "media":
                return [_simple(act)]
            case "reasoning_start" | "reasoning" | "reasoning_end":
                return _reasoning(act)
            case _:
                return [_tool_call(act)]

    def _end(self, event: RunEnded) -> dict[str, Any]:
        if failed(event):
            error = event.error
            message = error.message if error is not None else ""
            code = error.type if error is not None else str(event.outcome)
            return {"type": "RUN_ERROR", "message": message or "the run failed", "code": code}
        finished: dict[str, Any] = {"type": "RUN_FINISHED", **self._ids}
        match event.outcome:
            case Outcome.INTERRUPTED:
                finished["outcome"] = {"type": "interrupt", "interrupts": [*map(_interrupt, self._pauses)]}
            case Outcome.CANCELLED | Outcome.ABANDONED:
                finished["outcome"] = {"type": "cancelled"}
            case _ if self._result is not None:
                finished["result"] = self._result(event.outputs)
        return finished


def _interrupt(pause: Pause) -> dict[str, Any]:
    """Return a pause as AG-UI has it; answered by its id, with LangGraph's `Command(resume={id: …})`."""
    found: dict[str, Any] = {"id": pause.id, "reason": "approval" if pause.calls else "interrupt"}
    if (message := _question(pause.value)) is not None:
        found["message"] = message
    if len(pause.calls) == 1:
        found["toolCallId"] = pause.calls[0]
    if pause.schema is not None:
        found["responseSchema"] = pause.schema
    if pause.value is not None:
        found["metadata"] = {"value": pause.value, "toolCallIds": list(pause.calls)}
    return found


def _question(value: Any) -> str | None:
    """Return what to ask in words, where the program wrote it."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return None
    for key in ("message", "question", "description", "prompt"):
        if isinstance(found := value.get(key), str):
            return found
    requests = value.get("action_requests")
    questions = [_question(one) for one in requests] if isinstance(requests, list) else []
    return "\n\n".join(filter(None, questions)) or None


def _media(act: Act) -> dict[str, Any]:
    """Return a picture or file in the answer: messages of AG-UI's assistants are text."""
    value = {
        "messageId": act.id,
        "modality": act.value.modality,
        "mimeType": act.value.type,
        "url": act.value.url,
    }
    return {"type": "CUSTOM", "name": "media", "value": value}


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
        case "media":
            return _media(act)
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
        case "call_end" | "call_bad":
            return {"type": "TOOL_CALL_END", "toolCallId": act.id}
        case _:
            return {
                "type": "TOOL_CALL_RESULT",
                "messageId": act.parent,
                "toolCallId": act.id,
                "role": "tool",
                "content": _content(act.value),
            }


def _content(value: Any) -> str | list[dict[str, Any]]:
    """Return a result as text, or, with pictures that can be fetched, as parts."""
    blocks = value if isinstance(value, list) else []
    media = [media_of(block) for block in blocks]
    if not any(one is not None and one.url for one in media):
        return as_text(value)
    parts: list[dict[str, Any]] = []
    for block, one in zip(blocks, media, strict=True):
        if one is None or not one.url or one.modality not in ("image", "audio", "video"):
            parts.append({"type": "text", "text": as_text([block])})
        else:
            source = {"type": "url", "value": one.url, **({"mimeType": one.type} if one.type else {})}
            parts.append({"type": one.modality, "source": source})
    return parts
