"""Models and tools, out of the messages a graph streams."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.ai import add_ai_message_chunks

from tracebus.capture import CapturedError, CapturedPayload, clean_text
from tracebus.events import ErrorInfo, Outcome, RunKind
from tracebus.sources.reading._chunks import is_output, streamed_chunk
from tracebus.sources.reading._messages import as_plain, captured, said_by
from tracebus.sources.reading._model_info import RequestedModel
from tracebus.sources.reading._protocol_message import ProtocolMessage
from tracebus.sources.reading._protocol_pieces import note_unknown_protocol, protocol_piece
from tracebus.sources.reading._results import chat_result_fields
from tracebus.sources.reading._revive import revived
from tracebus.sources.tracking._outcomes import outcome_of

if TYPE_CHECKING:
    from tracebus.capture import Capture
    from tracebus.sources.tracking._open_run import OpenRun
    from tracebus.sources.tracking._tracker import RunTracker

Parent: TypeAlias = Callable[[tuple[str, ...], Mapping[str, Any]], Any]
"""Returns the key of the run a message belongs to, by its graph's namespace and its metadata."""

_RUN_ID = re.compile(r"^(?:lc_)?run-+([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
"""LangChain's own message ids name the run that made the message."""
_OF_MODELS = (None, "ai", "assistant")
"""Roles of the messages that models make, in the v3 protocol."""
_OF_A_MODEL = ("ls_model_name", "ls_model_type", "ls_provider")

_serials = itertools.count()


class MessageRuns:
    """Tells a tracker of the model and tool runs that a graph's messages come from.

    Args:
        tracker: what is told.
        capture: what of the content is captured.
        parent: finds the run above.
    """

    def __init__(self, tracker: RunTracker, capture: Capture, parent: Parent) -> None:
        self._tracker = tracker
        self._capture = capture
        self._parent = parent
        self._serial = next(_serials)
        self._chunks: dict[Any, list[AIMessageChunk]] = {}
        self._protocol: dict[Any, ProtocolMessage] = {}
        self._speaking: dict[tuple[str, ...], Any] = {}
        self._told_by_tools: dict[tuple[str, ...], ProtocolMessage] = {}
        """The messages of tools that are being told, by their namespace."""
        self._said: dict[Any, str] = {}
        self._told: set[Any] = set()
        self._calls: dict[str, Mapping[str, Any]] = {}
        self.metadata: dict[str, Mapping[str, Any]] = {}
        """By message id, where a server sends it apart from the messages."""

    def message(self, namespace: tuple[str, ...], message: Any, metadata: Mapping[str, Any]) -> None:
        """Tell of a message, a piece of one, or an event of the v3 protocol."""
        if isinstance(message, Mapping) and isinstance(message.get("event"), str):
            self._protocol_event(namespace, message, metadata)
            return
        message = revived(message)
        if isinstance(message, AIMessageChunk):
            self._piece(namespace, message, metadata)
        elif isinstance(message, AIMessage):
            self.whole(namespace, message, metadata)
        elif isinstance(message, ToolMessage):
            self._tool_message(namespace, message, metadata)

    def partial(self, namespace: tuple[str, ...], message: Any) -> None:
        """Tell of a message as it is so far (the server's `messages/partial`)."""
        message = revived(message)
        if not isinstance(message, AIMessage):
            return
        run = self._model(namespace, message.id, self.metadata.get(str(message.id), {}))
        if run is None:
            return
        said = self._said.get(run.key, "")
        text = str(message.text)
        if text.startswith(said) and len(text) > len(said):
            self._said[run.key] = text
            self._tracker.streamed(run, streamed_chunk(run, text[len(said) :], None))

    def whole(self, namespace: tuple[str, ...], message: AIMessage, metadata: Mapping[str, Any]) -> None:
        """Tell of a model's whole answer; a message no model made is none."""
        known = self.metadata.get(str(message.id), metadata)
        new = self._key(message.id) not in self._told
        if not self.is_open(message) and not (new and _is_of_a_model(message, known)):
            return
        run = self._model(namespace, message.id, known)
        if run is not None:
            self._end(run, message)

    def is_open(self, message: AIMessage) -> bool:
        """Tell whether the model that makes this message is known and not yet ended."""
        return self._tracker.get(self._key(message.id)) is not None

    def tool(self, namespace: tuple[str, ...], data: Mapping[str, Any]) -> None:
        """Tell of an event of the stream mode `tools`."""
        call_id = str(data.get("tool_call_id") or "")
        match data.get("event"):
            case "tool-started":
                name = clean_text(str(data.get("tool_name") or data.get("name") or "tool"))
                self._start_tool(namespace, call_id, name, data.get("input"), {})
            case "tool-output-delta":
                if (run := self._tracker.get(self._tool_key(call_id))) is not None:
                    self._tracker.streamed(run, streamed_chunk(run, data.get("delta") or "", None))
            case "tool-finished":
                self._end_tool(call_id, revived(data.get("output")))
            case "tool-error":
                error = ErrorInfo(type="ToolError", message=clean_text(str(data.get("message") or "")))
                self._tracker.end(self._tool_key(call_id), Outcome.ERROR, error=error)

    def finish(self, error: BaseException | None) -> None:
        """Close what a stream of messages alone left open: it is over, by *error* or by exhaustion."""
        outcome = Outcome.ABANDONED if error is None else outcome_of(error)
        said = failure(error, self._capture) if outcome is Outcome.ERROR else None
        for run in reversed(self._tracker.open_runs()):
            if run.owner is self:
                self._tracker.end(run.key, outcome, error=said)

    def close(self, run: OpenRun, outcome: Outcome, error: Any = None) -> None:
        """End a model or tool run that the stream left open, with what it said until then."""
        if (chunks := self._chunks.get(run.key)) and outcome is Outcome.OK:
            self._end(run, add_ai_message_chunks(*chunks))
        else:
            self._tracker.end(run.key, outcome, error=error)

    # -- inside ----------------------------------------------------------------------------------

    def _piece(self, namespace: tuple[str, ...], chunk: AIMessageChunk, metadata: Mapping[str, Any]) -> None:
        run = self._model(namespace, chunk.id, metadata)
        if run is None:
            return
        self._chunks.setdefault(run.key, []).append(chunk)
        if is_output(chunk.content, chunk):
            self._tracker.streamed(run, streamed_chunk(run, chunk.content, chunk))
        if getattr(chunk, "chunk_position", None) == "last":
            self.close(run, Outcome.OK)

    def _protocol_event(
        self, namespace: tuple[str, ...], event: Mapping[str, Any], metadata: Mapping[str, Any]
    ) -> None:
        key = metadata.get("run_id")
        if event["event"] == "message-start":
            if event.get("role") not in _OF_MODELS:
                self._begin_other(namespace, event)
                return
            key = self._speaking[namespace] = key or event.get("id") or str(uuid4())
        elif namespace in self._told_by_tools:
            self._add_to_other(namespace, event)
            return
        key = key or self._speaking.get(namespace)
        run = self._model(namespace, key, {**(event.get("metadata") or {}), **metadata})
        if run is None:
            return
        message = self._protocol.setdefault(run.key, ProtocolMessage())
        message.add(event)
        if (piece := protocol_piece(event)) is not None:
            self._tracker.streamed(run, streamed_chunk(run, *piece))
        else:
            note_unknown_protocol(self._tracker.count, event)
        if event["event"] == "message-finish":
            self._end(run, message.finished())
        elif event["event"] == "error":
            error = ErrorInfo(type="unknown", message=clean_text(str(event.get("message") or "")))
            self._tracker.end(run.key, Outcome.ERROR, error=error)

    def _begin_other(self, namespace: tuple[str, ...], event: Mapping[str, Any]) -> None:
        """Begin a message that is no model's: a server tells those of tools likewise."""
        message = self._told_by_tools[namespace] = ProtocolMessage()
        message.add(event)

    def _add_to_other(self, namespace: tuple[str, ...], event: Mapping[str, Any]) -> None:
        message = self._told_by_tools[namespace]
        message.add(event)
        if event["event"] in ("message-finish", "error"):
            del self._told_by_tools[namespace]
            if (answer := message.finished_by_tool()) is not None:
                self._tool_message(namespace[:-1], answer, {})  # its own namespace ends in its call's id

    def _model(self, namespace: tuple[str, ...], spoken: Any, metadata: Mapping[str, Any]) -> OpenRun | None:
        """Return the open run of a message's id, or of a run's, begun if it is new."""
        key = self._key(spoken)
        if (run := self._tracker.get(key)) is not None or key in self._told:
            return run
        self._told.add(key)
        noted = {name: value for name, value in metadata.items() if name != "run_id"}
        return self._tracker.start(
            key,
            self._parent(namespace, metadata),
            run_id=str(uuid4()),  # other streams may tell of the same message
            kind=RunKind.CHAT_MODEL,
            name=clean_text(str(metadata.get("ls_model_name") or metadata.get("model") or "ChatModel")),
            owner=self,
            capture=self._capture,
            metadata=CapturedPayload(noted, self._capture, as_plain) if noted else {},
            model=RequestedModel(noted, {}, self._capture),
        )

    def _end(self, run: OpenRun, message: BaseMessage) -> None:
        for kept in (self._chunks, self._protocol, self._said):
            kept.pop(run.key, None)
        for call in getattr(message, "tool_calls", None) or ():
            self._calls[str(call.get("id"))] = call
        outputs = captured({"messages": [message]}, self._capture)
        self._tracker.end(run.key, Outcome.OK, outputs=outputs, **chat_result_fields([message]))

    def _tool_message(
        self, namespace: tuple[str, ...], message: ToolMessage, metadata: Mapping[str, Any]
    ) -> None:
        call_id = message.tool_call_id
        if self._tool_key(call_id) not in self._told:
            call = self._calls.get(call_id, {})
            name = clean_text(str(message.name or call.get("name") or "tool"))
            self._start_tool(namespace, call_id, name, call.get("args"), metadata)
        self._end_tool(call_id, message)

    def _start_tool(
        self,
        namespace: tuple[str, ...],
        call_id: str,
        name: str,
        inputs: Any,
        metadata: Mapping[str, Any],
    ) -> None:
        self._told.add(self._tool_key(call_id))
        self._tracker.start(
            self._tool_key(call_id),
            self._parent(namespace, metadata),
            run_id=str(uuid4()),
            kind=RunKind.TOOL,
            name=name,
            owner=self,
            capture=self._capture,
            inputs=None if inputs is None else captured(inputs, self._capture),
            tool_call_id=clean_text(call_id),
        )

    def _end_tool(self, call_id: str, output: Any) -> None:
        if self._tracker.get(self._tool_key(call_id)) is None:
            return
        outcome, error = Outcome.OK, None
        if getattr(output, "status", None) == "error":
            outcome = Outcome.ERROR
            error = ErrorInfo(type="ToolError", message=clean_text(said_by(output)))
        kept = None if output is None else captured(output, self._capture)
        self._tracker.end(self._tool_key(call_id), outcome, outputs=kept, error=error)

    def _key(self, spoken: Any) -> tuple[int, str, str]:
        text = str(spoken or "")
        found = _RUN_ID.match(text)
        return (self._serial, "model", found.group(1) if found else text or "unnamed")

    def _tool_key(self, call_id: str) -> tuple[int, str, str]:
        return (self._serial, "tool", call_id)


def failure(error: Any, capture: Capture) -> Any:
    """Return what an event says of an error: an exception here, a text from afar."""
    if isinstance(error, BaseException):
        return CapturedError(error, capture)
    if isinstance(error, Mapping):
        kind, said = error.get("error") or error.get("type"), error.get("message")
        return ErrorInfo(type=clean_text(str(kind or "unknown")), message=clean_text(str(said or error)))
    return ErrorInfo(type="unknown", message=clean_text(str(error)))


def _is_of_a_model(message: AIMessage, metadata: Mapping[str, Any]) -> bool:
    return _RUN_ID.match(str(message.id or "")) is not None or any(name in metadata for name in _OF_A_MODEL)
