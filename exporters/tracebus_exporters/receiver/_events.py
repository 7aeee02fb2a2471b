"""Makes the events of a run from a span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tracebus.capture import to_json
from tracebus.events import (
    BatchMembership,
    CustomEmitted,
    Cut,
    ErrorInfo,
    Link,
    Outcome,
    RunEnded,
    RunKind,
    RunRetried,
    RunStarted,
    RunStreamed,
)
from tracebus_exporters.otel.conventions import _semconv as sc
from tracebus_exporters.receiver._messages import parsed
from tracebus_exporters.receiver._models import MODELS, used
from tracebus_exporters.receiver._payloads import call_id, given, made
from tracebus_exporters.receiver._plan import plan_of
from tracebus_exporters.receiver._reading import number_or_none, text_or_none
from tracebus_exporters.receiver._sharing import identity_of, metadata_kept
from tracebus_exporters.receiver._spoken import said_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tracebus.capture import Capture
    from tracebus.events import RunEvent
    from tracebus_exporters.receiver._plan import Plan
    from tracebus_exporters.receiver._sharing import Identity
    from tracebus_exporters.receiver._span import Record, Span, SpanEvent

__all__ = ["Place", "events_of", "late_event"]

_MOST_EVENTS = 128


class Place(NamedTuple):
    """Where a run stands."""

    run_id: str
    parent_run_id: str | None
    root_run_id: str


def events_of(
    span: Span, place: Place, capture: Capture, run_of: Callable[[str, str], str]
) -> tuple[RunStarted, list[RunEvent], RunEnded | None]:
    """Return start, what happened in between, and end of the run that *span* is; an open one has no end.

    Args:
        span: the span.
        place: its ids as a run.
        capture: what of the content is kept, and what is redacted.
        run_of: the id of the run that the span of a trace id and a span id is.
    """
    attributes = span.attributes
    plan = plan_of(attributes)
    identity = identity_of(attributes, plan, capture)
    kind = identity.kind
    inputs: Any = None
    metadata, cuts = metadata_kept(span, plan, capture)
    if plan.content or span.events:
        inputs, more = _kept(given(span, kind, flat=plan.flat), capture, "/inputs")
        cuts = more + cuts
    run_id, parent, root = place
    started = RunStarted(
        time=span.start,
        kind=kind,
        name=identity.name or span.name or "?",
        tags=_tags(attributes) if plan.noted_by_us else (),
        metadata=metadata,
        inputs=inputs,
        model=identity.asked,
        tool_call_id=_call_id(span) if kind is RunKind.TOOL else None,
        batch=_batch(attributes) if plan.batch else None,
        links=_links(span, run_of) if span.links else (),
        attempt=number_or_none(attributes.get(sc.RUN_ATTEMPT)) if plan.noted_by_us else None,
        cuts=cuts,
        run_id=run_id,
        parent_run_id=parent,
        root_run_id=root,
    )
    ended = _ended(span, identity, plan, capture, place) if span.end else None
    if not span.events and not plan.waited:
        return started, [], ended
    return started, _between(span, kind, ended, capture, place._asdict()), ended


def _call_id(span: Span) -> str | None:
    own = span.attributes.get(sc.TOOL_CALL_ID) or span.attributes.get(sc.OI_TOOL_ID)
    return text_or_none(own) if own is not None else call_id(span)


def _tags(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    tags = attributes.get(sc.RUN_TAGS) or attributes.get(sc.OI_TAGS)
    return tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()


def _batch(attributes: Mapping[str, Any]) -> BatchMembership | None:
    batch, index, size = (attributes.get(name) for name in (sc.BATCH_ID, sc.BATCH_INDEX, sc.BATCH_SIZE))
    if isinstance(batch, str) and isinstance(index, int) and isinstance(size, int):
        return BatchMembership(batch, index, size)
    return None


def _links(span: Span, run_of: Callable[[str, str], str]) -> tuple[Link, ...]:
    found = []
    for link in span.links[:_MOST_EVENTS]:
        relation = str(link.attributes.get(sc.LINK_RELATION, "related"))
        if relation != "batch":  # said by the batch's own attributes
            run = text_or_none(link.attributes.get(sc.LINK_RUN_ID)) or run_of(link.trace_id, link.span_id)
            found.append(Link(run_id=run, relation=relation))
    return tuple(found)


def _ended(span: Span, identity: Identity, plan: Plan, capture: Capture, place: Place) -> RunEnded:
    attributes = span.attributes
    kind = identity.kind
    outcome = _outcome(span, plan)
    outputs: Any = None
    cuts: tuple[Cut, ...] = ()
    if plan.content or span.events:
        outputs, cuts = _kept(made(span, kind, flat=plan.flat), capture, "/outputs")
    run_id, parent, root = place
    usage = None
    reasons: tuple[str, ...] = ()
    if kind in MODELS:  # an agent's span repeats what its models said of themselves
        usage = used(attributes, plan)
        reasons = _reasons(attributes.get(sc.RESPONSE_FINISH_REASONS) or attributes.get(sc.OI_FINISH_REASON))
    return RunEnded(
        time=max(span.start, span.end),
        outcome=outcome,
        outputs=outputs,
        usage=usage,
        error=_error(span) if outcome is Outcome.ERROR else None,
        finish_reasons=reasons,
        model=identity.answered,
        response_id=text_or_none(attributes.get(sc.RESPONSE_ID)),
        cached=plan.noted_by_us and attributes.get(sc.RUN_CACHED) is True,
        cuts=cuts,
        run_id=run_id,
        parent_run_id=parent,
        root_run_id=root,
    )


def _outcome(span: Span, plan: Plan) -> Outcome:
    if plan.noted_by_us and (own := span.attributes.get(sc.RUN_OUTCOME)) is not None:
        try:
            return Outcome(own)
        except ValueError:
            pass  # a newer writer's
    if plan.failed and span.attributes[sc.ERROR_TYPE] == sc.UNFINISHED:
        return Outcome.ABANDONED
    return Outcome.ERROR if span.failed or plan.failed else Outcome.OK


def _reasons(reasons: Any) -> tuple[str, ...]:
    values = reasons if isinstance(reasons, list) else [reasons]
    return tuple([str(reason) for reason in values if reason not in (None, sc.FINISH_REASON_ERROR)])


def _error(span: Span) -> ErrorInfo:
    raised = next((event for event in reversed(span.events) if event.name == sc.EXCEPTION), None)
    if raised is not None:
        return _described(raised.attributes)
    return ErrorInfo(type=text_or_none(span.attributes.get(sc.ERROR_TYPE)) or "error", message=span.message)


def _described(attributes: Mapping[str, Any]) -> ErrorInfo:
    return ErrorInfo(
        type=text_or_none(attributes.get(sc.EXCEPTION_TYPE)) or "error",
        message=text_or_none(attributes.get(sc.EXCEPTION_MESSAGE)) or "",
        traceback=text_or_none(attributes.get(sc.EXCEPTION_STACKTRACE)),
    )


def _between(
    span: Span, kind: RunKind, ended: RunEnded | None, capture: Capture, ids: dict[str, Any]
) -> list[RunEvent]:
    found: list[RunEvent] = []
    for event in span.events[:_MOST_EVENTS]:
        made_of = _happened(event, ended, capture, ids)
        if made_of is not None:
            found.append(made_of)
    waited = span.attributes.get(sc.RESPONSE_TIME_TO_FIRST_CHUNK)
    if kind in MODELS and isinstance(waited, int | float) and ended is not None:
        text, reasoning = _said(ended.outputs)
        if text or reasoning:  # when the first of it came is known, when the rest did is not
            at = min(ended.time, span.start + int(waited * 1e9))
            found.append(RunStreamed(time=at, text=text, reasoning=reasoning, **ids))
    return found


def _happened(
    event: SpanEvent, ended: RunEnded | None, capture: Capture, ids: dict[str, Any]
) -> RunEvent | None:
    attributes = event.attributes
    if event.name == sc.RETRY_EVENT:
        error = _described(attributes) if sc.EXCEPTION_TYPE in attributes else None
        delay = attributes.get(sc.RETRY_DELAY)
        return RunRetried(
            time=event.time,
            attempt=number_or_none(attributes.get(sc.RETRY_ATTEMPT)) or 2,
            delay=float(delay) if isinstance(delay, int | float) else None,
            error=error,
            **ids,
        )
    if event.name.startswith("gen_ai.") or (
        event.name == sc.EXCEPTION and ended is not None and ended.error is not None
    ):
        return None  # a message, or the run's error: said already
    value = parsed(attributes[sc.CUSTOM_DATA]) if sc.CUSTOM_DATA in attributes else (attributes or None)
    data, cuts = _kept(value, capture, "/data")
    return CustomEmitted(time=event.time, name=event.name, data=data, cuts=cuts, **ids)


def late_event(record: Record, place: Place, capture: Capture) -> RunEvent:
    """Return a record that came when its span was told already, as an event of the program's own."""
    data, cuts = _kept(said_of(record), capture, "/data")
    return CustomEmitted(time=record.time, name=record.name, data=data, cuts=cuts, **place._asdict())


def _said(outputs: Any) -> tuple[str, str]:
    """Return the text and the reasoning of a model's answer."""
    messages = outputs.get("messages") if isinstance(outputs, dict) else None
    if isinstance(outputs, dict) and isinstance(texts := outputs.get("completions"), list):
        return "\n".join(text for text in texts if isinstance(text, str)), ""
    text, reasoning = [], []
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else [content]:
            match block:
                case str():
                    text.append(block)
                case {"type": "reasoning", "reasoning": str(thought)}:
                    reasoning.append(thought)
                case {"text": str(said)}:
                    text.append(said)
    return "".join(text), "".join(reasoning)


def _kept(value: Any, capture: Capture, path: str) -> tuple[Any, tuple[Cut, ...]]:
    """Return *value* under the rules of *capture*, and what was left out."""
    if value is None or value == {}:
        return value, ()
    if not capture.content:
        return None, (Cut(path, "content"),)
    return to_json(value, capture, path)
