"""An OTLP backend, over HTTP and gRPC, that remembers what it was sent and misbehaves on request."""

from __future__ import annotations

import contextlib
import gzip
import socket
import struct
import threading
import zlib
from concurrent import futures
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


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


@contextlib.contextmanager
def running():
    """Yield a running service on two free ports."""
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
