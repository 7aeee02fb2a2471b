"""An OTLP backend that misbehaves on request, and events written by hand."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import struct
import threading
import zlib
from concurrent import futures
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import written_events

from tracebus import ambient
from tracebus.events import ErrorInfo, ModelInfo
from tracebus_exporters.otel import OTelExporter
from tracebus_exporters.otel.sending import _losses


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


@dataclass
class Answer:
    """How the service answers one request."""

    status: int = 200
    """HTTP's; the gRPC side translates."""
    retry_after: float | None = None
    rejected: int = 0
    message: str = ""
    reset: bool = False
    stall: bool = False
    body: bytes | None = None


@dataclass
class OtlpService:
    """Takes OTLP over HTTP and gRPC and remembers it; answers as the test says, then with OK."""

    answers: list[Answer] = field(default_factory=list)
    always: Answer = field(default_factory=Answer)
    spans: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    requests: list[tuple[str, Any]] = field(default_factory=list)
    """Every request: its path and headers, those refused among them."""
    sizes: list[int] = field(default_factory=list)
    envelopes: list[Any] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    release: threading.Event = field(default_factory=threading.Event)
    http_port: int = 0
    grpc_port: int = 0

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def grpc(self) -> str:
        return f"http://127.0.0.1:{self.grpc_port}"

    def receive(self, signal: str, headers: Any, body: bytes) -> Answer:
        with self.changed:
            self.requests.append((signal, headers))
            self.sizes.append(len(body))
            answer = self.answers.pop(0) if self.answers else self.always
            if answer.status == 200 and not answer.reset and not answer.stall:
                self._store(signal, body)
            self.changed.notify_all()
        if answer.stall:
            self.release.wait(30)
        return answer

    def _store(self, signal, body):
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
            ExportMetricsServiceRequest,
        )
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        if signal == "traces":
            request = ExportTraceServiceRequest.FromString(body)
            self.envelopes.append(request)
            self.spans += [s for r in request.resource_spans for sc in r.scope_spans for s in sc.spans]
        elif signal == "metrics":
            request = ExportMetricsServiceRequest.FromString(body)
            self.metrics += [m for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics]
        else:
            request = ExportLogsServiceRequest.FromString(body)
            self.logs += [x for r in request.resource_logs for s in r.scope_logs for x in s.log_records]

    def wait_for(self, condition, timeout=10.0):
        """Block until *condition* of this service holds."""
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), timeout), (
                f"not within {timeout} s; had {self.requests}, {len(self.spans)} spans"
            )


def attributes(span) -> dict[str, Any]:
    """A protobuf span's attributes as plain values."""
    return {pair.key: plain(pair.value) for pair in span.attributes}


def plain(value) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
    return getattr(value, kind)


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
    import grpc

    made = OtlpService()
    web = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    web.daemon_threads = True
    made.http_port = web.server_address[1]
    serving = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    serving.start()
    server = grpc.server(
        futures.ThreadPoolExecutor(4), options=(("grpc.max_receive_message_length", 4 * 2**20),)
    )
    server.add_generic_rpc_handlers((_grpc_handler(made),))
    made.grpc_port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield made
    made.release.set()
    server.stop(None)
    web.shutdown()
    web.server_close()
    serving.join(5)


def _handler(service):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            encoding = self.headers.get("Content-Encoding")
            body = {"gzip": gzip.decompress, "deflate": zlib.decompress}.get(encoding, bytes)(body)
            said = service.receive(self.path.rsplit("/", 1)[-1], dict(self.headers), body)
            with contextlib.suppress(ConnectionError):
                self._answer(said)

        def _answer(self, said):
            if said.reset or said.stall:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            data = said.body if said.body is not None else _response(said).SerializeToString()
            self.send_response(said.status)
            if said.retry_after is not None:
                self.send_header("Retry-After", str(said.retry_after))
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

        def finish(self):
            with contextlib.suppress(OSError, ValueError):
                super().finish()

    return Handler


def _response(said):
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTracePartialSuccess,
        ExportTraceServiceResponse,
    )

    if not said.rejected:
        return ExportTraceServiceResponse()
    partial = ExportTracePartialSuccess(rejected_spans=said.rejected, error_message=said.message)
    return ExportTraceServiceResponse(partial_success=partial)


def _grpc_handler(service):
    import grpc
    from google.rpc.error_details_pb2 import RetryInfo

    codes = {
        429: grpc.StatusCode.RESOURCE_EXHAUSTED,
        503: grpc.StatusCode.UNAVAILABLE,
        400: grpc.StatusCode.INVALID_ARGUMENT,
        404: grpc.StatusCode.UNIMPLEMENTED,
    }

    class Handler(grpc.GenericRpcHandler):
        def service(self, details):
            signal = next(s for s in ("trace", "metrics", "logs") if f".{s}." in details.method)
            signal = {"trace": "traces"}.get(signal, signal)

            def export(body, context):
                said = service.receive(signal, dict(context.invocation_metadata()), body)
                if said.status == 200 and not said.stall:
                    return _response(said).SerializeToString()
                if said.retry_after is not None:
                    info = RetryInfo()
                    info.retry_delay.FromMilliseconds(int(said.retry_after * 1000))
                    context.set_trailing_metadata((("google.rpc.retryinfo-bin", info.SerializeToString()),))
                context.abort(codes.get(said.status, grpc.StatusCode.UNAVAILABLE), said.message)
                return b""

            return grpc.unary_unary_rpc_method_handler(export)

    return Handler()


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
