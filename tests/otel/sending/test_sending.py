"""Spans on their way to a backend that behaves, and to one that does not."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading

import pytest

from tracebus import EventBus
from tracebus_exporters.otel.sending import _losses, _sender
from tracebus_exporters.otel.sending._pace import Pace


@pytest.fixture
def quick(monkeypatch):
    """Retries follow at once and batches wait for a flush or to be full."""

    def make(**fields):
        pace = Pace(
            **{"delay": 3600.0, "first_pause": 0.001, "longest_pause": 0.002, "patience": 20.0, **fields}
        )
        monkeypatch.setattr(Pace, "from_environment", classmethod(lambda _: pace))

    make()
    return make


@pytest.fixture(params=["http/protobuf", "grpc"])
def backend(request, service, exporting, quick):
    """An exporter to the service, over each protocol."""
    where = service.http if request.param == "http/protobuf" else service.grpc
    return lambda **options: exporting(where, request.param, **options)


def test_what_ends_arrives_whole(backend, service, story, read):
    """A flushed chain stands in the backend with its tree, kinds and times."""
    story.chain()
    exporter = backend()
    exporter.export(story.events)
    exporter.flush(5)
    spans = {span.name: span for span in service.spans}
    root = spans["invoke_workflow"]
    assert spans["chat gpt-5"].parent_span_id == spans["ChatPromptTemplate"].parent_span_id == root.span_id
    assert {span.trace_id for span in spans.values()} == {root.trace_id}
    assert spans["chat gpt-5"].kind == 3
    assert root.start_time_unix_nano == story.events[0].time
    assert read(spans["chat gpt-5"])["gen_ai.usage.input_tokens"] == 10
    assert exporter.statistics()["spans_sent"] == 3


@pytest.mark.parametrize("status", [503, 429])
def test_a_passing_fault_is_retried(backend, service, story, answer, status):
    """A backend that says try again gets the same spans again, once it is well."""
    service.answers = [answer(status, retry_after=0.0 if status == 429 else None)]
    story.chain()
    exporter = backend()
    exporter.export(story.events)
    with contextlib.suppress(TimeoutError):  # raised unless the retry is quicker than the news
        exporter.flush(5)
    service.wait_for(lambda s: len(s.spans) == 3)
    exporter.flush(5)
    assert exporter.statistics()["spans_sent"] == 3
    assert "spans_lost" not in exporter.statistics()


def test_throttling_without_a_time_is_retried_over_http_alone(service, story, answer, exporting, quick):
    """429 says try again; gRPC's RESOURCE_EXHAUSTED does only where the server says when (OTLP's rule)."""
    for protocol, sent in (("http/protobuf", 3), ("grpc", 0)):
        service.answers = [answer(429)]
        story.events.clear()
        story.chain()
        exporter = exporting(service.http if sent else service.grpc, protocol)
        exporter.export(story.events)
        exporter.close()
        assert exporter.statistics().get("spans_sent", 0) == sent
        assert exporter.statistics().get("spans_lost_refused", 0) == 3 - sent


def test_a_refusal_is_final_counted_and_said_once(backend, service, story, answer, caplog):
    """Spans a backend calls bad are lost at once, counted, and warned of with the reason."""
    service.always = answer(400, message="bad")
    story.chain()
    exporter = backend()
    with caplog.at_level(logging.WARNING, "tracebus"):
        exporter.export(story.events)
        with pytest.raises(TimeoutError, match="3 items are lost"):
            exporter.flush(5)
        exporter.flush(5)  # said once
    found = exporter.statistics()
    assert (found["lost"], found["spans_lost"], found["spans_lost_refused"]) == (3, 3, 3)
    (record,) = caplog.records
    assert "3 spans" in record.getMessage()
    assert len(service.requests) == 1


def test_a_partial_success_counts_what_was_rejected(backend, service, story, answer, caplog):
    """Spans a backend took the request of and dropped are lost, not sent, and whoever asks is told."""
    service.answers = [answer(rejected=2, message="too old")]
    story.chain()
    exporter = backend()
    with caplog.at_level(logging.WARNING, "tracebus"):
        exporter.export(story.events)
        with pytest.raises(TimeoutError, match=r"2 items are lost .*too old"):
            exporter.flush(5)
    found = exporter.statistics()
    assert (found["spans_sent"], found["spans_lost_rejected"], found["lost"]) == (1, 2, 2)
    assert "too old" in caplog.text


def test_losses_are_said_seldom_but_all(  # noqa: PLR0917  fixtures
    service, story, answer, exporting, caplog, monkeypatch
):
    """Within half a minute one warning stands for many; what it left out is said at the end."""
    monkeypatch.setattr(_losses, "_QUIET", 30.0)
    service.always = answer(400)
    exporter = exporting(service.http)
    with caplog.at_level(logging.WARNING, "tracebus"):
        for _ in range(3):
            story.events.clear()
            story.chain()
            exporter.export(story.events)
            with pytest.raises(TimeoutError):
                exporter.flush(5)
        exporter.close()
    first, last = (record.getMessage() for record in caplog.records)
    assert first.startswith("3 spans")
    assert last.startswith("6 spans")
    assert "9 in all" in last


def test_a_throttling_backend_is_left_alone_as_long_as_it_asks(backend, service, story, answer):
    """With `Retry-After: 15` nothing is sent again soon; a flush says so at once instead of waiting."""
    service.always = answer(429, retry_after=15.0)
    story.chain()
    exporter = backend()
    exporter.export(story.events)
    with pytest.raises(TimeoutError, match="another attempt"):
        exporter.flush(60)
    with pytest.raises(TimeoutError, match="another attempt"):
        exporter.flush(60)
    exporter.close()
    assert len(service.requests) == 1
    assert exporter.statistics()["spans_lost_unreachable"] == 3


def test_a_backend_that_throttles_for_too_long_loses_the_batch(service, story, answer, exporting, quick):
    """A wait longer than a batch's patience is not waited."""
    quick(patience=5.0)
    service.answers = [answer(429, retry_after=60.0)]
    story.chain()
    exporter = exporting(service.http)
    exporter.export(story.events)
    with pytest.raises(TimeoutError, match="3 items are lost"):
        exporter.flush(10)
    assert exporter.statistics()["spans_lost"] == 3


