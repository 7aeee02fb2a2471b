"""The demo in a real Phoenix, read back through its API."""

from __future__ import annotations

import urllib.parse
import uuid

import pytest

from tracebus.events import Outcome, RunEnded, RunStarted
from tracebus_exporters.otel import OTelExporter

pytestmark = pytest.mark.timeout(180)
_KINDS = {
    "chat_model": "LLM",
    "llm": "LLM",
    "tool": "TOOL",
    "retriever": "RETRIEVER",
    "agent": "AGENT",
    "prompt": "PROMPT",
}


def _spans(phoenix, project, count):
    def ask():
        url = f"{phoenix.api}/v1/projects/{urllib.parse.quote(project)}/spans?limit=1000"
        found = {span["attributes"]["langchain.run.id"]: span for span in phoenix.get(url)["data"]}
        return found if len(found) >= count else None

    return phoenix.until(f"{count} spans in Phoenix", ask, 60)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_phoenix_understands_the_whole_demo(phoenix, demo, monkeypatch, protocol):
    """Every run of the demo is a span in Phoenix with its kind, tokens, status, inputs and outputs."""
    project = f"demo-{uuid.uuid4()}"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", f"openinference.project.name={project}")
    where = phoenix.grpc if protocol == "grpc" else phoenix.http
    events = demo(OTelExporter(endpoint=where, protocol=protocol, content=True, openinference=True))
    starts = {event.run_id: event for event in events if isinstance(event, RunStarted)}
    ends = {event.run_id: event for event in events if isinstance(event, RunEnded)}
    spans = _spans(phoenix, project, len(starts))
    assert spans.keys() == starts.keys()
    for run_id, start in starts.items():
        span, end = spans[run_id], ends[run_id]
        attributes = span["attributes"]
        parent = spans[start.parent_run_id]["context"]["span_id"] if start.parent_run_id else None
        assert span["parent_id"] == parent
        assert span["span_kind"] == _KINDS.get(start.kind, "CHAIN")
        assert (span["status_code"] == "ERROR") == (end.outcome is Outcome.ERROR)
        if end.usage is not None:
            assert attributes["llm.token_count.prompt"] == end.usage.input_tokens
            assert attributes["llm.token_count.completion"] == end.usage.output_tokens
        if start.inputs is not None:
            assert "input.value" in attributes
        if start.kind == "chat_model":
            assert attributes["llm.input_messages.0.message.role"] in {"system", "user"}


@pytest.mark.parametrize("openinference", [False, True])
def test_phoenix_renders_messages_from_the_conventions(phoenix, demo, monkeypatch, openinference):
    """Phoenix makes its own messages out of ours, with OpenInference's attributes and without."""
    project = f"demo-{uuid.uuid4()}"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", f"openinference.project.name={project}")
    events = demo(OTelExporter(endpoint=phoenix.http, content=True, openinference=openinference))
    starts = {event.run_id: event for event in events if isinstance(event, RunStarted)}
    ends = {event.run_id: event for event in events if isinstance(event, RunEnded)}
    spans = _spans(phoenix, project, len(starts))
    answered = [
        spans[run_id]["attributes"]
        for run_id, start in starts.items()
        if start.kind == "chat_model" and ends[run_id].outcome is Outcome.OK
    ]
    assert answered
    for attributes in answered:
        assert attributes["llm.output_messages.0.message.role"] == "assistant"
        assert attributes["llm.model_name"].startswith("scripted")
