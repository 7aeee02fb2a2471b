"""OTLP over HTTP: protobuf and JSON, on loopback."""

from __future__ import annotations

import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tracebus_exporters.receiver._json import records_of_json, spans_of_json
from tracebus_exporters.receiver._protobuf import spans_of_bytes
from tracebus_exporters.receiver._records import records_of_bytes
from tracebus_exporters.receiver._span import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tracebus_exporters.receiver._receiver import Receiver
    from tracebus_exporters.receiver._span import Record, Span

__all__ = ["LARGEST", "HttpServer"]

LARGEST = 64 * 1024 * 1024
"""Bytes of a request, unpacked."""
_TRACES = "/v1/traces"
_LOGS = "/v1/logs"
_IGNORED = ("/v1/metrics",)
_PROTOBUF = "application/x-protobuf"
_JSON = "application/json"
_SPANS: dict[str, Callable[[bytes], Iterator[Span]]] = {_PROTOBUF: spans_of_bytes, _JSON: spans_of_json}
_RECORDS: dict[str, Callable[[bytes], Iterator[Record]]] = {
    _PROTOBUF: records_of_bytes,
    _JSON: records_of_json,
}
_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


class _Refused(Exception):  # noqa: N818  an answer, not an error of ours
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class HttpServer(ThreadingHTTPServer):
    """Takes what is posted to `/v1/traces` and `/v1/logs` on loopback.

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, receiver: Receiver, port: int) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        """The port listened at."""
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: HttpServer

    def do_POST(self) -> None:
        """Take one request in."""
        self._answered(self._take)

    def do_OPTIONS(self) -> None:
        """Let a page of this machine send."""
        self._answered(self._check_caller)

    def do_GET(self) -> None:
        """Say what this is."""
        self._answer(405, "this is tracebus receive: POST OTLP traces to /v1/traces")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Print nothing for each request."""

    def _answered(self, act: Callable[[], None]) -> None:
        try:
            act()
        except _Refused as refused:
            self.close_connection = True  # what is left of the body is not read
            self._answer(refused.status, refused.reason)
        except BadRequestError as error:
            self._answer(400, str(error))
        except OSError as error:
            self._answer(503, f"the log cannot be written: {error}")
        except Exception as error:  # noqa: BLE001  a bug of ours: the sender hears of it, and may send on
            self._answer(500, f"a bug of tracebus: {error!r}")
        else:
            self._answer(200, "")

    def _take(self) -> None:
        self._check_caller()
        path = urlsplit(self.path).path.rstrip("/")
        body = self._body()
        if path in _IGNORED:
            return
        if path == _TRACES:
            self.server.receiver.take_encoded(body, _SPANS[self._kind()])
        elif path == _LOGS:
            self.server.receiver.note(_RECORDS[self._kind()](body))
        else:
            raise _Refused(404, f"nothing is taken at {path}; traces are at {_TRACES}, logs at {_LOGS}")

    def _check_caller(self) -> None:
        """Refuse pages of other sites, also those that have a name of their own for this machine."""
        origin, host = self.headers.get("Origin"), self.headers.get("Host", "localhost")
        if urlsplit(f"//{host}").hostname not in _LOOPBACK:
            raise _Refused(421, f"{host!r} is no name of loopback")
        if origin is not None and urlsplit(origin).hostname not in _LOOPBACK:
            raise _Refused(403, f"pages of {origin!r} may not send")

    def _kind(self) -> str:
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in _SPANS:
            raise _Refused(415, f"{kind or 'no content type'} is not taken; send {_PROTOBUF} or {_JSON}")
        return kind

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            body = self._chunks()
        else:
            try:
                size = int(self.headers.get("Content-Length", ""))
            except ValueError:
                raise _Refused(411, "the request has no length") from None
            if not 0 <= size <= LARGEST:
                raise _Refused(413, f"{size} bytes are more than the {LARGEST} that are taken")
            body = self.rfile.read(size)
            if len(body) != size:
                raise _Refused(400, "the body ended early")
        encoding = self.headers.get("Content-Encoding", "identity").lower()
        if encoding in ("identity", ""):
            return body
        if encoding not in ("gzip", "deflate"):
            raise _Refused(415, f"the encoding {encoding!r} is not taken; send gzip or none")
        return _unpacked(body)

    def _chunks(self) -> bytes:
        parts, total = [], 0
        while True:
            try:
                size = int(self.rfile.readline(64).partition(b";")[0], 16)
            except ValueError:
                raise _Refused(400, "a chunk has no size") from None
            total += size
            if not 0 <= size <= LARGEST or total > LARGEST:
                raise _Refused(413, f"more than the {LARGEST} bytes that are taken")
            parts.append(self.rfile.read(size))
            self.rfile.readline(8)
            if size == 0:
                return b"".join(parts)

    def _answer(self, status: int, reason: str) -> None:
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if status != 200:  # noqa: PLR2004  ok
            body, kind = f"{reason}\n".encode(), "text/plain; charset=utf-8"
        else:
            body = b"{}" if kind == _JSON else b""
        self.send_response(status)
        self.send_header("Content-Type", kind or _PROTOBUF)
        self.send_header("Content-Length", str(len(body)))
        if status == 503:  # noqa: PLR2004  come again
            self.send_header("Retry-After", "1")
        if (origin := self.headers.get("Origin")) is not None and status not in (403, 421):
            self.send_header("Access-Control-Allow-Origin", origin.replace("\r", "").replace("\n", ""))
            self.send_header("Access-Control-Allow-Methods", "POST, OPTIONS")
            self.send_header("Access-Control-Allow-Headers", "content-type, content-encoding")
        self.end_headers()
        self.wfile.write(body)


def _unpacked(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=47)  # gzip or zlib, as the header says
    try:
        found = unpacker.decompress(body, LARGEST + 1)
    except zlib.error as error:
        raise BadRequestError(f"the body cannot be unpacked: {error}") from error
    if len(found) > LARGEST:
        raise _Refused(413, f"unpacked it is more than the {LARGEST} bytes that are taken")
    if not unpacker.eof:
        raise BadRequestError("the packed body ended early")
    return found
