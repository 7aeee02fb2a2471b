"""Spans as OTLP bytes, held against the protobuf library and the SDK's own encoder."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import TraceState

from tracebus.events import RunKind, RunStarted
from tracebus_exporters.otel.content._structures import structure
from tracebus_exporters.otel.sending._wire import Envelope, encode_log_record, encode_span
from tracebus_exporters.otel.spans._ids import SpanIds
from tracebus_exporters.otel.spans._spans import Ending, OpenSpan, SpanEvent, SpanLink

_text = st.text(max_size=300)
_value = st.one_of(
    _text,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.none(),
    st.lists(st.one_of(_text, st.integers(-5, 5)), max_size=4),
)
_attributes = st.dictionaries(st.text(min_size=1, max_size=200), _value, max_size=12)
_time = st.integers(0, 2**63)
_ids = st.builds(SpanIds, st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8))


def _plain(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _read(value.kvlist_value.values)
    return None if kind is None else getattr(value, kind)


def _read(pairs):
    return {pair.key: _plain(pair.value) for pair in pairs}


def _span(name, start, attributes, ids, parent=None, events=(), links=()):  # noqa: PLR0917  all a span has
    started = RunStarted(time=start, run_id="r", root_run_id="r", kind=RunKind.TOOL, name="n")
    span = OpenSpan(started, None, name, 3)
    span.ids, span.parent, span.attributes = ids, parent, attributes
    span.events = [SpanEvent(*event) for event in events]
    span.links = [SpanLink(*link) for link in links]
    return span


def _decoded(*spans):
    envelope = Envelope({"service.name": "s", "n": 1}, "http://r", "scope", "1.0", schema_url="http://s")
    return ExportTraceServiceRequest.FromString(envelope.seal(spans)).resource_spans[0]


@given(
    _text, _time, _time, _attributes, _attributes, _ids, st.none() | _ids, st.none() | _text,
    st.lists(st.tuples(_time, _text, _attributes), max_size=3), st.lists(st.tuples(_ids, _attributes), max_size=3),
)  # fmt: skip
def test_protobuf_reads_back_what_was_written(  # noqa: PLR0917  all a span has
    name, start, end, first, last, ids, parent, error, events, links
):
    """Whatever a span holds, the protobuf library finds it in its place in our bytes."""
    last = {key: value for key, value in last.items() if key not in first}
    span = _span(name, start, first, ids, parent, events, links)
    found = _decoded(encode_span(span, Ending(end, last, error), 100, 100)).scope_spans[0].spans[0]
    assert (found.trace_id, found.span_id, found.name, found.kind) == (ids.trace_id, ids.span_id, name, 3)
    assert found.parent_span_id == (parent.span_id if parent else b"")
    assert (found.start_time_unix_nano, found.end_time_unix_nano) == (start, end)
    assert _read(found.attributes) == {**first, **last, "langchain.run.id": "r"}
    assert [(e.time_unix_nano, e.name, _read(e.attributes)) for e in found.events] == events
    assert [(e.trace_id, e.span_id, _read(e.attributes)) for e in found.links] == [
        (i.trace_id, i.span_id, a) for i, a in links
    ]
    assert (found.status.code, found.status.message) == ((2, error) if error is not None else (0, ""))
    assert found.flags == 0x100


_tree = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _text,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_text, _time, _attributes, _ids, st.dictionaries(st.sampled_from("abc"), _tree, max_size=3))
def test_protobuf_reads_back_a_log_record(name, time, attributes, ids, content):
    """Whatever an event holds, structures among it, is found in its place."""
    content = {f"content.{key}": value for key, value in content.items()}
    written = {key: structure(value, 1_000_000).encoded() for key, value in content.items()}
    record = encode_log_record(name, time, (13, "WARN"), {**attributes, **written}, ids)
    envelope = Envelope({}, "", "scope", "1.0", schema_url="")
    request = ExportLogsServiceRequest.FromString(envelope.seal([record]))
    (found,) = request.resource_logs[0].scope_logs[0].log_records
    assert (found.event_name, found.time_unix_nano, found.observed_time_unix_nano) == (name, time, time)
    assert (found.severity_number, found.severity_text) == (13, "WARN")
    assert (found.trace_id, found.span_id, found.flags) == (ids.trace_id, ids.span_id, ids.flags)
    assert _read(found.attributes) == {**attributes, **content}


def test_the_envelope_names_resource_scope_and_schema():
    """Around the spans stand the resource, our scope with its version, and both schema URLs."""
    ids = SpanIds(b"t" * 16, b"s" * 8, state=TraceState([("vendor", "x")]))
    one = encode_span(_span("a", 1, {}, ids), Ending(2, {}, None), 9, 9)
    found = _decoded(one, one)
    assert _read(found.resource.attributes) == {"service.name": "s", "n": 1}
    assert found.schema_url == "http://r"
    (scope,) = found.scope_spans
    assert (scope.scope.name, scope.scope.version, scope.schema_url) == ("scope", "1.0", "http://s")
    assert len(scope.spans) == 2
    assert scope.spans[0].trace_state == "vendor=x"


def test_attributes_beyond_the_limit_are_counted():
    """What does not fit is left out from the end, and the span says how much."""
    ids = SpanIds(b"t" * 16, b"s" * 8)
    span = _span("a", 1, {f"k{i}": i for i in range(6)}, ids)
    found = _decoded(encode_span(span, Ending(2, {"late": 1}, None), 4, 9)).scope_spans[0].spans[0]
    assert list(_read(found.attributes)) == ["langchain.run.id", "k0", "k1", "k2"]
    assert found.dropped_attributes_count == 4


def test_a_string_that_is_no_utf_8_harms_nobody():
    """A lone surrogate and an integer too large for the wire are replaced, and the batch is whole."""
    ids = SpanIds(b"t" * 16, b"s" * 8)
    span = _span("a\ud800", 1, {"k\udfff": "v\ud800", "n": 2**70}, ids)
    found = _decoded(encode_span(span, Ending(2, {}, "e\ud800"), 9, 9)).scope_spans[0].spans[0]
    assert found.name == "a?"
    assert _read(found.attributes) == {"langchain.run.id": "r", "k?": "v?", "n": str(2**70)}
    assert found.status.message == "e?"


def test_the_sdk_encodes_the_same_run_to_the_same_span(story):
    """Both ways out say the same of one run: our bytes, and the SDK's encoder on a `TracerProvider`'s spans."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from tracebus_exporters.otel import OTelExporter
    from tracebus_exporters.otel.sinks import _otlp_sink

    story.chain()
    story.fail(story.start("tool", "search"))
    encoded = []

    class Keeping:
        def __init__(self, *_):
            pass

        def put(self, span):
            encoded.append(span)

        def close(self):
            pass

    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    OTelExporter(tracer_provider=provider, content=True).export(story.events)
    original, _otlp_sink.Sender = _otlp_sink.Sender, Keeping
    try:
        OTelExporter(endpoint="http://localhost:1", content=True).export(story.events)
    finally:
        _otlp_sink.Sender = original
    theirs = encode_spans(memory.get_finished_spans()).resource_spans[0].scope_spans[0].spans
    ours = _decoded(*encoded).scope_spans[0].spans
    assert len(ours) == len(theirs) == 4
    for one, other in zip(ours, theirs, strict=True):
        for span in (one, other):
            span.trace_id = span.span_id = span.parent_span_id = b""
            span.status.SetInParent()  # the SDK writes an empty status, we none
        assert one == other
