"""A call at a later time, in a thread that exists only until then."""

from __future__ import annotations

import _thread
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from weakref import WeakMethod

__all__ = ["Alarm"]

_LONGEST = 3_600.0
"""Seconds a sleep lasts at the most: what is due later is waited for again."""


class Alarm:
    """Calls *method*, which sets the alarm anew, at the earliest of the times it was set to.

    No `threading.Timer`: a garbage collector may be what sets it, in the middle of `threading` itself,
    whose locks are not re-entrant. So the thread is a bare one. *lock*, which is re-entrant, is held by
    whoever sets it.
    """

    __slots__ = ("_due", "_lock", "_method", "_sooner")

    def __init__(self, method: WeakMethod[Callable[[], None]], lock: threading.RLock) -> None:
        self._method = method
        self._lock = lock
        self._due: float | None = None
        """On the monotonic clock; `None` while there is no thread."""
        self._sooner = _thread.allocate_lock()
        self._sooner.acquire()

    def set(self, seconds: float) -> None:
        """Have the method called in *seconds*, if it is not called sooner anyway."""
        due, waiting = time.monotonic() + max(0.0, seconds), self._due
        self._due = due if waiting is None else min(waiting, due)
        if waiting is None:
            try:
                _thread.start_new_thread(self._run, ())
            except RuntimeError:
                self._due = None  # no thread to be had any more: the process ends, and `close_all` with it
        elif due < waiting and self._sooner.locked():
            self._sooner.release()

    def _run(self) -> None:
        while (left := self._left()) > 0:
            self._sooner.acquire(timeout=min(left, _LONGEST))
        if (call := self._method()) is not None:
            call()

    def _left(self) -> float:
        """Return the seconds until the call; when it is due, the next one needs another thread."""
        with self._lock:
            left = 0.0 if self._due is None else self._due - time.monotonic()
            if left <= 0:
                self._due = None
            return left
