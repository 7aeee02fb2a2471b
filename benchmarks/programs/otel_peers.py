"""What OpenTelemetry spans cost a program: total process CPU above nothing, encoding and sending included.

    python benchmarks/programs/otel_peers.py [--rounds 5] [--only invoke] [--content off]

Every figure is the least CPU time (user and system, all threads; imports and a warm-up left out, the
last flush included) of processes of their own, taken in turn. Everybody sends OTLP/HTTP in batches to the
same server in another process, which swallows it; queues are wide enough that nobody drops anything.
The last column is ours against the fastest peer: what we add, over what it adds.

Peers are measured where they are installed beside tracebus: `openinference-instrumentation-langchain`,
`opentelemetry-instrumentation-genai-langchain`.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from overhead import WORKLOADS, installed, work

if TYPE_CHECKING:
    from collections.abc import Callable

PEERS = {
    "openinference": "openinference.instrumentation.langchain",
    "genai-langchain": "opentelemetry.instrumentation.genai.langchain",
}
OURS = (
    "tracebus",
    "tracebus, nothing captured",
    "tracebus genai only",
    "tracebus + openinference",
    "tracebus + metrics",
    "tracebus, TracerProvider",
)


def serve() -> None:
    """Swallow OTLP over HTTP; print the port."""

    class Swallowing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Swallowing)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def watch(name: str, endpoint: str, *, content: bool) -> Callable[[], None]:
    """Have the process watched by *name*; return what sends the last spans."""
    if name == "nothing":
        return lambda: None
    if name in PEERS:
        return _peer(name, endpoint, content=content)
    import tracebus
    from tracebus_exporters.otel import OTelExporter

    options: dict[str, Any] = {"content": content, "parent": "none"}
    match name:
        case "tracebus, TracerProvider":
            options["tracer_provider"] = _provider(endpoint)
        case _:
            options |= {"endpoint": endpoint, "protocol": "http/protobuf"}
    if name == "tracebus + openinference":
        options["openinference"] = True
    if name == "tracebus genai only":
        options["spans"] = "genai"
    if name != "tracebus + metrics":
        os.environ["OTEL_METRICS_EXPORTER"] = "none"
    bus = tracebus.EventBus()
    exporter = OTelExporter(**options)
    bus.attach(exporter)
    # Content that no exporter wants need not be captured either; then no other view has it.
    tracebus.install(bus=bus, capture=tracebus.Capture(content=name != "tracebus, nothing captured"))

    def end() -> None:
        assert bus.flush(30)
        if "tracer_provider" not in options:
            assert "spans_lost" not in exporter.statistics(), exporter.statistics()

    return end


def _provider(endpoint: str) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    return provider


def _peer(name: str, endpoint: str, *, content: bool) -> Callable[[], None]:
    provider = _provider(endpoint)
    options: dict[str, Any] = {"tracer_provider": provider, "skip_dep_check": True}
    if name == "openinference":
        from openinference.instrumentation import TraceConfig
        from openinference.instrumentation.langchain import LangChainInstrumentor

        if not content:
            options["config"] = TraceConfig(
                hide_inputs=True, hide_outputs=True, hide_llm_invocation_parameters=False
            )
        LangChainInstrumentor().instrument(**options)
    else:
        os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = (
            "SPAN_ONLY" if content else "NO_CONTENT"
        )
        module = __import__(PEERS[name], fromlist=["*"])
        instrumentor = next(
            getattr(module, found)
            for found in dir(module)
            if found.endswith("Instrumentor") and "Base" not in found
        )
        instrumentor().instrument(**options)
    return lambda: provider.force_flush() and None


def measure(watcher: str, workload: str, endpoint: str, content: str) -> None:
    """Print the CPU seconds of one workload under one watcher: run in a process of its own."""
    end = watch(watcher, endpoint, content=content == "on")
    once = work(workload)
    once()
    end()
    gc.collect()  # what imports left behind is nobody's cost
    started = time.process_time()
    for _ in range(3):
        once()
    end()
    print(json.dumps((time.process_time() - started) / 3))
    sys.stdout.flush()
    os._exit(0)  # what happens at exit is not measured, and some peers take seconds


def in_process(watcher: str, workload: str, endpoint: str, content: str) -> float:
    """Return the CPU seconds of one workload under one watcher."""
    command = [sys.executable, __file__, "--measure", watcher, workload, endpoint, content]
    environment = {
        **os.environ,
        "OTEL_BSP_MAX_QUEUE_SIZE": "200000",
        "OTEL_BSP_SCHEDULE_DELAY": "1000",
        "OTEL_SERVICE_NAME": "benchmark",
    }
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, env=environment)
    return float(json.loads(done.stdout.splitlines()[-1]))


def report(workload: str, content: str, least: dict[str, float]) -> None:
    """Print one workload's table."""
    bare = least["nothing"]
    added = {watcher: seconds - bare for watcher, seconds in least.items() if watcher != "nothing"}
    peers = [added[name] for name in PEERS if name in added]
    fastest = min(peers) if peers else float("nan")
    print(f"\n{workload}, content {content}: {bare * 1e3:.1f} ms of CPU with nothing watching")
    print(f"  {'watcher':26} {'added ms':>9} {'of nothing':>10} {'÷ fastest peer':>15}")
    for watcher, more in added.items():
        print(f"  {watcher:26} {more * 1e3:9.1f} {more / bare:10.2f} {more / fastest:15.2f}")
    sys.stdout.flush()


def main() -> None:
    """Measure everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=WORKLOADS)
    parser.add_argument("--content", choices=("off", "on"))
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    if options.measure:
        measure(*options.measure)
        return
    present = [name for name, package in PEERS.items() if installed(package)]
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        endpoint = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        for content in [options.content] if options.content else ["off", "on"]:
            for workload in [options.only] if options.only else WORKLOADS:
                least: dict[str, float] = {}
                for _ in range(options.rounds):
                    for watcher in ["nothing", *OURS, *present]:
                        if content == "on" and watcher == "tracebus, nothing captured":
                            continue
                        seconds = in_process(watcher, workload, endpoint, content)
                        least[watcher] = min(seconds, least.get(watcher, seconds))
                report(workload, content, least)
    finally:
        server.terminate()
    print(f"\nPeers not installed here: {', '.join(name for name in PEERS if name not in present) or 'none'}")


if __name__ == "__main__":
    main()
