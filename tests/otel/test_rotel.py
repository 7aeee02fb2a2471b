"""Through rotel, a collector that is not written in Python, and on to the next hop."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tracebus.events import RunStarted
from tracebus_exporters.otel import OTelExporter

pytestmark = pytest.mark.timeout(60)


def _agent() -> Path | None:
    if given := os.environ.get("TRACEBUS_TEST_ROTEL"):
        return Path(given)
    found = importlib.util.find_spec("rotel")
    return None if found is None or found.origin is None else Path(found.origin).parent / "rotel-agent"


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def rotel(service, tmp_path):
    """rotel, forwarding to the in-test service; gives its gRPC and HTTP endpoints."""
    agent = _agent()
    if agent is None or not agent.exists():
        pytest.skip(
            "needs rotel: pip install rotel==0.0.1a15 (Python 3.11, libpython3.11), or TRACEBUS_TEST_ROTEL"
        )
    grpc, http = _free_ports(2)
    command = [
        str(agent), "start",
        "--otlp-grpc-endpoint", f"127.0.0.1:{grpc}", "--otlp-http-endpoint", f"127.0.0.1:{http}",
        "--exporter", "otlp", "--otlp-exporter-endpoint", service.grpc, "--otlp-exporter-protocol", "grpc",
        "--batch-timeout", "50ms",
    ]  # fmt: skip
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path)
    pause, deadline = threading.Event(), time.monotonic() + 20
    while not (_answers(grpc) and _answers(http)):
        assert process.poll() is None, (tmp_path / "log").read_text()
        assert time.monotonic() < deadline, "rotel does not listen"
        pause.wait(0.02)  # a foreign process tells us nothing, it can only be asked
    yield {"grpc": f"http://127.0.0.1:{grpc}", "http/protobuf": f"http://127.0.0.1:{http}"}
    process.terminate()
    process.wait(10)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_foreign_collector_understands_us(  # noqa: PLR0917  fixtures
    rotel, service, story, read, monkeypatch, protocol, compression
):
    """What a Rust collector took from us and passed on is what we sent: ids, tree, kinds, attributes."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
    story.chain()
    story.fail(story.start("tool", "search", inputs={"q": "ä\ud800"}), "boom")
    exporter = OTelExporter(endpoint=rotel[protocol], protocol=protocol, content=True)
    exporter.export(story.events)
    exporter.flush(10)
    assert exporter.statistics()["spans_sent"] == 4
    service.wait_for(lambda s: len(s.spans) == 4)
    exporter.close()
    spans = {read(span)["langchain.run.id"]: span for span in service.spans}
    for start in (event for event in story.events if isinstance(event, RunStarted)):
        span = spans[start.run_id]
        parent = spans[start.parent_run_id].span_id if start.parent_run_id else b""
        assert (span.parent_span_id, span.start_time_unix_nano) == (parent, start.time)
        assert span.kind == (3 if start.kind == "chat_model" else 1)
    failed = next(span for span in service.spans if span.name == "execute_tool search")
    assert (failed.status.code, failed.status.message) == (2, "boom")
    assert [event.name for event in failed.events] == ["exception"]
    (resource,) = {
        pair.value.string_value
        for request in service.envelopes
        for group in request.resource_spans
        for pair in group.resource.attributes
        if pair.key == "service.name"
    }
    assert resource == "shop"
    (scope,) = {g.scope.name for r in service.envelopes for s in r.resource_spans for g in s.scope_spans}
    assert scope == "tracebus"
