"""With content off, or everything redacted, a collector is sent nothing of the program."""

from __future__ import annotations

import pytest

from canary import CANARY, exits, run
from tracebus import EventBus
from tracebus_exporters.otel import OTelExporter


@pytest.fixture
def bodies(service, monkeypatch):
    """Return the bodies of all requests, by signal."""
    taken, receive = {}, service.receive

    def record(signal, headers, body):
        taken[signal] = taken.get(signal, b"") + body
        return receive(signal, headers, body)

    monkeypatch.setattr(service, "receive", record)
    return taken


@exits
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_what_a_collector_is_sent(service, bodies, capture, seen, protocol):
    """Traces, asked to show all content, and metrics: the bytes of every request."""
    bus = EventBus()
    where = service.http if protocol == "http/protobuf" else service.grpc
    bus.attach(OTelExporter(endpoint=where, protocol=protocol, content="span", openinference=True))
    run(bus, capture)
    bus.close(10)
    service.wait_for(lambda _: {"traces", "metrics"} <= bodies.keys())
    assert b"work" in bodies["traces"]
    assert b"gen_ai.client" in bodies["metrics"]
    assert (CANARY.encode() in bodies["traces"]) is seen
    assert CANARY.encode() not in bodies["metrics"]


@exits
def test_logs_a_collector_is_sent(service, bodies, capture, seen):
    """Content as log events, by the provider of the program."""
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
    from opentelemetry.sdk.trace import TracerProvider

    logging = LoggerProvider()
    logging.add_log_record_processor(
        SimpleLogRecordProcessor(OTLPLogExporter(endpoint=f"{service.http}/v1/logs"))
    )
    bus = EventBus()
    bus.attach(OTelExporter(tracer_provider=TracerProvider(), logger_provider=logging, content="event"))
    run(bus, capture)
    bus.close(10)
    logging.shutdown()
    assert (CANARY.encode() in bodies["logs"]) is seen
