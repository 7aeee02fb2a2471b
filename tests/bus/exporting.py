"""Exporters that fail or hang as a test says, and events for them."""

from __future__ import annotations

import threading
import time

from tracebus.bus import EventBus
from tracebus.testing import RecordingExporter

NO_WAIT = {"linger": 0.0, "backoff": 0.0}


class Flaky(RecordingExporter):
    """Fails while `broken` is set; remembers every batch it was offered."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: BaseException | None = None
        self.offered: list[list[int]] = []

    def export(self, batch) -> None:
        self.offered.append([event.seq for event in batch])
        if self.broken is not None:
            raise self.broken
        super().export(batch)


class Hanging(RecordingExporter):
    """Hangs in `export` until the gate opens."""

    def __init__(self, gate: threading.Event) -> None:
        super().__init__()
        self.gate = gate
        self.entered = threading.Event()

    def export(self, batch) -> None:
        self.entered.set()
        self.gate.wait()
        super().export(batch)


def wait_until(condition) -> None:
    """Look at *condition*() until it is true; there is nothing to wait on but the state itself."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline


def publish(bus: EventBus, make, count: int) -> None:
    for _ in range(count):
        bus.publish(make.streamed())


def seqs(exporter: RecordingExporter) -> list[int]:
    return [event.seq for event in exporter.events]
