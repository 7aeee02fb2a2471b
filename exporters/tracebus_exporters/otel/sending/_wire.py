"""Spans as OTLP bytes.

Written by hand because the SDK's path (a `Span`, then a tree of protobuf objects built from Python)
costs four times as much and is most of what tracing costs a program: `benchmarks/otel/otel_encoding.py`.
The fields are those of opentelemetry/proto/trace/v1/trace.proto, 1.x, whose numbers cannot change;
a property test holds every byte against the protobuf library's reading.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tracebus_exporters.otel.spans._ids import SpanIds
    from tracebus_exporters.otel.spans._spans import Ending, OpenSpan, Shape

_fixed64 = struct.Struct("<Q").pack
_fixed32 = struct.Struct("<I").pack
_double = struct.Struct("<d").pack
_times = struct.Struct("<cQcQ").pack
_MASK64 = 2**64 - 1
_FLAGS = b"\x85\x01" + struct.pack("<I", 0x100)
"""`Span.flags`: it is known that the parent is not remote."""
_LINK_FLAGS = b"\x35" + struct.pack("<I", 0x100)
_ERROR = 2

_SPAN_ATTRIBUTE = b"\x4a"
_EVENT_ATTRIBUTE = b"\x1a"
_LINK_ATTRIBUTE = b"\x22"
_RESOURCE_ATTRIBUTE = b"\x0a"
_LOG_ATTRIBUTE = b"\x32"

# Attributes with few values: their encoded form is worth keeping.
_REPEATING = frozenset(
    (
        sc.OPERATION_NAME, sc.PROVIDER_NAME, sc.REQUEST_MODEL, sc.RESPONSE_MODEL, sc.RUN_KIND, sc.RUN_NAME,
        sc.WORKFLOW_NAME, sc.AGENT_NAME, sc.TOOL_NAME, sc.TOOL_TYPE, sc.ERROR_TYPE, sc.RUN_OUTCOME,
        sc.OI_SPAN_KIND, sc.OI_MODEL_NAME, sc.OI_REQUEST_MODEL, sc.OI_RESPONSE_MODEL, sc.OI_PROVIDER,
        sc.OI_SYSTEM, sc.OI_INPUT_MIME_TYPE, sc.OI_OUTPUT_MIME_TYPE, sc.OI_TOOL_NAME, sc.OI_AGENT_NAME,
        sc.OI_FINISH_REASON,
    )
)  # fmt: skip
_MOST_KEPT = 4_096
_kept: dict[tuple[str, str], bytes] = {}
_keys: dict[str, bytes] = {}


def encode_span(span: OpenSpan, ending: Ending, attribute_limit: int, event_limit: int) -> bytes:
    """Return *span* as one entry of `ScopeSpans.spans`, tag and length included."""
    ids = span.ids
    assert ids is not None
    run = span.started
    body = [b"\x0a\x10", ids.trace_id, b"\x12\x08", ids.span_id]
    if ids.state:
        body += _text(b"\x1a", ids.state.to_header())
    if span.parent is not None:
        body += (b"\x22\x08", span.parent.span_id)
    last = ending.attributes
    shape = span.shape
    dropped = 0
    body.append(_run_id(run.run_id))
    if shape is not None and len(span.attributes) + len(last) < attribute_limit:
        body.append(shape.encoded or _encode_shape(shape))
        if last:
            _add_attributes(body, (last,), _SPAN_ATTRIBUTE, attribute_limit)
    else:
        body += _heading(span.name, span.kind)
        dropped = _add_attributes(body, (span.attributes, last), _SPAN_ATTRIBUTE, attribute_limit - 1)
    body.append(_times(b"\x39", run.time & _MASK64, b"\x41", ending.time & _MASK64))
    if dropped:
        body += (b"\x50", _varint(dropped))
    if span.events or span.links or ending.error is not None:
        _add_incidents(body, span, ending.error, attribute_limit, event_limit)
    body.append(_FLAGS)
    data = b"".join(body)
    return b"".join((b"\x12", _varint(len(data)), data))


def _add_incidents(
    body: list[bytes], span: OpenSpan, error: str | None, attribute_limit: int, event_limit: int
) -> None:
    for event in span.events[:event_limit]:
        inner = [b"\x09", _fixed64(event.time & _MASK64), *_text(b"\x12", event.name)]
        _add_attributes(inner, (event.attributes,), _EVENT_ATTRIBUTE, attribute_limit)
        body += _message(b"\x5a", inner)
    for link in span.links:
        inner = [b"\x0a\x10", link.ids.trace_id, b"\x12\x08", link.ids.span_id]
        _add_attributes(inner, (link.attributes,), _LINK_ATTRIBUTE, attribute_limit)
        body += _message(b"\x6a", [*inner, _LINK_FLAGS])
    if error is not None:
        body += _message(b"\x7a", [*_text(b"\x12", error), b"\x18", _varint(_ERROR)])


def _encode_shape(shape: Shape) -> bytes:
    body = _heading(shape.name, shape.kind)
    _add_attributes(body, (shape.attributes,), _SPAN_ATTRIBUTE, len(shape.attributes))
    shape.encoded = b"".join(body)
    return shape.encoded


def _heading(name: str, kind: int) -> list[bytes]:
    return [*_text(b"\x2a", name), b"\x30", _varint(kind)]


def _run_id(run_id: str) -> bytes:
    """Return the attribute of the run's id, of which all but the id is the same for every UUID."""
    if len(run_id) == _UUID and run_id.isascii():
        return _RUN_ID + run_id.encode()
    return _encode_text_attribute(sc.RUN_ID, run_id, _SPAN_ATTRIBUTE)


