"""A real Redis server, where there is one; no process is left behind by a test."""

from __future__ import annotations

import itertools
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
import processes

_names = itertools.count()


class Server:
    """A `redis-server` of the tests' own: a free loopback port, a directory of its own."""

    def __init__(self, folder, *options):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.folder = folder
        self._options = options
        self.process = None
        self.start()

    def start(self):
        """Start, and return when connections are accepted."""
        self.process = subprocess.Popen(
            [
                *(
                    "redis-server",
                    "--port",
                    str(self.port),
                    "--bind",
                    "127.0.0.1",
                    "--dir",
                    str(self.folder),
                ),
                *("--save", "", "--appendonly", "yes", "--appendfsync", "everysec", *self._options),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for line in self.process.stdout:
            if "Ready to accept connections" in line:
                return
        raise RuntimeError("redis-server did not start")

    def kill(self):
        """Kill -9, and return when it is gone."""
        self.signal(signal.SIGKILL)
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def signal(self, number):
        self.process.send_signal(number)

    def url(self, options=""):
        """Return the URL of a log nobody has written to yet."""
        return f"redis://127.0.0.1:{self.port}/0?name=log{next(_names)}{options}"


def _server(tmp_path_factory, *options):
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server (Debian: apt-get install redis-server)")
    pytest.importorskip("redis", reason="needs redis-py (pip install 'tracebus[redis]')")
    return Server(tmp_path_factory.mktemp("redis"), *options)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    """A server for all tests that leave it as it is."""
    server = _server(tmp_path_factory)
    yield server
    server.kill()


@pytest.fixture
def own_redis_server(tmp_path_factory):
    """A server this test may stop, kill or fill."""
    server = _server(tmp_path_factory)
    yield server
    if server.process.poll() is None:
        server.kill()


@pytest.fixture
def start_redis(tmp_path_factory):
    """Start servers with options of the test's own."""
    started = []

    def start(*options):
        started.append(_server(tmp_path_factory, *options))
        return started[-1]

    yield start
    for server in started:
        server.kill()


@pytest.fixture(autouse=True)
def no_process_left():
    """End what a test started and, having failed, did not wait for."""
    yield
    while processes.started:
        process = processes.started.pop()
        if process.poll() is None:
            process.kill()
        if not process.stdout.closed:  # or the test has read it to its end
            process.communicate()


@pytest.fixture
def short_timeouts(monkeypatch):
    """Take a Redis server that does not answer for absent sooner."""
    monkeypatch.setattr("tracebus_exporters.redis._settings._TIMEOUT", 0.3)