def test_a_connection_reset_is_retried(service, story, answer, exporting):
    """A broken connection is opened anew."""
    service.answers = [answer(reset=True)]
    story.chain()
    exporter = exporting(service.http)
    exporter.export(story.events)
    exporter.close()
    assert len(service.spans) == 3


def test_a_dead_backend_delays_neither_flush_nor_close(story, exporting, quick):
    """With nobody listening, flush fails at once and close ends with its last attempt; all is counted."""
    quick(first_pause=30.0, longest_pause=30.0, patience=100.0)
    story.chain()
    exporter = exporting("http://127.0.0.1:9")
    exporter.export(story.events)
    with pytest.raises(TimeoutError):
        exporter.flush(60)
    exporter.close()
    assert exporter.statistics()["spans_lost"] == 3


def test_a_stalling_backend_holds_close_no_longer_than_stated(backend, service, story, answer, monkeypatch):
    """A backend that takes a request and never answers costs the stated seconds, no more."""
    monkeypatch.setattr(_sender, "CLOSE_TIMEOUT", 0.3)
    service.always = answer(stall=True)
    story.chain()
    exporter = backend()
    exporter.export(story.events)
    closing = threading.Thread(target=exporter.close)
    closing.start()
    service.wait_for(lambda s: s.requests)
    closing.join(10)
    assert not closing.is_alive()
    assert exporter.statistics()["spans_lost"] == 3


def test_export_never_waits_for_the_backend(service, story, answer, exporting, quick):
    """10,000 spans into a full queue: export goes on while the backend stalls, the overflow is counted."""
    quick(queue=500, batch=100)
    service.always = answer(stall=True)
    exporter = exporting(service.http)
    for _ in range(10_000):
        story.end(story.start("tool", "search"))
    exporter.export(story.events)
    lost = exporter.statistics()["spans_lost_queue_full"]
    assert 10_000 - 500 - 100 <= lost <= 10_000 - 500
    service.always = answer()
    service.release.set()
    exporter.close()
    found = exporter.statistics()
    assert found["spans_sent"] + found["spans_lost"] == 10_000


