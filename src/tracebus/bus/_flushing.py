"""Bringing the events of every bus of the process out, for programs that may be stopped at any time."""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Protocol

from tracebus.bus._awaiting import in_thread
from tracebus.bus._lifecycle import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["aflush", "flush", "include_in_flush"]


class _Flushable(Protocol):
    def request_flush(self, deadline: float) -> Callable[[], bool]:
        """Ask for what was published so far, by *deadline* (monotonic); calling the answer waits for it."""


_buses: weakref.WeakSet[_Flushable] = weakref.WeakSet()
_lock = threading.Lock()


def include_in_flush(bus: _Flushable) -> None:
    """Have `flush` reach *bus*, too, for as long as it lives."""
    with _lock:
        _buses.add(bus)


def flush(timeout: float = DEFAULT_TIMEOUT) -> bool:
    """Bring everything published so far, on every live bus, to every exporter's destination.

    For processes that may be frozen or ended without a word: after each request of a serverless function,
    at the end of a worker's task. Returns whether all of it arrived within *timeout* seconds.
    """
    deadline = time.monotonic() + timeout
    with _lock:
        buses = list(_buses)
    asked = [bus.request_flush(deadline) for bus in buses]  # all begin, then all are waited for
    return all([wait() for wait in asked])  # noqa: C419 - a list: one that fails must not keep us from the others


async def aflush(timeout: float = DEFAULT_TIMEOUT) -> bool:  # noqa: ASYNC109 - the exporters' time, not the caller's patience
    """Do what `flush` does without blocking the event loop."""
    return await in_thread(flush, timeout)


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may have held it
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
