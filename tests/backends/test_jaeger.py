"""The demo in a real Jaeger, read back through its API."""

from __future__ import annotations

import json
import time

import pytest

from tracebus import EventBus
from tracebus.events import ErrorInfo, Outcome, RunEnded, RunKind, RunStarted
from tracebus.exporting import resolve
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


def test_jaeger_gets_the_runs_worth_keeping_and_each_whole(jaeger, monkeypatch):
    """Of a thousand runs, told in turns, the seven that failed and the three slow ones: ten whole traces."""
    service = "kept"
    monkeypatch.setenv("OTEL_SERVICE_NAME", service)
    began, second = time.time_ns(), 1_000_000_000
    failed, slow = {n * 100 + 7 for n in range(7)}, {50, 550, 950}
    where = jaeger.http.replace("http:", "otlp+http:", 1)
    with EventBus() as bus:
        bus.attach(resolve(f"{where}?keep=errors,slower:5s")[0])
        for first in range(0, 1_000, 10):
            several = range(first, first + 10)
            told = [_told(n, began, second * (6 if n in slow else 1), failed=n in failed) for n in several]
            for together in zip(*told, strict=True):
                for event in together:
                    bus.publish(event)
        assert bus.flush(30)
        counts = bus.statistics().exporters[0].details
    assert (counts["runs_kept"], counts["runs_left_out"], counts["spans_sent"]) == (10, 990, 40)

    def ask():
        found = jaeger.get(f"{jaeger.api}/api/traces?service={service}&limit=2000")["data"]
        return found if sum(len(trace["spans"]) for trace in found) >= 40 else None

    traces = jaeger.until("40 spans in Jaeger", ask)
    assert len(traces) == 10
    reasons = {}
    for trace in traces:
        assert len(trace["spans"]) == 4
        (root,) = [span for span in trace["spans"] if not span["references"]]
        tags = _tags(root["tags"])
        reasons[tags["langchain.run.id"]] = tags["tracebus.kept.reasons"]
    assert reasons == {f"run{n}": '["error"]' for n in failed} | {f"run{n}": '["slow"]' for n in slow}


def _told(number, began, took, *, failed):
    """Return the events of a root run with a chain of three below it."""
    ids = [f"run{number}", *(f"run{number}.{n}" for n in range(3))]
    parents = [None, *ids[:-1]]
    outcome = Outcome.ERROR if failed else Outcome.OK
    error = ErrorInfo(type="ValueError", message="no") if failed else None
    starts = [
        RunStarted(
            time=began, run_id=run, parent_run_id=parent, root_run_id=ids[0], kind=RunKind.CHAIN, name="step"
        )
        for run, parent in zip(ids, parents, strict=True)
    ]
    ends = [
        RunEnded(
            time=began + took,
            run_id=run,
            parent_run_id=parent,
            root_run_id=ids[0],
            outcome=outcome,
            error=error,
        )
        for run, parent in zip(reversed(ids), reversed(parents), strict=True)
    ]
    return [*starts, *ends]
