"""A loopback HTTP server that answers as scripted, byte for byte, and remembers what it was asked."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Reply:
    """One answer: a body at once, or chunks one after the other."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    chunks: list[bytes] | None = None
    broken: bool = False
    """Close the connection after the chunks without the end of the body."""
    hold: threading.Event | None = None
    """Wait for this after the chunks, before the end of the body."""


def as_json(value, status=200, **headers):
    """Answer with *value* as JSON."""
    return Reply(json.dumps(value).encode(), status, headers)


def as_events(events, *, named=False, done=False, **arguments):
    """Answer with server-sent events: named after their type (Anthropic), ended by `[DONE]` (OpenAI)."""
    chunks = [
        (f"event: {event['type']}\n" if named else "").encode() + f"data: {json.dumps(event)}\n\n".encode()
        for event in events
    ]
    if done:
        chunks.append(b"data: [DONE]\n\n")
    return Reply(chunks=chunks, content_type="text/event-stream; charset=utf-8", **arguments)


class ProviderServer:
    """Answers every request with the next scripted reply; an unscripted one gets status 418."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict]] = []
        self.asked = threading.Condition()
        self._replies: deque[Reply] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = False  # so that closing waits for the handlers
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def script(self, *replies):
        self._replies.extend(replies)

    def next_reply(self, path, body):
        with self.asked:
            self.requests.append((path, body))
            self.asked.notify_all()
        return self._replies.popleft() if self._replies else Reply(b'{"error": "nothing scripted"}', 418)

    def wait_for_requests(self, count):
        with self.asked:
            assert self.asked.wait_for(lambda: len(self.requests) >= count, 10)

    def close(self):
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


def _handler_for(provider):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            length = int(self.headers["content-length"])
            self._answer(provider.next_reply(self.path, json.loads(self.rfile.read(length))))

        def _answer(self, reply):
            self.send_response(reply.status)
            for name, value in {"content-type": reply.content_type, **reply.headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("connection", "close")
            self.close_connection = True
            if reply.chunks is None:
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
                return
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            # Some tests mean the client to go away.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._send_chunks(reply)

        def _send_chunks(self, reply):
            for chunk in reply.chunks:
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.flush()
            if reply.hold is not None:
                reply.hold.wait(10)
            if not reply.broken:
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_):
            """Stay silent."""

    return Handler
