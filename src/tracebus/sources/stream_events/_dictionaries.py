"""Passes the runs in `astream_events` dictionaries, v2 and v1, to a tracker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages import BaseMessage, HumanMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue

from tracebus.capture import CapturedError, CapturedPayload, clean_text
from tracebus.events import ErrorInfo, Outcome, RunKind
from tracebus.sources.reading._attempts import tried_as
from tracebus.sources.reading._chain_model import output_fields
from tracebus.sources.reading._chunks import is_output, streamed_chunk
from tracebus.sources.reading._classify import UNSAID, chain_kind, retry_attempt
from tracebus.sources.reading._messages import as_plain, captured, said_by
from tracebus.sources.reading._model_info import RequestedModel
from tracebus.sources.reading._odd import as_text, goes_on, thread_key
from tracebus.sources.reading._results import chat_result_fields, completion_fields
from tracebus.sources.reading._revive import revived
from tracebus.sources.tracking._outcomes import outcome_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from tracebus.capture import Capture
    from tracebus.sources.tracking._open_run import OpenRun
    from tracebus.sources.tracking._tracker import RunTracker

_PHASES = ("start", "stream", "end", "error")
_KINDS = {
    "prompt": RunKind.PROMPT,
    "parser": RunKind.PARSER,
    "chat_model": RunKind.CHAT_MODEL,
    "llm": RunKind.LLM,
    "tool": RunKind.TOOL,
    "retriever": RunKind.RETRIEVER,
}
_MODELS = (RunKind.CHAT_MODEL, RunKind.LLM)
_GRAPHS = (RunKind.GRAPH, RunKind.AGENT)
_CROSSED = (RunKind.NODE, *_GRAPHS)
_INTERRUPT = "__interrupt__"
_HIDDEN_ERROR = ErrorInfo(
    type="unknown",
    message="the run did not end: astream_events does not report the errors of chains, models and retrievers",
)


class StreamEventReader:
    """Tells a tracker what `astream_events` dictionaries say of one call.

    Args:
        tracker: opened with `reap=False`: the stream's end ends what is left.
        capture: what of the content is captured.
    """

    def __init__(self, tracker: RunTracker, capture: Capture) -> None:
        self._tracker = tracker
        self._capture = capture
        self.hidden_error: Any = _HIDDEN_ERROR
        """What runs without an end ended with, unless something else is known."""
        self._root: str | None = None
        self._interrupted = False
        self._knows_inputs: set[str] = set()

    def read(self, event: Mapping[str, Any]) -> bool:
        """Tell of one dictionary; return whether it is a stream event of a phase that is known."""
        kind, _, phase = str(event.get("event", "")).removeprefix("on_").rpartition("_")
        run_id = str(event.get("run_id", ""))
        if (kind, phase) == ("custom", "event"):
            self._custom(run_id, event)
        elif phase == "start":
            self._start(kind, run_id, event)
        elif (run := self._tracker.get(run_id)) is not None and phase in _PHASES:
            data = cast("Mapping[str, Any]", event.get("data") or {})
            if phase == "stream":
                self._stream(run, data)
            elif phase == "end":
                self._end(run, data)
            else:
                self._error(run, data)
        return phase in (*_PHASES, "event")

    def finish(self, error: BaseException | None) -> None:
        """Close what the stream left open: it is over, by *error* or by exhaustion."""
        for run in reversed(self._tracker.open_runs()):
            if run.owner is self:
                self._close_unknown(run, error)

    # -- inside ----------------------------------------------------------------------------------

    def _start(self, kind_name: str, run_id: str, event: Mapping[str, Any]) -> None:
        if self._tracker.get(run_id) is not None:
            return  # told twice
        name = as_text(event.get("name") or "Unnamed")
        tags = [as_text(tag) for tag in event.get("tags") or ()]
        metadata = dict(event.get("metadata") or {})
        parent_key = self._parent(run_id, event.get("parent_ids") or ())
        above = None if parent_key is None else self._tracker.get(parent_key)
        parent = None if above is None else above.kind
        kind = _KINDS.get(kind_name) or chain_kind(UNSAID, name, tags, metadata, parent)
        if kind is RunKind.LLM and metadata.get("ls_model_type") == "chat":
            kind = RunKind.CHAT_MODEL  # a decision model
        inputs = _inputs(kind, (event.get("data") or {}).get("input"))
        if inputs is not None:
            self._knows_inputs.add(run_id)
        attempts_of = tried_as(kind, parent_key, metadata, None)
        self._fail_attempt_before(attempts_of)
        self._tracker.start(
            run_id,
            parent_key,
            kind=kind,
            name=name,
            owner=self,
            capture=self._capture,
            attempt=retry_attempt(tags),
            tried_as=attempts_of,
            resumes=goes_on((event.get("data") or {}).get("input") or None),
            thread_id=thread_key(metadata.get("thread_id"), name) if parent_key is None else None,
            tags=tuple(tags),
            metadata=CapturedPayload(metadata, self._capture, as_plain) if metadata else {},
            inputs=self._captured(inputs),
            model=RequestedModel(metadata, {}, self._capture) if kind in _MODELS else None,
        )

    def _fail_attempt_before(self, attempts_of: Hashable) -> None:
        """End the attempt that the next one shows to have failed: the stream hides its error."""
        if attempts_of is not None:
            for run in reversed(self._tracker.open_runs()):
                if run.owner is self and run.tried_as == attempts_of:
                    self._tracker.end(run.key, Outcome.ERROR, error=self.hidden_error)

    def _parent(self, run_id: str, parent_ids: Sequence[str]) -> str | None:
        """Return the nearest parent the stream has shown, else its root where it has shown that.

        v1 tells no parents, and LangSmith's runs, which are the parents below `@traceable`, are in no
        stream. A first run that has parents is no root: the stream is filtered.
        """
        for parent in reversed(parent_ids):
            if self._tracker.get(parent) is not None:
                return parent
        if self._root is None:
            self._root = "" if parent_ids else run_id
            return None
        return self._root or None

    def _stream(self, run: OpenRun, data: Mapping[str, Any]) -> None:
        chunk = revived(data.get("chunk"))
        if run.kind not in _MODELS:
            if _speaks_of_interrupt(chunk):
                self._interrupted = run.interrupted = True
            return
        message = chunk if isinstance(chunk, BaseMessage) else None
        token = getattr(chunk, "text", chunk) if message is None else message.content
        if is_output(token, message):
            self._tracker.streamed(run, streamed_chunk(run, token, message))

    def _end(self, run: OpenRun, data: Mapping[str, Any]) -> None:
        outputs, fields = _outputs(run.kind, data.get("output"))
        if run.id not in self._knows_inputs:
            # v2 writes `{}` for every empty input and for an unknown one: nothing to go by.
            fields["inputs"] = self._captured(_inputs(run.kind, data.get("input") or None))
        outcome = Outcome.OK
        if run.kind is RunKind.TOOL and getattr(outputs, "status", None) == "error":
            outcome = Outcome.ERROR
            fields["error"] = ErrorInfo(type="ToolError", message=clean_text(said_by(outputs)))
        self._tracker.end(run.key, outcome, outputs=self._captured(outputs), **fields)

    def _error(self, run: OpenRun, data: Mapping[str, Any]) -> None:
        error = data.get("error")
        if isinstance(error, BaseException):
            outcome = outcome_of(error)
            described: Any = CapturedError(error, run.capture) if outcome is Outcome.ERROR else None
        else:
            outcome = Outcome.ERROR
            described = ErrorInfo(type="unknown", message=clean_text(str(error or "")))
        self._tracker.end(run.key, outcome, error=described)

    def _close_unknown(self, run: OpenRun, error: BaseException | None) -> None:
        if error is not None:
            outcome = outcome_of(error)
            described: Any = CapturedError(error, run.capture) if outcome is Outcome.ERROR else None
        elif self._interrupted:
            outcome, described = Outcome.INTERRUPTED, None
        elif _handed_over(run):
            outcome, described = Outcome.OK, None
        else:
            outcome, described = Outcome.ERROR, self.hidden_error
        self._tracker.end(run.key, outcome, error=described)

    def _custom(self, run_id: str, event: Mapping[str, Any]) -> None:
        run = self._tracker.get(run_id)
        if run is not None:
            self._tracker.custom(run, str(event.get("name") or ""), self._captured(event.get("data")))

    def _captured(self, value: Any) -> CapturedPayload | None:
        return None if value is None else captured(value, self._capture)


def _inputs(kind: RunKind, value: Any) -> Any:
    """Return inputs in the shape callbacks give them; a root run's come as the caller wrote them."""
    if value is None:
        return None
    match kind:
        case RunKind.CHAT_MODEL:
            return value if _is_decision(value) else {"messages": _messages(value)}
        case RunKind.LLM:
            return value if isinstance(value, dict) else {"prompts": [_prompt(value)]}
        case RunKind.RETRIEVER:
            return value if isinstance(value, dict) else {"query": value}
        case RunKind.TOOL:
            return value if isinstance(value, dict) else {"input": value}
        case _:
            return value


