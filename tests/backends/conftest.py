"""Real backends, started for the tests where they are installed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
ROOT = Path(__file__).parents[2]


def free_ports(count: int) -> list[int]:
    """Return TCP ports nobody uses just now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def get_json(url: str):
    with urllib.request.urlopen(url, timeout=5) as response:
        return json.load(response)


def until(describe: str, probe, timeout: float = 20.0):
    """Ask *probe* again and again until it gives something true, and return that."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    last: object = None
    while time.monotonic() < deadline:
        try:
            if last := probe():
                return last
        except (OSError, urllib.error.URLError, ValueError) as error:
            last = error
        pause.wait(0.05)  # a foreign process tells us nothing, it can only be asked
    pytest.fail(f"{describe}: not within {timeout} s; last: {last!r}")


@dataclass
class Backend:
    """A running backend."""

    http: str
    grpc: str
    api: str
    until = staticmethod(until)
    get = staticmethod(get_json)


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


_JAEGER = """
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry:
    logs: {{level: error}}
    metrics: {{level: none}}
extensions:
  jaeger_query:
    storage: {{traces: memory}}
    http: {{endpoint: "127.0.0.1:{api}"}}
    grpc: {{endpoint: "127.0.0.1:{api_grpc}"}}
  jaeger_storage:
    backends:
      memory: {{memory: {{max_traces: 100000}}}}
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{grpc}"}}
      http: {{endpoint: "127.0.0.1:{http}"}}
exporters:
  jaeger_storage_exporter: {{trace_storage: memory}}
"""


@pytest.fixture(scope="session")
def jaeger(tmp_path_factory):
    """Jaeger v2 with memory storage, on free ports."""
    binary = shutil.which("jaeger") or ROOT / ".cache/tools/jaeger"
    if not Path(binary).exists():
        pytest.skip("needs Jaeger v2: run scripts/jaeger install (Go), or put jaeger on the PATH")
    http, grpc, api, api_grpc = free_ports(4)
    folder = tmp_path_factory.mktemp("jaeger")
    config = folder / "config.yaml"
    config.write_text(_JAEGER.format(http=http, grpc=grpc, api=api, api_grpc=api_grpc))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([str(binary), "--config", str(config)], stdout=log, stderr=log)
    try:
        base = f"http://127.0.0.1:{api}"
        until("Jaeger starts", lambda: get_json(f"{base}/api/services") or True)
        yield Backend(f"http://127.0.0.1:{http}", f"http://127.0.0.1:{grpc}", base)
    finally:
        _stop(process)


@pytest.fixture(scope="session")
def phoenix():
    """A running Phoenix."""
    if (url := os.environ.get("TRACEBUS_TEST_PHOENIX")) is None:
        pytest.skip(
            "needs Phoenix: start it (phoenix serve) and set TRACEBUS_TEST_PHOENIX=http://localhost:6006"
        )
    until("Phoenix answers", lambda: urllib.request.urlopen(f"{url}/healthz", timeout=5).status == 200)
    grpc = os.environ.get("TRACEBUS_TEST_PHOENIX_GRPC", "http://localhost:4317")
    return Backend(url, grpc, url)


@pytest.fixture
def demo():
    """Return a function that plays the demo and an agent into an exporter and gives the events."""
    import programme

    return programme.send


def _server(variable: str, what: str, path: str):
    if (url := os.environ.get(variable)) is None:
        pytest.skip(f"needs {what}, and {variable}=http://localhost:…")
    until(f"{what} answers", lambda: urllib.request.urlopen(f"{url}{path}", timeout=5).status == 200)
    return Backend(url, "", url)


@pytest.fixture(scope="session")
def mlflow():
    """A running MLflow."""
    return _server("TRACEBUS_TEST_MLFLOW", "MLflow: mlflow server --port 5000", "/health")


@pytest.fixture(scope="session")
def reading_code(request):
    """Return a function that runs a backend's own code on attributes, in the Python that has it."""

    def run(module: str, variable: str, code: str, given):
        python = os.environ.get(variable) or (sys.executable if find_spec(module) is not None else None)
        if python is None:
            pytest.skip(f"needs the package of {module!r} here, or the Python that has it in {variable}")
        done = subprocess.run(
            [python, "-c", f"import json, sys\ngiven = json.load(sys.stdin)\n{code}\njson.dump(made, sys.stdout)"],
            check=True, capture_output=True, text=True, timeout=120, input=json.dumps(given),
        )  # fmt: skip
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
