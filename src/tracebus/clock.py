"""Time stamps that never run backwards within a process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock", "system_clock"]

Clock: TypeAlias = "Callable[[], int]"
"""Returns nanoseconds since the Unix epoch, never less than it returned before."""

# One reading of the wall clock for the whole process, moved on by the monotonic clock: a child run
# never starts before its parent, even when NTP steps the wall clock between the two.
_ANCHOR = time.time_ns() - time.perf_counter_ns()


def system_clock() -> int:
    """Return the time in nanoseconds since the Unix epoch."""
    return _ANCHOR + time.perf_counter_ns()
