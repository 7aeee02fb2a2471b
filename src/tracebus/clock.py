"""Time stamps that never run backwards within a process."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock", "catch_up", "system_clock"]

Clock: TypeAlias = "Callable[[], int]"
"""Returns nanoseconds since the Unix epoch, never less than it returned before."""

# One reading of the wall clock for the whole process, moved on by the monotonic clock: a child run
# never starts before its parent, even when NTP steps the wall clock between the two.
_anchor = time.time_ns() - time.perf_counter_ns()
_SECOND = 1_000_000_000
_catching_up = threading.Lock()


def system_clock() -> int:
    """Return the time in nanoseconds since the Unix epoch."""
    return _anchor + time.perf_counter_ns()


def catch_up() -> bool:
    """Move the clock on where the wall clock is more than a second ahead; return whether it was.

    The monotonic clock stands still while a machine sleeps, and a wall clock that was wrong at the start
    is set. Asked where a root run begins. The clock is never set back.
    """
    global _anchor  # noqa: PLW0603  one clock for the process
    anchor = time.time_ns() - time.perf_counter_ns()
    if anchor - _anchor <= _SECOND or not _catching_up.acquire(blocking=False):
        return False
    try:
        _anchor = max(_anchor, anchor)
    finally:
        _catching_up.release()
    return True
