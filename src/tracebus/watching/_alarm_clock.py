"""A thread that calls back at many given times; there is none while no time is set."""

from __future__ import annotations

import heapq
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.clock import Clock

__all__ = ["AlarmClock"]


class AlarmClock:
    """Calls *ring* with the key of every alarm, at its time or soon after, on a daemon thread of its own."""

    def __init__(self, ring: Callable[[str], None], clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Begin anew, in a forked child: the thread is the parent's."""
        self._changed = threading.Condition()
        self._alarms: list[tuple[int, str]] = []
        self._running = False

    def set(self, at: int, key: str) -> None:
        """Ring for *key* at *at*, in nanoseconds since the epoch."""
        with self._changed:
            heapq.heappush(self._alarms, (at, key))
            if not self._running:
                try:
                    threading.Thread(target=self._run, name="tracebus alarm clock", daemon=True).start()
                except RuntimeError:
                    return  # the interpreter ends, and so do the runs
                self._running = True
            if self._alarms[0] == (at, key):  # else there is one before it to wait for
                self._changed.notify()

    def stop(self) -> None:
        """Ring no more."""
        with self._changed:
            self._alarms.clear()
            self._changed.notify()

    def _run(self) -> None:
        while (key := self._next()) is not None:
            self._ring(key)

    def _next(self) -> str | None:
        """Wait for the next alarm; `None` where there is none left, and the thread ends."""
        with self._changed:
            while self._alarms:
                wait = (self._alarms[0][0] - self._clock()) / 1e9
                if wait <= 0:
                    return heapq.heappop(self._alarms)[1]
                self._changed.wait(wait)
            self._running = False
            return None
