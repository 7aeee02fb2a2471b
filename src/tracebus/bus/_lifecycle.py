"""What happens to the buses of a process when it forks and when it ends."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Protocol

from tracebus.bus._multiprocessing import at_end_of_child
from tracebus.bus._tally import logger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.bus._worker import Worker

__all__ = ["DEFAULT_TIMEOUT", "Perishable", "before_others_at_exit", "look_after", "see_off"]

DEFAULT_TIMEOUT = 5.0
"""Seconds that `flush`, `close` and the end of the process give the exporters together."""

_ENVIRONMENT_TIMEOUT = "TRACEBUS_EXIT_TIMEOUT"


class Perishable(Protocol):
    """What the end of the process and a fork ask of a bus."""

    def begin(self, deadline: float) -> None:
        """Begin to close, by *deadline* (monotonic)."""

    def wait(self, deadline: float) -> bool:
        """Wait until it is closed."""

    def renew_in_child(self) -> None:
        """Become usable in a forked child."""


_alive: weakref.WeakSet[Perishable] = weakref.WeakSet()
_leaving: set[Worker] = set()
"""Workers that belong to no bus any more and deliver the rest: the end of the process waits for them."""

_lock = threading.RLock()


def look_after(bus: Perishable) -> None:
    """Close *bus* at the end of the process, and renew it in forked children."""
    with _lock:
        _alive.add(bus)
    at_end_of_child(_at_exit)


def see_off(workers: Iterable[Worker], deadline: float | None = None) -> None:
    """Have *workers* deliver what there is and end by *deadline*, without waiting for them.

    A garbage collector may be the caller, at any point of the program.
    """
    if deadline is None:
        deadline = time.monotonic() + exit_timeout()
    for worker in workers:
        _leaving.add(worker)
        worker.when_done = _leaving.discard
        worker.stop(deadline)
        if worker.done.is_set():
            _leaving.discard(worker)


def before_others_at_exit() -> None:
    """Have the end of the process close the buses before what was set up until now.

    `atexit` calls the newest first. A backend's own handler (OpenTelemetry's providers have one)
    would otherwise shut it down before the bus has handed it the last events.
    """
    atexit.unregister(_at_exit)
    atexit.register(_at_exit)


def exit_timeout() -> float:
    """Return the seconds the end of the process may wait: `TRACEBUS_EXIT_TIMEOUT`, or 5."""
    text = os.environ.get(_ENVIRONMENT_TIMEOUT, "")
    try:
        seconds = float(text) if text else DEFAULT_TIMEOUT
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds < threading.TIMEOUT_MAX:
        logger.warning("%s=%r is no number of seconds; using %g", _ENVIRONMENT_TIMEOUT, text, DEFAULT_TIMEOUT)
        return DEFAULT_TIMEOUT
    return seconds


def _at_exit() -> None:
    deadline = time.monotonic() + exit_timeout()
    try:
        with _lock:
            buses = list(_alive)
        for bus in buses:  # all begin, then all are waited for: they close side by side
            bus.begin(deadline)
        for bus in buses:
            bus.wait(deadline)
        for worker in list(_leaving):
            worker.ended_well(deadline)
    except KeyboardInterrupt:
        return  # whoever interrupts the end of a process wants it to end


def _before_fork() -> None:
    at_end_of_child(_at_exit)


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may have held it
    _lock = threading.RLock()
    _leaving.clear()
    for bus in list(_alive):
        try:
            bus.renew_in_child()
        except Exception:  # noqa: BLE001 - the other buses must be renewed all the same
            logger.exception("a bus could not be renewed after fork")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
