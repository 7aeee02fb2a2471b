"""Attributes known by how they were encoded: the same as the library reads them, however often they come."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

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
