"""An OTLP backend that misbehaves on request, and events written by hand."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest
import written_events

from tracebus import ambient
from tracebus.events import ErrorInfo, ModelInfo
from tracebus_exporters.otel import OTelExporter
from tracebus_exporters.otel.sending import _losses

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from otlp_service import Answer, attributes, running


@pytest.fixture(autouse=True)
def _no_otel_environment(monkeypatch):
    """Nothing of the machine's own settings, no reader left behind, every loss warned of."""
    import os

    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(_losses, "_QUIET", 0.0)
    yield
    ambient._readers = ()


@pytest.fixture
def read():
    """Return a protobuf span's attributes as plain values."""
    return attributes


@pytest.fixture
def answer():
    return Answer


@pytest.fixture
def service():
    """A running service on two free ports."""
    with running() as made:
        yield made


class Story(written_events.History):
    """Tells events by hand, a millisecond apart."""

    epoch = 1_700_000_000_000_000_000
    numbered = False

    def __init__(self):
        super().__init__()
        self._now = 0.0
        self._ids = itertools.count(1)

    def tick(self, milliseconds=1.0):
        self._now += milliseconds / 1e3
        return self._now

    def start(self, kind="chain", name="RunnableSequence", parent=None, **fields):
        run_id = fields.pop("run_id", None) or f"00000000-0000-7000-8000-{next(self._ids):012x}"
        super().start(run_id, parent, at=self.tick(), kind=kind, name=name, **fields)
        return run_id

    def end(self, run_id, outcome="ok", **fields):
        super().end(run_id, at=self.tick(), outcome=outcome, **fields)

    def fail(self, run_id, message="no", error_type="ValueError", traceback="Traceback…"):
        self.end(run_id, "error", error=ErrorInfo(type=error_type, message=message, traceback=traceback))

    def stream(self, run_id, text="x"):
        super().stream(run_id, text, at=self.tick())

    def retry(self, run_id, attempt=2):
        super().retry(run_id, attempt, at=self.tick(), error=ErrorInfo(type="OSError", message="again"))

    def custom(self, run_id, name="progress", data=None):
        super().custom(run_id, name, data, at=self.tick())

    def gap(self, missed=10):
        super().gap(missed, at=self.tick())

    def model(self, parent=None, *, text="Hello", usage=True, ended=True, provider="openai", **fields):
        """A chat model's whole run."""
        parameters = fields.pop("parameters", {"temperature": 0.5})
        run = self.start(
            "chat_model",
            "ChatOpenAI",
            parent,
            model=ModelInfo(provider=provider, name="gpt-5", parameters=parameters),
            inputs={"messages": [{"type": "system", "content": "be"}, {"type": "human", "content": "hi"}]},
            **fields,
        )
        if ended:
            self.end(
                run,
                outputs={"messages": [{"type": "ai", "content": text}]},
                usage=written_events.tokens(10, 5) if usage else None,
                finish_reasons=("stop",),
                model=ModelInfo(name="gpt-5-2026-08-07"),
                response_id="resp-1",
            )
        return run

    def chain(self):
        """A chain of a prompt and a model."""
        root = self.start(inputs={"q": "hi"})
        prompt = self.start("prompt", "ChatPromptTemplate", root)
        self.end(prompt)
        self.model(root)
        self.end(root, outputs="Hello")
        return root


@pytest.fixture
def story():
    return Story()


@pytest.fixture(scope="session")
def new_story():
    """Return what makes a story, for tests that need many."""
    return Story


@pytest.fixture
def recorded():
    """Return a function that runs events through an exporter and gives the SDK's spans by name."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    def run(events, *, close=True, provider=None, **options):
        memory = InMemorySpanExporter()
        provider = provider or TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(memory))
        exporter = OTelExporter(tracer_provider=provider, **options)
        exporter.export(events)
        if close:
            exporter.close()
        return {span.name: span for span in memory.get_finished_spans()}

    return run


@pytest.fixture
def logged():
    """Return a function that gives the log records and spans of events."""
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs import export as log_export
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    # Renamed in opentelemetry-sdk 1.39, whose Logs API is not stable yet.
    in_memory = getattr(log_export, "InMemoryLogRecordExporter", None) or log_export.InMemoryLogExporter

    def run(events, **options):
        memory, spans = in_memory(), InMemorySpanExporter()
        logs = LoggerProvider(shutdown_on_exit=False)
        logs.add_log_record_processor(log_export.SimpleLogRecordProcessor(memory))
        traces = TracerProvider(shutdown_on_exit=False)
        traces.add_span_processor(SimpleSpanProcessor(spans))
        OTelExporter(tracer_provider=traces, logger_provider=logs, **options).export(events)
        return [one.log_record for one in memory.get_finished_logs()], spans.get_finished_spans()

    return run


@pytest.fixture
def exporting(monkeypatch):
    """Return a function that makes an exporter to an endpoint; closes them all at the end."""
    made = []

    def make(endpoint, protocol="http/protobuf", **options):
        exporter = OTelExporter(endpoint=endpoint, protocol=protocol, **options)
        made.append(exporter)
        return exporter

    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    yield make
    for exporter in made:
        exporter.close()
