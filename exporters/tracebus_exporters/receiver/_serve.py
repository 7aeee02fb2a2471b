"""Runs a receiver's servers."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from tracebus.capture import DEFAULT_CAPTURE
from tracebus_exporters.receiver._grpc import grpc_server
from tracebus_exporters.receiver._http import HttpServer
from tracebus_exporters.receiver._receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.capture import Capture
    from tracebus.logs import Log

__all__ = ["Served", "serve"]

_PATIENCE = 5.0


class Served(NamedTuple):
    """A receiver that listens."""

    receiver: Receiver
    http: int
    """The port of OTLP/HTTP."""
    grpc: int
    """The port of OTLP/gRPC."""


@contextmanager
def serve(
    log: Log,
    *,
    http_port: int = 4318,
    grpc_port: int = 4317,
    capture: Capture = DEFAULT_CAPTURE,
    hold: float = 1.0,
) -> Iterator[Served]:
    """Listen on loopback until the block ends; then everything that came is in *log*.

    Args:
        log: where events go.
        http_port: 0 takes a free one.
        grpc_port: likewise.
        capture: what of the content is kept, and what is redacted.
        hold: seconds a trace waits for its root span before it is shown without.

    Raises:
        OSError: a port is taken, or at the end the log cannot be written.
    """
    receiver = Receiver(log, capture=capture, hold=hold)
    http = HttpServer(receiver, http_port)
    try:
        grpc, bound = grpc_server(receiver, grpc_port)
    except OSError:
        http.server_close()
        raise
    thread = threading.Thread(target=http.serve_forever, args=(0.05,), name="tracebus-otlp-http", daemon=True)
    thread.start()
    receiver.start()
    try:
        yield Served(receiver, http.port, bound)
    finally:
        grpc.stop(_PATIENCE).wait(_PATIENCE)
        http.shutdown()
        thread.join()
        http.server_close()
        receiver.close()
