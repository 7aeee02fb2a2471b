from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from pathlib import Path

import pytest
import uvicorn

from tracebus.events import BatchMembership, Outcome, RunEnded, RunKind, RunStarted, RunStreamed, TokenUsage
from tracebus.runstate import apply

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("browser", "runstate", "web")]

T0 = time.time_ns()  # now: a log forgets what is old


class Story:
    """Events of a small run, by hand."""

    def start(self, run_id="root", parent=None, kind=RunKind.CHAIN, root="root", **more):
        return RunStarted(
            **{
                "time": T0,
                "run_id": run_id,
                "parent_run_id": parent,
                "root_run_id": root,
                "kind": kind,
                "name": run_id,
                **more,
            }
        )

    def stream(self, text="", run_id="root", root="root", **more):
        return RunStreamed(time=T0 + 1_000_000, run_id=run_id, root_run_id=root, text=text, **more)

    def end(self, run_id="root", root="root", outcome=Outcome.OK, **more):
        return RunEnded(time=T0 + 2_000_000, run_id=run_id, root_run_id=root, outcome=outcome, **more)

    def batch_of(self, root, index, size):
        """Return a whole run that is one of a batch."""
        return self.whole(root, batch=BatchMembership(id="batch", index=index, size=size))

    def whole(self, root="root", tokens=5, **more):
        model = f"{root}.model"
        return [
            self.start(root, root=root, inputs={"q": "secret question"}, **more),
            self.start(model, root, RunKind.CHAT_MODEL, root),
            *(self.stream(f"t{number} ", model, root) for number in range(tokens)),
            self.end(
                model, root, usage=TokenUsage(input_tokens=3, output_tokens=tokens, total_tokens=3 + tokens)
            ),
            self.end(root, root, outputs="secret answer"),
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
