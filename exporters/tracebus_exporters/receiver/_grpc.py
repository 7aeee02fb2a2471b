"""OTLP over gRPC, on loopback."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc

from tracebus_exporters.receiver._http import LARGEST
from tracebus_exporters.receiver._protobuf import spans_of_bytes
from tracebus_exporters.receiver._records import records_of_bytes
from tracebus_exporters.receiver._span import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus_exporters.receiver._receiver import Receiver

__all__ = ["grpc_server"]

_PACKAGE = "opentelemetry.proto.collector"
_IGNORED = f"{_PACKAGE}.metrics.v1.MetricsService"
_OPTIONS = (("grpc.max_receive_message_length", LARGEST), ("grpc.so_reuseport", 0))


def grpc_server(receiver: Receiver, port: int) -> tuple[grpc.Server, int]:
    """Return a started server, and the port it listens at.

    Raises:
        OSError: the port is taken.
    """
    server = grpc.server(ThreadPoolExecutor(4, thread_name_prefix="tracebus-grpc"), options=_OPTIONS)
    traces = _taking(lambda body: receiver.take_encoded(body, spans_of_bytes))
    logs = _taking(lambda body: receiver.note(records_of_bytes(body)))
    server.add_generic_rpc_handlers(
        (
            _service(f"{_PACKAGE}.trace.v1.TraceService", traces),
            _service(f"{_PACKAGE}.logs.v1.LogsService", logs),
            _service(_IGNORED, _ignored),
        )
    )
    try:
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
    except RuntimeError as error:
        raise OSError(f"the port {port} is taken") from error
    if not bound:
        raise OSError(f"the port {port} is taken")
    server.start()
    return server, bound


def _service(name: str, export: Any) -> Any:
    # Without serialisers messages stay bytes: the empty answer is an empty message.
    return grpc.method_handlers_generic_handler(name, {"Export": grpc.unary_unary_rpc_method_handler(export)})


def _taking(take: Callable[[bytes], None]) -> Any:
    def export(request: bytes, context: Any) -> bytes:
        try:
            take(request)
        except BadRequestError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except OSError as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, f"the log cannot be written: {error}")
        return b""

    return export


def _ignored(_request: bytes, _context: Any) -> bytes:
    return b""
