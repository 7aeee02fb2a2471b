"""The conventions' events on the Logs API."""

from __future__ import annotations

import pytest

from tracebus_exporters.otel.content import _structures


def test_an_inference_has_an_event_in_its_spans_context(story, logged):
    """A given `LoggerProvider` gets one event for each model call, belonging to its span, without content."""
    story.chain()
    (record,), spans = logged(story.events)
    chat = next(span for span in spans if span.name == "chat gpt-5")
    assert record.event_name == "gen_ai.client.inference.operation.details"
    assert (record.trace_id, record.span_id) == (chat.context.trace_id, chat.context.span_id)
    assert record.timestamp == chat.end_time
    assert record.severity_number.value == 5
    assert record.attributes["gen_ai.usage.input_tokens"] == 10
    assert "Hello" not in str(dict(record.attributes))


def test_messages_are_structured_on_events(story, logged):
    """With `content="event"` the event has the messages as structures, the span has none."""
    story.chain()
    (record,), spans = logged(story.events, content="event")
    (message,) = record.attributes["gen_ai.output.messages"]
    assert message["role"] == "assistant"
    assert message["parts"][0]["content"] == "Hello"
    assert not any("gen_ai.output.messages" in span.attributes for span in spans)


def test_a_failed_operation_has_an_exception_event(story, logged):
    """An exception is an event named by its operation, WARN, with type and message."""
    story.fail(story.start("tool", "search"), "boom", "httpx.ReadTimeout")
    (record,), _ = logged(story.events)
    assert record.event_name == "gen_ai.execute_tool.exception"
    assert record.severity_number.value == 13
    assert record.attributes["exception.type"] == "httpx.ReadTimeout"


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_events_reach_a_backend_of_our_own(service, story, exporting, read, protocol):
    """With an endpoint alone and events asked for, they go there, mended and whole."""
    run = story.start(
        "chat_model", "M", inputs={"messages": [{"type": "human", "content": "x\ud800" * 50_000}]}
    )
    story.end(
        run, outputs={"messages": [{"type": "ai", "content": ["a", {"type": "image", "url": "http://x/y"}]}]}
    )
    exporter = exporting(
        service.http if protocol == "http/protobuf" else service.grpc, protocol, content="event"
    )
    exporter.export(story.events)
    exporter.flush(5)
    (record,) = service.logs
    (span,) = service.spans
    assert (record.trace_id, record.span_id, record.time_unix_nano) == (
        span.trace_id,
        span.span_id,
        span.end_time_unix_nano,
    )
    found = read(record)
    assert len(found["gen_ai.input.messages"][0]["parts"][0]["content"]) < 70_000
    assert found["gen_ai.output.messages"][0]["parts"][1] == {
        "type": "uri",
        "modality": "image",
        "uri": "http://x/y",
    }
    assert exporter.statistics()["log_events_sent"] == 1


def test_no_events_unless_asked_for(service, story, exporting, monkeypatch):
    """By default nothing goes to the logs endpoint; the variable switches it on."""
    story.model()
    exporter = exporting(service.http)
    exporter.export(story.events)
    exporter.flush(5)
    assert service.logs == []
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT", "true")
    exporter = exporting(service.http)
    exporter.export(story.events)
    exporter.flush(5)
    assert len(service.logs) == 1


def test_a_message_is_made_once_for_all_events_it_is_in(story, logged, monkeypatch):
    """Of a conversation that grows, each event makes what is new; and no more than a limit leaves."""
    made = []
    cleaned = _structures._cleaned
    monkeypatch.setattr(
        _structures, "_cleaned", lambda value, measure: made.append(value) or cleaned(value, measure)
    )
    messages = [{"type": "human", "content": f"{number} " + "word " * 400} for number in range(400)]
    for length in (398, 399, 400):
        run = story.start("chat_model", "M", inputs={"messages": messages[:length]})
        story.end(run, outputs={"messages": [messages[0]]})
    records, _ = logged(story.events, content="event")
    (first, *_), (*_, last) = (record.attributes["gen_ai.input.messages"] for record in records[::2])
    assert first["parts"][0]["content"].startswith("0 word")
    assert last["parts"][0]["content"].startswith("399 word")
    assert len(made) < 600