def test_large_spans_are_split_over_requests(backend, service, story):
    """Batches stay below what collectors take in one message, however large the spans."""
    for _ in range(300):
        story.end(story.start("tool", "search", inputs={"q": "ä" * 60_000}))
    exporter = backend(content=True)
    exporter.export(story.events)
    exporter.flush(20)
    assert len(service.spans) == 300
    assert max(service.sizes) < 4 * 2**20
    assert len(service.requests) > 1


def test_a_poisoned_batch_arrives(backend, service, story):
    """Strings that are no UTF-8 reach the backend mended, and their neighbours whole."""
    story.end(story.start("tool", "bad\ud800", inputs={"q": "\ud800"}))
    story.chain()
    exporter = backend(content=True)
    exporter.export(story.events)
    exporter.flush(5)
    assert len(service.spans) == 4


def test_headers_compression_and_paths_come_from_the_environment(service, story, exporting, monkeypatch):
    """The usual variables are honoured, the signal's own before the common ones."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=common")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-key=own%20key")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", service.http)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    story.chain()
    exporter = exporting(None, None)
    exporter.export(story.events)
    exporter.flush(5)
    ((signal, headers),) = service.requests
    headers = {name.lower(): value for name, value in headers.items()}
    assert (signal, headers["x-key"], headers["content-encoding"]) == ("traces", "own key", "gzip")
    resource = {
        p.key: p.value.string_value for p in service.envelopes[0].resource_spans[0].resource.attributes
    }
    assert resource["service.name"] == "shop"
    assert resource["deployment.environment.name"] == "test"


def test_the_environments_sampler_decides(service, story, exporting, monkeypatch):
    """`OTEL_TRACES_SAMPLER` holds for our own pipeline; what it refuses is counted apart from losses."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    exporter = exporting(service.http)
    for _ in range(200):
        story.chain()
    exporter.export(story.events)
    exporter.flush(5)
    found = exporter.statistics()
    assert found["spans_sent"] + found["spans_not_sampled"] == 600
    assert 150 < found["spans_sent"] < 450
    traces = {}
    for span in service.spans:
        traces[span.trace_id] = traces.get(span.trace_id, 0) + 1
    assert set(traces.values()) == {3}