def _messages(value: Any) -> list[Any]:
    if isinstance(value, dict) and "messages" in value:
        rows = value["messages"]
        row = rows[0] if rows and isinstance(rows[0], list) else rows
        return [revived(message) for message in row]
    if isinstance(value, PromptValue):
        return list(value.to_messages())
    if isinstance(value, str):
        return [HumanMessage(value)]
    try:
        return list(convert_to_messages(value))
    except (TypeError, ValueError):
        return [value]


def _prompt(value: Any) -> Any:
    return value.to_string() if isinstance(value, PromptValue) else value


def _outputs(kind: RunKind, value: Any) -> tuple[Any, dict[str, Any]]:
    """Return outputs in the shape callbacks give them, and the further fields of `RunEnded`."""
    if value is None:
        return None, {}
    match kind:
        case RunKind.CHAT_MODEL | RunKind.LLM if hasattr(value, "answers") or _is_decision(value):
            return value, output_fields(value)
        case RunKind.CHAT_MODEL:
            message = revived(_generated(value))
            fields = chat_result_fields([message]) if isinstance(message, BaseMessage) else {}
            return {"messages": [message]}, fields
        case RunKind.LLM:
            return completion_fields(value)
        case RunKind.RETRIEVER:
            documents = value.get("documents") if isinstance(value, dict) else value
            return {"documents": list(documents or ())}, {}
        case _:
            return (revived(value), {})


