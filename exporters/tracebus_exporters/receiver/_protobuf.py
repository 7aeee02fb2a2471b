"""Spans out of protobuf requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from tracebus_exporters.receiver._encoded import TRACES, attributes_of
from tracebus_exporters.receiver._span import BadRequestError, Span, SpanEvent, SpanLink, moment

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["service_of", "spans_of_bytes"]

_ERROR = 2
_REMOTE = 0x300
"""`Span.flags`: it is known whether the parent is remote, and it is."""
_NO_SPAN = bytes(8)
_NONE: tuple[()] = ()


def spans_of_bytes(body: bytes) -> Iterator[Span]:
    """Return the spans of an encoded `ExportTraceServiceRequest`.

    Raises:
        BadRequestError: it is none; raised before the first span is given.
    """
    try:
        return iter(list(_spans(TRACES.FromString(body))))
    except DecodeError as error:
        raise BadRequestError(f"the body is no ExportTraceServiceRequest: {error}") from error


def _spans(request: Any) -> Iterator[Span]:
    for group in request.resource_spans:
        service = service_of(group.resource)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield _span(span, service)


def service_of(resource: Any) -> str:
    """Return the `service.name` of a resource; empty where it has none."""
    return str(attributes_of(resource.attributes).get("service.name") or "")


def _events(events: Any) -> list[SpanEvent]:
    return [
        SpanEvent(moment(each.time_unix_nano), each.name, attributes_of(each.attributes)) for each in events
    ]


def _links(links: Any) -> list[SpanLink]:
    return [
        SpanLink(each.trace_id.hex(), each.span_id.hex(), attributes_of(each.attributes)) for each in links
    ]


def _span(span: Any, service: str) -> Span:
    parent = span.parent_span_id
    failed, message = False, ""
    if span.HasField("status"):
        failed, message = span.status.code == _ERROR, span.status.message
    return Span(
        span.trace_id.hex(),
        span.span_id.hex(),
        "" if parent == _NO_SPAN else parent.hex(),
        span.name,
        moment(span.start_time_unix_nano),
        moment(span.end_time_unix_nano),
        attributes_of(span.attributes),
        _events(events) if (events := span.events) else _NONE,
        _links(links) if (links := span.links) else _NONE,
        failed,
        message,
        span.flags & _REMOTE == _REMOTE,
        service,
    )
