"""Who waits until an exporter has all that was published when they asked."""

from __future__ import annotations

import threading

from tracebus.bus._waking import wait_until

__all__ = ["Flush", "Flushes"]


class Flush:
    """Somebody waits until one exporter is done with everything up to *target*."""

    def __init__(self, target: int, deadline: float, gone: int) -> None:
        self.target = target
        self.deadline = deadline
        self.gone_before = gone
        self.ok = False
        self.answered = threading.Event()

    def wait(self) -> bool:
        """Wait for the answer until the deadline."""
        return wait_until(self.answered, self.deadline) and self.ok


class Flushes:
    """Those of one exporter that are not answered yet. Any thread adds; the exporter's own answers."""

    def __init__(self) -> None:
        self._waiting: list[Flush] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, flush: Flush) -> None:
        """Wait for the exporter to come to *flush*."""
        self._waiting.append(flush)

    def up_to(self, position: int) -> list[Flush]:
        """Return those that wait for nothing after *position*."""
        return [flush for flush in self._waiting if flush.target <= position]

    def answer(self, flushes: list[Flush], *, flushed: bool, gone: int) -> None:
        """Tell who waits whether the exporter *flushed*, and nothing was lost meanwhile (*gone*: so far)."""
        for flush in flushes:
            flush.ok = flushed and gone == flush.gone_before
            self._waiting.remove(flush)
            flush.answered.set()

    def refuse(self, position: int, *, ended_well: bool) -> None:
        """Answer those who ask after the end: nothing is left to deliver."""
        while self._waiting:
            flush = self._waiting.pop()
            flush.ok = flush.target <= position and ended_well
            flush.answered.set()