class Envelope:
    """What stands around the spans of every request: resource, scope, schema.

    Log records stand in an envelope of the same field numbers.
    """

    def __init__(
        self, resource: Mapping[str, Any], resource_schema: str, scope: str, version: str, schema_url: str
    ) -> None:
        inner: list[bytes] = []
        _add_attributes(inner, (resource,), _RESOURCE_ATTRIBUTE, 1_024)
        self._resource = b"".join(_message(b"\x0a", inner))
        self._resource_schema = b"".join(_text(b"\x1a", resource_schema)) if resource_schema else b""
        described = [*_text(b"\x0a", scope), *_text(b"\x12", version)]
        self._scope = b"".join(_message(b"\x0a", described))
        self._schema = b"".join(_text(b"\x1a", schema_url))

    def seal(self, spans: Iterable[bytes]) -> bytes:
        """Return an `ExportTraceServiceRequest` of *spans*, each from `encode_span`."""
        scope_spans = _message(b"\x12", [self._scope, *spans, self._schema])
        return b"".join(_message(b"\x0a", [self._resource, *scope_spans, self._resource_schema]))


class EncodedValue(bytes):
    """The body of an `AnyValue`."""

    __slots__ = ()


def encode_value(value: Any) -> EncodedValue:
    """Return *value*, a JSON value, as the body of an `AnyValue`."""
    return EncodedValue(b"".join(_value(value)))


def encode_list(items: Iterable[EncodedValue]) -> EncodedValue:
    """Return encoded *items* as the `AnyValue` of a list."""
    body = b"".join([part for item in items for part in (b"\x0a", _varint(len(item)), item)])
    return EncodedValue(b"".join((b"\x2a", _varint(len(body)), body)))


def encode_log_record(
    name: str, time: int, severity: tuple[int, str], attributes: Mapping[str, Any], ids: SpanIds | None
) -> bytes:
    """Return an event as one entry of `ScopeLogs.log_records`, tag and length included.

    The fields are those of opentelemetry/proto/logs/v1/logs.proto, 1.x. *severity* is number and text.
    """
    body = [b"\x09", _fixed64(time & _MASK64), b"\x10", _varint(severity[0]), *_text(b"\x1a", severity[1])]
    _add_attributes(body, (attributes,), _LOG_ATTRIBUTE, len(attributes))
    if ids is not None:
        body += (b"\x45", _fixed32(ids.flags), b"\x4a\x10", ids.trace_id, b"\x52\x08", ids.span_id)
    body += (b"\x59", _fixed64(time & _MASK64), *_text(b"\x62", name))
    return b"".join(_message(b"\x12", body))


