"""Spans a second taken in over OTLP: `tracebus receive` into SQLite, rotel and Jaeger, on the same bytes.

    python benchmarks/receiver/receiving.py [--spans N] [--connections N]

Requests of 512 spans (agents with models and tools, no content) are encoded before anything is measured, and
sent over HTTP on loopback by threads of this process. Wall time is from the first request to the last answer
(tracebus answers when a request is stored); CPU is what the receiving process used, which a busy machine
disturbs less. rotel (a Rust collector, in the test group) throws what it took away; Jaeger
(`scripts/jaeger install`, Go) keeps it in memory; tracebus keeps it in a database on disk, indexed.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import importlib.util
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable

REQUEST = 512
AGENT = 8
MODEL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.response.model": "gpt-5-2026",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 812,
    "gen_ai.usage.output_tokens": 96,
    "server.address": "api.openai.com",
    "server.port": 443,
}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.tool.type": "function"}
ROOT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk"}
TICKS = os.sysconf("SC_CLK_TCK")


def encoded(number: int) -> bytes:
    """Return a request of so many spans: agents of seven steps, steps before their agent."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    put(group.resource.attributes, {"service.name": "shop"})
    spans = group.scope_spans.add().spans
    now = time.time_ns()
    for place in range(REQUEST):
        span, step = spans.add(), place % AGENT
        span.trace_id = (number * REQUEST + place // AGENT + 1).to_bytes(16, "big")
        span.span_id = (number * REQUEST + place + 1).to_bytes(8, "big")
        span.start_time_unix_nano, span.end_time_unix_nano = now + place, now + place + 1_000_000
        if step == AGENT - 1:
            span.name = "invoke_agent desk"
            put(span.attributes, ROOT)
            continue
        span.parent_span_id = (number * REQUEST + place - step + AGENT).to_bytes(8, "big")
        span.name = "execute_tool look" if step % 2 else "chat gpt-5"
        own = {"gen_ai.tool.call.id": f"c{place}"} if step % 2 else {"gen_ai.response.id": f"r{place}"}
        put(span.attributes, (TOOL if step % 2 else MODEL) | own)
    return request.SerializeToString()


def put(pairs: Any, attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        pair = pairs.add()
        pair.key = name
        match value:
            case int():
                pair.value.int_value = value
            case float():
                pair.value.double_value = value
            case list():
                pair.value.array_value.values.add().string_value = value[0]
            case _:
                pair.value.string_value = value


def send(port: int, bodies: list[bytes], connections: int) -> float:
    """Send all *bodies* and return the seconds until the last was answered."""
    waiting: SimpleQueue[bytes] = SimpleQueue()
    for body in bodies:
        waiting.put(body)
    failures: list[str] = []

    def sender() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while True:
            try:
                body = waiting.get_nowait()
            except Empty:
                return connection.close()
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200:
                failures.append(f"{answer.status} {said[:200]!r}")

    threads = [threading.Thread(target=sender) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit(f"{len(failures)} requests were refused: {failures[0]}")
    return time.perf_counter() - began


def cpu(pid: int) -> float:
    """Return the seconds of CPU a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until_open(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit("the receiver does not listen")


def _events(folder: str) -> Path:
    return Path(folder) / "events.db"


def until_stored(folder: str) -> None:
    """Wait for the first request's runs: a service's first models wait for log records, which do not come."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(f"file:{_events(folder)}?mode=ro", uri=True)) as database,
        ):
            if database.execute("SELECT count(*) FROM events").fetchone()[0] >= 2 * REQUEST:
                return
        time.sleep(0.05)


def tracebus(folder: str) -> tuple[list[str], int]:
    port = free_port()
    log = f"sqlite:{_events(folder)}?max_size=off&max_age=off"
    return [
        sys.executable,
        "-m",
        "tracebus",
        "receive",
        log,
        "--http-port",
        str(port),
        "--grpc-port",
        "0",
    ], port


def rotel(_: str) -> tuple[list[str], int] | None:
    found = importlib.util.find_spec("rotel")
    if found is None or found.origin is None:
        return None
    agent, port = Path(found.origin).parent / "rotel-agent", free_port()
    listen = ["--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}"]
    return [str(agent), "start", *listen, "--exporter", "blackhole"], port


def jaeger(folder: str) -> tuple[list[str], int] | None:
    binary = Path(__file__).parents[1].parent / ".cache" / "tools" / "jaeger"
    if not binary.exists():
        return None
    port = free_port()
    config = Path(folder) / "jaeger.yaml"
    config.write_text(JAEGER.format(http=port, grpc=free_port(), metrics=free_port()))
    return [str(binary), "--config", str(config)], port


JAEGER = """
service:
  extensions: [jaeger_storage]
  pipelines:
    traces: {{receivers: [otlp], processors: [batch], exporters: [jaeger_storage_exporter]}}
  telemetry:
    metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}]}}
extensions:
  jaeger_storage: {{backends: {{some: {{memory: {{max_traces: 1000000}}}}}}}}
receivers:
  otlp: {{protocols: {{http: {{endpoint: 127.0.0.1:{http}}}, grpc: {{endpoint: 127.0.0.1:{grpc}}}}}}}
processors: {{batch: {{}}}}
exporters: {{jaeger_storage_exporter: {{trace_storage: some}}}}
"""


def measured(
    name: str, start: Callable[[str], tuple[list[str], int] | None], bodies: list[bytes], connections: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = start(folder)
        if made is None:
            print(f"{name:<22} not here")
            return
        command, port = made
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, **silent, text=True, cwd=folder)
        try:
            until_open(port, process)
            send(port, bodies[:1], 1)  # warm
            if start is tracebus:
                until_stored(folder)
            before = cpu(process.pid)
            seconds = send(port, bodies[1:], connections)
            used = cpu(process.pid) - before
        finally:
            process.terminate()
            process.wait(60)
    spans = REQUEST * (len(bodies) - 1)
    print(f"{name:<22} {spans / seconds:>12,.0f} {used / spans * 1e6:>14.1f} {used / seconds:>8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    bodies = [encoded(number) for number in range(options.spans // REQUEST + 1)]
    size = sum(map(len, bodies)) / len(bodies) / REQUEST
    load = re.sub(r"[(),]", "", str(os.getloadavg()))
    print(f"{options.spans} spans of {size:.0f} bytes, {options.connections} connections, load {load}\n")
    print(f"{'':<22} {'spans/s':>12} {'CPU µs/span':>14} {'cores':>8}")
    for name, start in (
        ("tracebus → SQLite", tracebus),
        ("rotel → nowhere", rotel),
        ("Jaeger → memory", jaeger),
    ):
        if options.only in name:
            measured(name, start, bodies, options.connections)


if __name__ == "__main__":
    main()
