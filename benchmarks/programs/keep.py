"""What `keep` saves: CPU of the OTLP export of many root runs, all of them and one in a hundred.

    python benchmarks/programs/keep.py [--rounds 5] [--runs 2000]

The events of the runs are recorded once, as the program captured them, and handed to the exporter on one
thread in batches as a bus does; requests go to a server on the loopback, in a process of its own, that reads
and forgets them. CPU of the whole process, the ways in turn within each round, least of all rounds.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import time
from copy import copy
from typing import TYPE_CHECKING, Any

import overhead

import tracebus
from tracebus.testing import RecordingExporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.events import Event

BATCH = 512
SERVER = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *words): pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
print(server.server_port, flush=True)
server.serve_forever()
"""


class Captured(RecordingExporter):
    """Remembers events as they were captured."""

    settles_itself = True

    def export(self, batch: Any) -> None:
        """Copy *batch*: the bus empties what nobody settles."""
        super().export([copy(event) for event in batch])


def recorded(runs: int) -> list[Event]:
    """Return the events of *runs* root runs of twelve runs each."""
    remember, bus = Captured(), tracebus.EventBus(capacity=runs * 40)
    bus.attach(remember)
    chain = tracebus.observe(overhead._chain(), bus=bus)  # noqa: SLF001 - of the same folder
    for _ in range(runs):
        chain.invoke({"q": "why?"})
    bus.flush(60)
    bus.close()
    return list(remember.events)


def exported(events: list[Event], make: Callable[[], Any]) -> float:
    """Return the CPU seconds that one exporter takes for *events*."""
    exporter = make()
    exporter.attached()
    fresh = [copy(event) for event in events]
    gc.collect()
    started = time.process_time()
    for start in range(0, len(fresh), BATCH):
        exporter.export(fresh[start : start + BATCH])
        if not start % (BATCH * 16):
            exporter.flush(60)  # faster than any program, it would overrun the queue
    exporter.flush(60)
    spent = time.process_time() - started
    exporter.close()
    return spent


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=2_000)
    options = parser.parse_args()
    from tracebus.exporting import resolve

    events = recorded(options.runs)
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        url = f"otlp+http://127.0.0.1:{server.stdout.readline().strip()}"
        ways = {"all": url, "keep 1 %": f"{url}?keep=errors,share:1%"}
        least: dict[tuple[str, str], float] = {}
        for _ in range(options.rounds):
            for metrics in ("otlp", "none"):
                os.environ["OTEL_METRICS_EXPORTER"] = metrics
                for name, where in ways.items():
                    spent = exported(events, lambda where=where: resolve(where)[0])
                    least[metrics, name] = min(spent, least.get((metrics, name), spent))
    finally:
        server.kill()
        server.wait()
    print(f"{options.runs} root runs, {len(events)} events, OTLP over HTTP to the loopback")
    for (metrics, name), spent in least.items():
        what = "spans and metrics" if metrics == "otlp" else "spans alone"
        part = spent / least[metrics, "all"]
        print(f"  {what:18} {name:10} {spent * 1e3:8.1f} ms of CPU   {part:5.2f} of exporting all")


if __name__ == "__main__":
    main()