def test_an_unsampled_ambient_parent_is_respected(service, story, exporting):
    """Inside a request that is not sampled nothing is sent."""
    root = story.start("graph", "g", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
    story.model(root)
    story.end(root)
    exporter = exporting(service.http)
    exporter.export(story.events)
    exporter.flush(5)
    assert service.spans == []
    assert exporter.statistics()["spans_not_sampled"] == 2


@pytest.mark.parametrize("variable", ["OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=none"])
def test_it_can_be_switched_off(service, story, exporting, monkeypatch, variable):
    """The variables that switch tracing off do."""
    monkeypatch.setenv(*variable.split("="))
    story.chain()
    exporter = exporting(service.http)
    exporter.export(story.events)
    exporter.flush(1)
    exporter.close()
    assert service.requests == []


@pytest.mark.parametrize("body", [b'{"partialSuccess":{}}', b"{}", b"[]", b"OK"])
def test_backends_may_answer_anything_with_200(service, story, exporting, answer, body):
    """An answer that is no protobuf (JSON, a word) counts as success, as the status says."""
    service.answers = [answer(body=body)]
    exporter = exporting(service.http)
    story.chain()
    exporter.export(story.events)
    exporter.flush(5)
    assert exporter.statistics()["spans_sent"] == 3


@pytest.mark.parametrize("body", [b"<html><h1>Sign in", b"\n <!doctype html>"])
def test_a_page_is_no_delivery(  # noqa: PLR0917  fixtures
    service, story, exporting, answer, body, caplog
):
    """A login wall before the collector answers 200 with a page: nothing arrived, and the bus says so."""
    service.always = answer(body=body)
    story.chain()
    with EventBus() as bus, caplog.at_level(logging.WARNING, "tracebus"):
        bus.attach(exporting(service.http))
        for event in story.events:
            bus.publish(event)
        assert not bus.flush(5)
        (row,) = bus.statistics().exporters
    assert (row.lost, row.details["spans_lost_refused"]) == (3, 3)
    assert "wants a login" in caplog.text


def test_a_partial_success_in_json_is_read(service, story, exporting, answer):
    """Some backends answer JSON to protobuf; what they rejected is lost all the same."""
    said = b'{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "no quota"}}'
    service.always = answer(body=said)
    story.chain()
    exporter = exporting(service.http)
    exporter.export(story.events)
    with pytest.raises(TimeoutError, match="no quota"):
        exporter.flush(5)
    assert exporter.statistics()["spans_lost_rejected"] == 3


_FORKING = """
import os, sys
from tracebus.bus import EventBus
from tracebus.events import Outcome, RunEnded, RunKind, RunStarted
from tracebus_exporters.otel import OTelExporter

def tell(bus, name):
    run = dict(run_id=name, root_run_id=name)
    bus.publish(RunStarted(time=1, kind=RunKind.TOOL, name=name, **run))
    bus.publish(RunEnded(time=2, outcome=Outcome.OK, **run))

bus = EventBus()
bus.attach(OTelExporter(endpoint=sys.argv[1], protocol="http/protobuf"))
tell(bus, "before")
bus.publish(RunStarted(time=1, kind=RunKind.TOOL, name="open", run_id="open", root_run_id="open"))
pid = os.fork()
if pid == 0:
    tell(bus, "child")
    bus.flush()
    os._exit(0)
os.waitpid(pid, 0)
tell(bus, "parent")
bus.close()
"""


def _run(script, *arguments, **environment):
    """Run *script* in a process of its own; return its output and how long it took to end."""
    import os

    # Python 3.12 and later warn of any fork beside threads, which is just what is tried here.
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_after_a_fork_each_process_sends_its_own_spans_once(service):
    """A forked child sends what it did; what the parent had queued or open stays the parent's."""
    done = _run(_FORKING, service.http, OTEL_METRICS_EXPORTER="none")
    assert done.returncode == 0, done.stderr
    names = sorted(span.name for span in service.spans)
    assert names == ["execute_tool before", "execute_tool child", "execute_tool open", "execute_tool parent"]


_EXITING = """
import sys, time
from tracebus.bus import EventBus
from tracebus.events import Outcome, RunEnded, RunKind, RunStarted
from tracebus_exporters.otel import OTelExporter

bus = EventBus()
bus.attach(OTelExporter(endpoint=sys.argv[1], protocol=sys.argv[2]))
bus.publish(RunStarted(time=1, kind=RunKind.TOOL, name="t", run_id="r", root_run_id="r"))
bus.publish(RunEnded(time=2, outcome=Outcome.OK, run_id="r", root_run_id="r"))
print(time.time())
"""


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_program_that_just_ends_delivers_its_spans(service, protocol):
    """Spans of a program that neither flushes nor closes arrive while it exits."""
    where = service.http if protocol == "http/protobuf" else service.grpc
    done = _run(_EXITING, where, protocol, OTEL_METRICS_EXPORTER="none")
    assert done.returncode == 0, done.stderr
    assert [span.name for span in service.spans] == ["execute_tool t"]


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_program_exits_though_its_backend_is_dead(protocol):
    """Exit with nobody listening: the program ends, the lost span is said."""
    done = _run(_EXITING, "http://127.0.0.1:9", protocol, OTEL_METRICS_EXPORTER="none")
    assert done.returncode == 0
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("1 spans")]
    assert "onnection refused" in said
    assert len(said) < 400


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_program_exits_though_its_backend_stalls(service, answer, protocol):
    """Exit with a backend that never answers: the program ends by itself."""
    service.always = answer(stall=True)
    where = service.http if protocol == "http/protobuf" else service.grpc
    done = _run(_EXITING, where, protocol, OTEL_METRICS_EXPORTER="none", OTEL_EXPORTER_OTLP_TIMEOUT="0.3")
    assert done.returncode == 0, done.stderr


def test_no_sooner_than_the_delay_and_no_later(service, story, exporting, quick):
    """Without a flush, a batch leaves when the delay is over."""
    quick(delay=0.05)
    story.chain()
    exporter = exporting(service.http)
    exporter.export(story.events)
    service.wait_for(lambda s: len(s.spans) == 3)
