"""A thread begun at the first event, by whoever publishes that: beginning it waits for nothing."""

from __future__ import annotations

import _thread
import threading
from typing import TYPE_CHECKING

from tracebus.bus._waking import Alarm

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.bus._ring import Ring

__all__ = ["LateThread"]

_EVENTS_BETWEEN_STARTS = 256
"""How often a thread that could not be started is tried again: that costs microseconds."""


class LateThread:
    """A daemon thread that begins once, or never.

    Args:
        name: the exporter's.
        ring: the log whose later events try again, where no thread was to be had.
    """

    def __init__(self, name: str, ring: Ring) -> None:
        self._name = name
        self._ring = ring
        self._once = threading.Lock()

    def start(self, run: Callable[[], None]) -> None:
        """Have *run* called in the thread, if it has not begun.

        `publish` may be the caller, so this takes no lock of `threading`'s and waits for nothing:
        a bare thread does the starting.
        """
        if not self._once.acquire(blocking=False):
            return
        try:
            _thread.start_new_thread(self._launch, (run,))
        except RuntimeError:
            # No thread to be had: the program has too many, and later ones may be had again; or the
            # interpreter is going down, and whoever waits for the end claims the work.
            self._once.release()
            self._ring.alarms.add(Alarm(self._ring.head + _EVENTS_BETWEEN_STARTS, lambda: self.start(run)))

    def claim(self) -> bool:
        """Return whether it has not begun, and now never will: the caller has its work to do."""
        return self._once.acquire(blocking=False)

    def _launch(self, run: Callable[[], None]) -> None:
        try:
            threading.Thread(target=run, name=f"tracebus {self._name}", daemon=True).start()
        except RuntimeError:  # the interpreter is going down, and this bare thread is the last to be had
            run()