def _add_attributes(body: list[bytes], sources: Iterable[Mapping[str, Any]], tag: bytes, limit: int) -> int:
    """Append the attributes of *sources*, no more than *limit*; return how many were left out."""
    room, dropped = limit, 0
    for source in sources:
        for name, value in source.items():
            if room <= 0:
                dropped += 1
                continue
            room -= 1
            if value.__class__ is str:
                body.append(_text_attribute(name, value, tag))
            elif value.__class__ is bytes:
                body.append(_encoded_attribute(name, value, tag))
            else:
                body += _message(tag, [_key(name), *_message(b"\x12", _value(value))])
    return dropped


def _text_attribute(name: str, text: str, tag: bytes) -> bytes:
    if name not in _REPEATING or tag is not _SPAN_ATTRIBUTE:
        return _encode_text_attribute(name, text, tag)
    found = _kept.get((name, text))
    if found is None:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        found = _kept[name, text] = _encode_text_attribute(name, text, tag)
    return found


def _encode_text_attribute(name: str, text: str, tag: bytes) -> bytes:
    return _encoded_attribute(name, _utf8(text), tag)


def _encoded_attribute(name: str, data: bytes, tag: bytes) -> bytes:
    """Return an attribute whose value is a text, already in UTF-8."""
    key = _key(name)
    size = _varint(len(data))
    inner = 1 + len(size) + len(data)
    inner_size = _varint(inner)
    return b"".join(
        (tag, _varint(len(key) + 1 + len(inner_size) + inner), key, b"\x12", inner_size, b"\x0a", size, data)
    )


def _key(name: str) -> bytes:
    found = _keys.get(name)
    if found is None:
        if len(_keys) >= _MOST_KEPT:
            _keys.clear()
        found = _keys[name] = b"".join(_text(b"\x0a", name))
    return found


def _value(value: Any) -> list[bytes]:  # noqa: PLR0911  one for each type
    """Return *value* as the body of an `AnyValue`."""
    if value is None:
        return []
    if isinstance(value, str):
        return _text(b"\x0a", value)
    if isinstance(value, bool):
        return [b"\x10\x01" if value else b"\x10\x00"]
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            return _text(b"\x0a", str(value))
        return [b"\x18", _varint(value & _MASK64)]
    if isinstance(value, float):
        return [b"\x21", _double(value)]
    return _nested(value)


def _nested(value: Any) -> list[bytes]:
    """Return a list or an object as the body of an `AnyValue`; anything else as its text."""
    if isinstance(value, EncodedValue):
        return [value]
    inner: list[bytes] = []
    if isinstance(value, list | tuple):
        for item in value:
            inner += _message(b"\x0a", _value(item))
        return _message(b"\x2a", inner)
    if isinstance(value, dict):
        for name, item in value.items():
            inner += _message(b"\x0a", [*_text(b"\x0a", str(name)), *_message(b"\x12", _value(item))])
        return _message(b"\x32", inner)
    return _text(b"\x0a", str(value))


def _message(tag: bytes, body: list[bytes]) -> list[bytes]:
    return [tag, _varint(sum(map(len, body))), *body]


def _text(tag: bytes, text: str) -> list[bytes]:
    data = _utf8(text)
    return [tag, _varint(len(data)), data]


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _long_varint(number: int) -> bytes:
    groups = bytearray()
    while number >= 0x80:  # noqa: PLR2004  seven bits to a byte, the eighth says that more follow
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


_VARINTS = tuple(_long_varint(number) for number in range(4_096))


def _varint(number: int) -> bytes:
    return _VARINTS[number] if number < 4_096 else _long_varint(number)  # noqa: PLR2004  the table's size


_UUID = 36
_RUN_ID = _encode_text_attribute(sc.RUN_ID, "-" * _UUID, _SPAN_ATTRIBUTE)[:-_UUID]
