"""With content off, or everything redacted, nothing of the program leaves by any exit.

A program puts a canary in every place it can put one; every exit is read whole. Exits that need a server or a
screen are tried beside their own tests, in `test_canary.py` of their folders.
"""

from __future__ import annotations

import io
import json

import pytest
from answered import body_of

from canary import CANARY, attach, policies, program, run
from tracebus import EventBus


def test_the_canary_is_everywhere_without_a_policy(tmp_path):
    """The program does put it where these tests look."""
    bus, path = EventBus(), tmp_path / "events.jsonl"
    attach(bus, f"jsonl:{path}")
    run(bus, None)
    bus.close(10)
    found = path.read_text()
    assert found.count(CANARY) > 30


@policies
@pytest.mark.parametrize("kind", ["jsonl", "sqlite"])
def test_logs(tmp_path, capture, kind):
    """Files on disk, byte by byte, their journals too."""
    bus = EventBus()
    attach(bus, f"{kind}:{tmp_path / 'log'}")
    run(bus, capture)
    bus.close(10)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"work" in written
    assert CANARY.encode() not in written


@policies
def test_console_and_structlog(capture, capsys):
    """What is printed."""
    structlog = pytest.importorskip("structlog")
    from tracebus_exporters.structlog import StructlogExporter

    bus, out = EventBus(), io.StringIO()
    bus.attach(StructlogExporter(structlog.wrap_logger(structlog.PrintLogger(out))))
    attach(bus, "console")
    run(bus, capture)
    bus.close(10)
    printed = capsys.readouterr()
    assert "work" in out.getvalue()
    assert CANARY not in out.getvalue() + printed.out + printed.err


@policies
def test_opentelemetry(capture):
    """Spans, their events, and logs, asked to show all content."""
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from tracebus_exporters.otel import OTelExporter

    spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()
    traces, logging = TracerProvider(), LoggerProvider()
    traces.add_span_processor(SimpleSpanProcessor(spans))
    logging.add_log_record_processor(SimpleLogRecordProcessor(logs))
    bus = EventBus()
    bus.attach(
        OTelExporter(tracer_provider=traces, logger_provider=logging, content="span", openinference=True)
    )
    run(bus, capture)
    bus.close(10)
    found = "".join(span.to_json() for span in spans.get_finished_spans())
    found += "".join(str(entry.log_record) for entry in logs.get_finished_logs())
    assert "work" in found
    assert CANARY not in found


@policies
@pytest.mark.parametrize("wire", ["patch", "append", "text", "agui", "ai"])
def test_the_wires(capture, wire):
    """Everything a client is sent, failures included."""
    pytest.importorskip("starlette")
    from tracebus_exporters.web import stream_response

    options = {"wire": wire, "capture": capture, "inner": True, "tracebacks": True}
    body = body_of(lambda: stream_response(program(), {"question": CANARY}, **options))
    assert body
    assert CANARY.encode() not in body


@policies
def test_folds_and_what_is_open(capture):
    """The tree, the run state, and what a late reader is given."""
    from tracebus import RunState, RunTree
    from tracebus.events import encode_json

    bus, events = EventBus(), []
    bus.attach(events.extend)
    run(bus, capture)
    bus.close(10)
    state, tree = RunState(), RunTree()
    for event in events:
        state.apply(event)
        tree.apply(event)
    seen = json.dumps(state.document) + "".join(encode_json(event).decode() for event in events)
    for root in tree.roots:
        seen += f"{root.text}{root.outputs}{[child.tool_calls for child in root.children]}"
    assert CANARY not in seen
