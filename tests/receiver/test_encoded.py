"""Attributes known by how they were encoded: the same as the library reads them, however often they come."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from tracebus_exporters.receiver._json import spans_of_json
from tracebus_exporters.receiver._protobuf import spans_of_bytes
from tracebus_exporters.receiver._span import BadRequestError

PLAIN = st.text(max_size=300) | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.floats(allow_nan=False)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
ATTRIBUTES = st.dictionaries(st.text(max_size=5), VALUES, max_size=4)


def any_value(value):
    """Return *value* as OTLP writes it."""
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case str():
            return AnyValue(string_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
        case _:
            return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))


def pairs(attributes):
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


@settings(max_examples=60, deadline=None)
@given(st.lists(ATTRIBUTES, max_size=4))
def test_attributes_are_what_was_sent(sent):
    """Of spans, events, links and the resource; also those that came before."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(pairs({"service.name": "shop"}))
    spans = group.scope_spans.add().spans
    for attributes in [*sent, *sent]:
        span = spans.add(trace_id=b"\1" * 16, span_id=b"\2" * 8)
        for holder in (span, span.events.add(), span.links.add()):
            holder.attributes.extend(pairs(attributes))
    found = list(spans_of_bytes(request.SerializeToString()))
    assert [span.attributes for span in found] == [*sent, *sent]
    assert [span.events[0].attributes for span in found] == [*sent, *sent]
    assert [span.links[0].attributes for span in found] == [*sent, *sent]
    assert {span.service for span in found} <= {"shop"}


def test_an_attribute_that_is_none_refuses_the_request():
    """Though it is read after the rest: nothing of such a request is taken."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"\1" * 16)
    span.attributes.add(key="name").value.string_value = "value"
    body = request.SerializeToString().replace(b"value", b"va\xffue")
    with pytest.raises(BadRequestError, match="no ExportTraceServiceRequest"):
        spans_of_bytes(body)


@pytest.mark.parametrize(("sent", "read"), [(5, 5), (2**63 - 1, 2**63 - 1), (2**63, 0), (2**64 - 1, 0)])
def test_a_time_no_log_can_hold_is_none(sent, read):
    """The wire's times are unsigned: `-1` of a sender is a time in the year 2554."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.end_time_unix_nano = bytes(16), bytes(8), sent
    span.events.add().time_unix_nano = sent
    events = [{"timeUnixNano": str(sent)}]
    by_json = json.dumps(
        {"traceId": "0" * 32, "spanId": "0" * 16, "endTimeUnixNano": str(sent), "events": events}
    )
    body = f'{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{by_json}]}}]}}]}}'.encode()
    for found in (*spans_of_bytes(request.SerializeToString()), *spans_of_json(body)):
        assert (found.end, found.events[0].time) == (read, read)


@pytest.mark.parametrize(
    "field",
    [
        '"endTimeUnixNano": "18446744073709551616"',
        '"endTimeUnixNano": "-1"',
        '"attributes": [{"key": "k", "value": {"intValue": "9223372036854775808"}}]',
    ],
)
def test_a_number_of_more_than_64_bits_is_refused(field):
    """JSON has room for what the protocol has none for."""
    span = f'{{"traceId": "{"0" * 32}", "spanId": "{"0" * 16}", {field}}}'
    with pytest.raises(BadRequestError, match="more than 64 bits"):
        spans_of_json(f'{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{span}]}}]}}]}}'.encode())
