"""The demo in a real Jaeger, read back through its API."""

from __future__ import annotations

import json

import pytest

from tracebus.events import Outcome, RunEnded, RunStarted
from tracebus_exporters.otel import OTelExporter

pytestmark = pytest.mark.timeout(120)
_KINDS = {"chat_model": "client", "llm": "client", "embedding": "client"}


def _tags(pairs):
    return {pair["key"]: pair["value"] for pair in pairs}


def _spans(jaeger, service, count):
    """Return the service's spans by run id, once *count* have arrived."""

    def ask():
        found = jaeger.get(f"{jaeger.api}/api/traces?service={service}&limit=1000")["data"]
        spans = {
            _tags(span["tags"])["langchain.run.id"]: {
                **span,
                "service": trace["processes"][span["processID"]]["serviceName"],
            }
            for trace in found
            for span in trace["spans"]
        }
        return spans if len(spans) >= count else None

    return jaeger.until(f"{count} spans in Jaeger", ask)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_jaeger_has_the_whole_demo(jaeger, demo, monkeypatch, protocol):
    """Every run of the demo is a span in Jaeger, in its place, with its name, kind, times and status."""
    service = f"demo-{protocol.partition('/')[0]}"
    monkeypatch.setenv("OTEL_SERVICE_NAME", service)
    where = jaeger.grpc if protocol == "grpc" else jaeger.http
    exporter = OTelExporter(endpoint=where, protocol=protocol, content=True)
    events = demo(exporter)
    starts = {event.run_id: event for event in events if isinstance(event, RunStarted)}
    ends = {event.run_id: event for event in events if isinstance(event, RunEnded)}
    assert len(starts) > 60
    spans = _spans(jaeger, service, len(starts))
    assert spans.keys() == starts.keys()
    assert exporter.statistics()["spans_sent"] == len(starts)
    assert "spans_lost" not in exporter.statistics()
    for run_id, start in starts.items():
        span, end = spans[run_id], ends[run_id]
        tags = _tags(span["tags"])
        parents = [ref["spanID"] for ref in span["references"] if ref["refType"] == "CHILD_OF"]
        assert parents == ([spans[start.parent_run_id]["spanID"]] if start.parent_run_id else [])
        assert span["traceID"] == spans[start.root_run_id]["traceID"]
        assert tags["span.kind"] == _KINDS.get(start.kind, "internal")
        assert tags["langchain.run.kind"] == start.kind
        assert span["startTime"] == start.time // 1000  # Jaeger keeps microseconds
        assert abs(span["duration"] - (end.time - start.time) / 1000) <= 1
        assert span["service"] == service
        assert (tags.get("otel.status_code") == "ERROR") == (end.outcome is Outcome.ERROR)
        if end.error is not None:
            exceptions = [_tags(log["fields"]) for log in span["logs"]]
            assert end.error.type in [found.get("exception.type") for found in exceptions]
        if end.usage is not None:
            assert tags["gen_ai.usage.input_tokens"] == end.usage.input_tokens
        if "gen_ai.output.messages" in tags:
            assert json.loads(tags["gen_ai.output.messages"])
    kinds = {_tags(span["tags"])["langchain.run.kind"] for span in spans.values()}
    assert kinds >= {"chain", "prompt", "chat_model", "tool", "retriever", "parser"}
    names = {span["operationName"] for span in spans.values()}
    assert {"invoke_workflow help_desk", "chat scripted-large", "retrieval"} <= names


def test_jaeger_takes_what_would_poison_a_batch(jaeger, monkeypatch):
    """Odd strings and large content reach Jaeger with the rest."""
    from langchain_core.runnables import RunnableLambda

    from tracebus import observe

    monkeypatch.setenv("OTEL_SERVICE_NAME", "odd")
    odd = RunnableLambda(lambda text: text * 100_000).with_config(run_name="odd\ud800\x00\u202e name")
    with observe(odd, to=[OTelExporter(endpoint=jaeger.http, content=True)]) as chain:
        chain.invoke("\ud800ä\x00", {"metadata": {"big": 2**80, "\udfff": "\udfff"}})
    (span,) = _spans(jaeger, "odd", 1).values()
    assert span["operationName"].startswith("invoke_workflow odd")
    assert 1_000 < len(_tags(span["tags"])["langchain.output"]) <= 65_536