def _is_decision(value: Any) -> bool:
    """Recognise a decision model's questions and answers."""
    return isinstance(value, dict) and ("questions" in value or "answers" in value)


def _generated(value: Any) -> Any:
    """Return the message of a v1 end, which holds generations, or the v2 end's own."""
    if isinstance(value, dict) and value.get("generations"):
        first = value["generations"][0][0]
        return first.get("message") if isinstance(first, dict) else getattr(first, "message", None)
    return value


def _handed_over(run: OpenRun) -> bool:
    """Tell whether a run without an end is part of a handoff, by `Command(graph=Command.PARENT)`.

    LangGraph leaves the nodes and sub-graphs a handoff crosses by an exception, which the stream hides
    as it does errors. But a graph whose node failed is not `ok`.
    """
    below, crossed = run, run.parent
    while crossed is not None and crossed.outcome is None and crossed.kind in _CROSSED:
        below, crossed = crossed, crossed.parent
    if crossed is None or crossed.outcome is not Outcome.OK or run.kind not in _CROSSED:
        return False
    return crossed.kind in _GRAPHS or below.kind is RunKind.NODE  # what has nodes is a graph


def _speaks_of_interrupt(chunk: Any) -> bool:
    """Tell whether a graph's chunk reports an interrupt, in any of its stream modes' shapes."""
    if isinstance(chunk, dict):
        return _INTERRUPT in chunk
    return isinstance(chunk, tuple) and any(isinstance(part, dict) and _INTERRUPT in part for part in chunk)
