"""Events of a small run, a client that follows it, and a server on a free port."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from pathlib import Path

import pytest
import uvicorn
import written_events

from tracebus.events import BatchMembership
from tracebus.runstate import apply

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("browser", "runstate", "web")]


class Story(written_events.Story):
    """Events of a small run, by hand."""

    epoch = time.time_ns()  # now: a log forgets what is old

    def batch_of(self, root, index, size):
        """Return a whole run that is one of a batch."""
        return self.whole(root, batch=BatchMembership(id="batch", index=index, size=size))

    def whole(self, root="root", tokens=5, **more):
        model = f"{root}.model"
        return [
            self.start(root, inputs={"q": "secret question"}, **more),
            self.start(model, root, "chat_model"),
            *(self.stream(f"t{number} ", model) for number in range(tokens)),
            self.end(model, usage=written_events.tokens(3, tokens)),
            self.end(root, outputs="secret answer"),
        ]


@pytest.fixture
def story():
    return Story()


class Follower:
    """A client's side: the document, from frames."""

    def __init__(self):
        self.state = None
        self.kinds = []
        self.last = None

    def take(self, frame: bytes):
        fields = dict(line.split(": ", 1) for line in frame.decode().strip().split("\n"))
        if "event" not in fields:
            return None
        kind = fields["event"]
        self.kinds.append(kind)
        self.last = int(fields["id"])
        data = json.loads(fields["data"])
        if kind == "snapshot":
            self.state = data["state"]
        elif kind == "patch":
            self.state = apply(self.state, data)
        return kind


@pytest.fixture
def follower():
    return Follower


class _Server(uvicorn.Server):
    def __init__(self, config):
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.listening.set()


@contextlib.contextmanager
def serving(app):
    """Serve *app* on a free port of this machine; yields the address."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="error", ws="none", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    socket = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    try:
        assert server.listening.wait(10)
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(name="serving", scope="session")
def _serving():
    return serving
