"""Puts messages that came as log records onto their span, where other instrumentations have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import RunKind
from tracebus_exporters.otel.conventions import _semconv as sc
from tracebus_exporters.receiver._names import KINDS
from tracebus_exporters.receiver._plan import plan_of
from tracebus_exporters.receiver._records import EVENT_NAME
from tracebus_exporters.receiver._span import SpanEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus_exporters.receiver._span import Record, Span

__all__ = ["is_answer", "is_silent", "is_spoken", "said_of", "with_records"]

_PREFIX = "gen_ai."
_EXCEPTION = ".exception"
_ANSWER = "gen_ai.choice"
_CONVERSING = (RunKind.CHAT_MODEL, RunKind.LLM)


def is_spoken(record: Record) -> bool:
    """Tell whether *record* is an event of the GenAI conventions, of a span."""
    return record.name.startswith(_PREFIX) and bool(record.trace_id.strip("0") and record.span_id.strip("0"))


def is_answer(record: Record) -> bool:
    """Tell whether *record* says how a model's call ended; what was asked is written sooner."""
    return record.name in (_ANSWER, sc.EVENT_INFERENCE_DETAILS) or record.name.endswith(_EXCEPTION)


def is_silent(span: Span) -> bool:
    """Tell whether *span* is a model's and does not say what was said: its records may."""
    if KINDS.get(str(span.attributes.get(sc.OPERATION_NAME))) not in _CONVERSING:
        return False
    return not span.events and not plan_of(span.attributes).content


def with_records(span: Span, records: Iterable[Record]) -> Span:
    """Return *span* with what *records* say of it: as events of the span, or as its attributes."""
    attributes = dict(span.attributes)
    events = list(span.events)
    for record in records:
        if record.name == sc.EVENT_INFERENCE_DETAILS:
            attributes = {**said_of(record), **attributes}
        elif record.name.endswith(_EXCEPTION):
            events.append(SpanEvent(record.time, sc.EXCEPTION, said_of(record)))
        else:
            events.append(SpanEvent(record.time, record.name, said_of(record)))
    return span._replace(attributes=attributes, events=events)


def said_of(record: Record) -> dict[str, Any]:
    """Return the attributes of *record* and what its body says."""
    found = {name: value for name, value in record.attributes.items() if name != EVENT_NAME}
    match record.body:
        case None:
            return found
        case dict():
            return {**found, **record.body}
        case _:
            return {**found, "content": record.body}
