"""What watching a long agent costs: one `create_agent` run of N tool rounds, 2 kB a result, a scripted model.

    python benchmarks/programs/long_agent.py [--rounds 1] [--sizes 100 200 400] [--only sqlite]

Each step carries the whole conversation, so a watcher that copies what it sees pays with the square of N.
Every figure is of a process of its own, the watchers in turn: CPU (user and system, all threads, the last
flush included; imports and a run of one round left out), the wall time of the program itself, the log's
size on disk or in the server, bytes sent, the most memory resident, and events lost with default settings.
Added is above nothing watching. Who sends, sends to a server in another process, which swallows it.

Peers are measured where they are installed; Redis where there is a `redis-server`.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overhead import installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESULT = 2_000
"""Characters of a tool's result."""
OURS = ("bus", "function", "sqlite", "jsonl", "redis", "otlp", "otlp with content")
PEERS = {
    "openinference": "openinference.instrumentation.langchain",
    "traceloop": "opentelemetry.instrumentation.langchain",
    "langfuse": "langfuse",
    "langsmith": "langsmith",
}
LOGS = ("sqlite", "jsonl", "redis")


# -- the agent ------------------------------------------------------------------------------------


def agent() -> Callable[[int], None]:
    """Return a function that runs the agent for as many rounds as it is told."""
    from langchain.agents import create_agent
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langchain_core.tools import tool

    @tool
    def look(page: int) -> str:
        """Look at a page."""
        return f"page {page}: " + "lorem ipsum dolor sit amet, " * (RESULT // 28)

    class Scripted(BaseChatModel):
        rounds: int = 1
        asked: int = 0

        @property
        def _llm_type(self) -> str:
            return "scripted"

        def bind_tools(self, *_: Any, **__: Any) -> Any:
            return self

        def _generate(self, *_: Any, **__: Any) -> ChatResult:
            self.asked += 1
            call = {"name": "look", "args": {"page": self.asked}, "id": f"call_{self.asked}"}
            message = AIMessage(
                "" if self.asked <= self.rounds else "That is all.",
                tool_calls=[call] if self.asked <= self.rounds else [],
                usage_metadata={"input_tokens": 900, "output_tokens": 12, "total_tokens": 912},
            )
            return ChatResult(generations=[ChatGeneration(message=message)])

    model = Scripted()
    graph = create_agent(model, [look], system_prompt="You read pages until you know enough.")

    def run(rounds: int) -> None:
        model.rounds, model.asked = rounds, 0
        messages = [{"role": "user", "content": "Read all the pages."}]
        graph.invoke({"messages": messages}, {"recursion_limit": 10 * rounds + 10})

    return run


# -- who watches ----------------------------------------------------------------------------------


def watch(name: str, endpoint: str, place: str) -> tuple[Callable[[], None], Callable[[], dict[str, int]]]:
    """Have the process watched by *name*; return what ends it, and what it then says of itself."""
    if name == "nothing":
        return (lambda: None), dict
    if name in PEERS:
        return _peer(name, endpoint), dict
    import tracebus

    url = {
        "sqlite": f"sqlite:{place}/log.db",
        "jsonl": f"jsonl:{place}/log.jsonl",
        "redis": place,
        "otlp": f"otlp+http{endpoint[4:]}",
        "otlp with content": f"otlp+http{endpoint[4:]}?content=span",
    }.get(name)
    bus = tracebus.EventBus()
    tracebus.install(bus=bus, to=[url] if url else [lambda _: None] if name == "function" else ())

    def end() -> None:
        bus.close(30 if os.environ.get("LONG_AGENT_PATIENCE") else 5)

    def figures() -> dict[str, int]:
        statistics = bus.statistics()
        lost = sum(row.lost + row.missed for row in statistics.exporters)
        return {"events": statistics.published, "lost": lost}

    return end, figures


def _peer(name: str, endpoint: str) -> Callable[[], None]:
    if name == "langsmith":
        return _langsmith(endpoint)
    if name == "langfuse":
        return _langfuse(endpoint)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    module = __import__(PEERS[name], fromlist=["*"])
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    found = next(n for n in dir(module) if n.endswith("Instrumentor") and "Base" not in n)
    getattr(module, found)().instrument(tracer_provider=provider, skip_dep_check=True)
    return lambda: provider.force_flush() and None


def _langsmith(endpoint: str) -> Callable[[], None]:
    from langchain_core.tracers.langchain import wait_for_all_tracers

    os.environ.update(LANGSMITH_TRACING="true", LANGSMITH_API_KEY="none", LANGSMITH_ENDPOINT=endpoint)
    return wait_for_all_tracers


def _langfuse(endpoint: str) -> Callable[[], None]:
    from contextvars import ContextVar

    from langchain_core.tracers.context import register_configure_hook
    from langfuse import Langfuse
    from langfuse.langchain import CallbackHandler

    client = Langfuse(public_key="pk", secret_key="sk", host=endpoint)
    handler: Any = CallbackHandler()
    register_configure_hook(ContextVar("watcher", default=handler), inheritable=True)
    return client.flush


# -- measuring ------------------------------------------------------------------------------------


def measure(watcher: str, rounds: str, endpoint: str, place: str) -> None:
    """Print what one run under one watcher costs: called in a process of its own."""
    end, figures = watch(watcher, endpoint, place)
    run = agent()
    run(1)
    gc.collect()  # what imports left behind is nobody's cost
    cpu, began = time.process_time(), time.perf_counter()
    run(int(rounds))
    program = time.perf_counter() - began
    end()
    found = {
        "cpu": time.process_time() - cpu,
        "program": program,
        "wall": time.perf_counter() - began,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **figures(),
    }
    print(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)  # what happens at exit is not measured, and some peers take seconds


def in_process(watcher: str, rounds: int, endpoint: str, place: str) -> dict[str, float]:
    """Return the figures of one run under one watcher."""
    command = [sys.executable, __file__, "--measure", watcher, str(rounds), endpoint, place]
    environment = {
        **os.environ,
        "OTEL_BSP_MAX_QUEUE_SIZE": "200000",
        "OTEL_SERVICE_NAME": "benchmark",
        "OTEL_METRICS_EXPORTER": "none",
        "LANGSMITH_TRACING": "false",
    }
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600, env=environment)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise RuntimeError(f"{watcher} at {rounds} rounds failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(lines[-1])
    return found


def once(watcher: str, rounds: int, servers: Servers) -> dict[str, float]:
    """Measure one watcher once, and its log or what it sent."""
    with tempfile.TemporaryDirectory() as folder:
        place = servers.redis_url() if watcher == "redis" else folder
        sent = servers.swallowed()
        found = in_process(watcher, rounds, servers.endpoint, place)
        found["sent"] = servers.swallowed() - sent
        if watcher == "redis":
            found["log"] = servers.redis_memory()
        elif watcher in LOGS:
            found["log"] = sum(file.stat().st_size for file in Path(folder).iterdir())
    return found


def serve() -> None:
    """Swallow what is posted; print the port; say at GET /swallowed how many bytes it was."""
    total = 0

    class Swallowing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal total
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                total += self._chunks()
            else:
                total += len(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            self._answer(b"{}")

        def do_PATCH(self) -> None:
            self.do_POST()

        def do_GET(self) -> None:
            self._answer(str(total).encode() if self.path == "/swallowed" else b"{}")

        def _chunks(self) -> int:
            read = 0
            while size := int(self.rfile.readline().split(b";")[0], 16):
                read += len(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return read

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Swallowing)
    print(server.server_address[1], flush=True)
    server.serve_forever()


class Servers:
    """The swallowing server, and a Redis server where there is one."""

    def __init__(self, endpoint: str, redis_port: int | None) -> None:
        self.endpoint = endpoint
        self._redis_port = redis_port

    def swallowed(self) -> int:
        """Return the bytes sent to the swallowing server so far."""
        from urllib.request import urlopen

        with urlopen(f"{self.endpoint}/swallowed") as answer:  # our own server on loopback
            return int(answer.read())

    def redis_url(self) -> str:
        """Return the URL of an emptied Redis."""
        self._redis().flushall()
        return f"redis://127.0.0.1:{self._redis_port}/0"

    def redis_memory(self) -> int:
        """Return the bytes of everything stored in Redis."""
        client = self._redis()
        return sum(client.memory_usage(key, samples=0) or 0 for key in client.scan_iter("*"))

    def _redis(self) -> Any:
        from redis import Redis

        return Redis(port=self._redis_port or 0)


@contextlib.contextmanager
def serving() -> Iterator[Servers]:
    """Start the servers, and end them."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
        stack.callback(server.wait)
        stack.callback(server.terminate)
        assert server.stdout is not None
        port = None
        if shutil.which("redis-server"):
            port = _free_port()
            command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
            redis = subprocess.Popen([*command, "--save", ""], stdout=subprocess.DEVNULL)
            stack.callback(redis.wait)
            stack.callback(redis.terminate)
        yield Servers(f"http://127.0.0.1:{server.stdout.readline().strip()}", port)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


# -- the tables -----------------------------------------------------------------------------------


def report(rounds: int, found: dict[str, dict[str, float]]) -> None:
    """Print one size's table."""
    bare = found["nothing"]
    peer = found.get("openinference")
    against = peer["cpu"] - bare["cpu"] if peer else float("nan")
    print(f"\nN={rounds}: {bare['cpu']:.2f} s of CPU with nothing watching, {bare['rss']:.0f} MB resident")
    print(
        f"  {'watcher':18} {'added s':>8} {'÷ openinference':>16} {'program s':>10} {'to the end s':>13} "
        f"{'log MB':>7} {'sent MB':>8} {'added MB resident':>18} {'events lost':>12}"
    )
    for watcher, row in found.items():
        added = row["cpu"] - bare["cpu"]
        lost = f"{row['lost']:.0f} of {row['events']:.0f}" if "events" in row else ""
        log = f"{row['log'] / 1e6:.1f}" if "log" in row else ""
        sent = f"{row['sent'] / 1e6:.1f}" if row["sent"] else ""
        print(
            f"  {watcher:18} {added:8.2f} {added / against:16.3f} {row['program']:10.2f} {row['wall']:13.2f} "
            f"{log:>7} {sent:>8} {row['rss'] - bare['rss']:18.0f} {lost:>12}"
        )
    sys.stdout.flush()


def report_growth(tables: dict[int, dict[str, dict[str, float]]]) -> None:
    """Print what twice the rounds cost: 2 is what is new, 4 the square."""
    sizes = [size for size in tables if size * 2 in tables]
    if not sizes:
        return
    print("\nadded CPU at twice the rounds ÷ added CPU")
    for watcher in next(iter(tables.values())):
        if watcher == "nothing":
            continue
        added = {size: rows[watcher]["cpu"] - rows["nothing"]["cpu"] for size, rows in tables.items()}
        ratios = "".join(
            f"   N={2 * size} ÷ N={size}: {added[2 * size] / added[size]:4.1f}" for size in sizes
        )
        print(f"  {watcher:18}{ratios}")


def main() -> None:
    """Measure everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1, help="processes a figure: the least CPU counts")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 200, 400])
    parser.add_argument("--only", nargs="+", choices=(*OURS, *PEERS))
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    if options.measure:
        measure(*options.measure)
        return
    absent = [name for name, package in PEERS.items() if not installed(package)]
    absent += [] if shutil.which("redis-server") else ["redis"]
    watchers = ["nothing", *(name for name in options.only or (*OURS, *PEERS) if name not in absent)]
    tables: dict[int, dict[str, dict[str, float]]] = {}
    with serving() as servers:
        for size in options.sizes:
            rows = tables[size] = {}
            for _ in range(options.rounds):
                for watcher in watchers:
                    row = once(watcher, size, servers)
                    if watcher not in rows or row["cpu"] < rows[watcher]["cpu"]:
                        rows[watcher] = row
            report(size, rows)
    report_growth(tables)
    print(f"\nNot installed here, so not measured: {', '.join(absent) or 'none'}")


if __name__ == "__main__":
    main()
