"""Spans out of protobuf requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracebus_exporters.receiver._span import BadRequestError, Span, SpanEvent, SpanLink

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["spans_of_bytes", "spans_of_request"]

_ERROR = 2
_REMOTE = 0x300
"""`Span.flags`: it is known whether the parent is remote, and it is."""
_DEEPEST = 32
_NO_SPAN = bytes(8)


def spans_of_bytes(body: bytes) -> Iterator[Span]:
    """Return the spans of an encoded `ExportTraceServiceRequest`.

    Raises:
        BadRequestError: it is none.
    """
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise BadRequestError(f"the body is no ExportTraceServiceRequest: {error}") from error
    return spans_of_request(request)


def spans_of_request(request: Any) -> Iterator[Span]:
    """Yield the spans of *request*."""
    for group in request.resource_spans:
        service = next(
            (pair.value.string_value for pair in group.resource.attributes if pair.key == "service.name"), ""
        )
        for scope in group.scope_spans:
            for span in scope.spans:
                yield _span(span, service)


def _span(span: Any, service: str) -> Span:
    status = span.status
    parent = span.parent_span_id
    return Span(
        span.trace_id.hex(),
        span.span_id.hex(),
        "" if parent == _NO_SPAN else parent.hex(),
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _attributes(span.attributes),
        [SpanEvent(each.time_unix_nano, each.name, _attributes(each.attributes)) for each in span.events],
        [
            SpanLink(each.trace_id.hex(), each.span_id.hex(), _attributes(each.attributes))
            for each in span.links
        ],
        status.code == _ERROR,
        status.message,
        span.flags & _REMOTE == _REMOTE,
        service,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        value = pair.value
        if text := value.string_value:  # what most values are; asking which one it is costs as much again
            found[pair.key] = text
        elif number := value.int_value:
            found[pair.key] = number
        else:
            found[pair.key] = _value(value, value.WhichOneof("value"), _DEEPEST)
    return found


def _value(value: Any, which: str | None, depth: int) -> Any:
    if which is None or depth == 0:
        return None
    if which == "array_value":
        return [_value(item, item.WhichOneof("value"), depth - 1) for item in value.array_value.values]
    if which == "kvlist_value":
        return {
            pair.key: _value(pair.value, pair.value.WhichOneof("value"), depth - 1)
            for pair in value.kvlist_value.values
        }
    found = getattr(value, which)
    return f"<{len(found)} bytes>" if isinstance(found, bytes) else found
