"""Spans and log records out of JSON requests: names in camel case, ids in hex, large integers as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tracebus_exporters.receiver._records import EVENT_NAME
from tracebus_exporters.receiver._span import BadRequestError, Record, Span, SpanEvent, SpanLink, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["records_of_json", "spans_of_json"]

_T = TypeVar("_T")
_REMOTE = 0x300
_ERROR = (2, "STATUS_CODE_ERROR")
_DEEPEST = 32
_HEX = re.compile(r"[0-9a-fA-F]+")
_ZEROS = "0" * 16


def spans_of_json(body: bytes) -> Iterator[Span]:
    """Return the spans of an `ExportTraceServiceRequest` in JSON.

    Raises:
        BadRequestError: it is none; raised before the first span is given.
    """
    return _read(body, _spans, "ExportTraceServiceRequest")


def records_of_json(body: bytes) -> Iterator[Record]:
    """Return the records of an `ExportLogsServiceRequest` in JSON.

    Raises:
        BadRequestError: it is none; raised before the first record is given.
    """
    return _read(body, _records, "ExportLogsServiceRequest")


def _read(body: bytes, read: Callable[[Any], Iterator[_T]], name: str) -> Iterator[_T]:
    try:
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequestError(f"the body is no JSON: {error}") from error
    try:
        return iter(list(read(request)))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadRequestError(f"the body is no {name}: {error!r}") from error


def _records(request: Any) -> Iterator[Record]:
    for group in request.get("resourceLogs") or ():
        service = _service(group)
        for scope in group.get("scopeLogs") or ():
            for record in scope.get("logRecords") or ():
                attributes = _attributes(record.get("attributes"))
                yield Record(
                    str(record.get("traceId") or "").lower(),
                    str(record.get("spanId") or "").lower(),
                    _time(record.get("timeUnixNano") or record.get("observedTimeUnixNano")),
                    str(record.get("eventName") or attributes.get(EVENT_NAME) or ""),
                    attributes,
                    _value(record.get("body"), _DEEPEST),
                    service,
                )


def _service(group: dict[str, Any]) -> str:
    resource = _attributes((group.get("resource") or {}).get("attributes"))
    return str(resource.get("service.name") or "")


def _spans(request: Any) -> Iterator[Span]:
    for group in request.get("resourceSpans") or ():
        service = _service(group)
        for scope in group.get("scopeSpans") or ():
            for span in scope.get("spans") or ():
                yield _span(span, service)


def _span(span: dict[str, Any], service: str) -> Span:
    status = span.get("status") or {}
    parent = span.get("parentSpanId") or ""
    return Span(
        _id(span["traceId"], 32),
        _id(span["spanId"], 16),
        "" if not parent or parent == _ZEROS else _id(parent, 16),
        str(span.get("name") or ""),
        _time(span.get("startTimeUnixNano")),
        _time(span.get("endTimeUnixNano")),
        _attributes(span.get("attributes")),
        [
            SpanEvent(
                _time(each.get("timeUnixNano")),
                str(each.get("name") or ""),
                _attributes(each.get("attributes")),
            )
            for each in span.get("events") or ()
        ],
        [
            SpanLink(_id(each["traceId"], 32), _id(each["spanId"], 16), _attributes(each.get("attributes")))
            for each in span.get("links") or ()
        ],
        status.get("code") in _ERROR,
        str(status.get("message") or ""),
        int(span.get("flags") or 0) & _REMOTE == _REMOTE,
        service,
    )


def _id(text: str, length: int) -> str:
    if len(text) != length or _HEX.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no id of {length} hexadecimal digits")
    return text.lower()


def _time(value: Any) -> int:
    return moment(_within(int(value or 0), 0, 2**64))


def _within(number: int, least: int, above: int) -> int:
    if not least <= number < above:
        raise ValueError("a number has more than 64 bits")
    return number


def _attributes(pairs: Any) -> dict[str, Any]:
    return {str(pair["key"]): _value(pair.get("value"), _DEEPEST) for pair in pairs or ()}


def _value(value: Any, depth: int) -> Any:  # noqa: PLR0911  one for each type
    match value:
        case {"stringValue": str(text)}:
            return text
        case {"intValue": number}:
            return _within(int(number), -(2**63), 2**63)
        case {"doubleValue": number}:
            return float(number)
        case {"boolValue": bool(flag)}:
            return flag
        case {"arrayValue": dict(array)}:
            return [_value(item, depth - 1) for item in array.get("values") or ()] if depth else None
        case {"kvlistValue": dict(pairs)} if depth:
            return {
                str(pair["key"]): _value(pair.get("value"), depth - 1) for pair in pairs.get("values") or ()
            }
        case {"bytesValue": str(text)}:
            return f"<{len(text) * 3 // 4} bytes>"
        case _:
            return None
