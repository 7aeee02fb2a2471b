"""What happens to the buses of a process when it forks and when it ends."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from tracebus.bus._last_word import EXIT_TIMEOUT
from tracebus.bus._multiprocessing import at_end_of_child
from tracebus.bus._tally import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["DEFAULT_TIMEOUT", "Deliverer", "Perishable", "before_others_at_exit", "look_after", "see_off"]

DEFAULT_TIMEOUT = 5.0
"""Seconds that `flush`, `close` and the end of the process give the exporters together."""


class Perishable(Protocol):
    """What the end of the process and a fork ask of a bus."""

    def begin(self, deadline: float, *, patient: bool = False) -> None:
        """Begin to close, by *deadline* (monotonic); exporters that ask for more time get it if *patient*."""

    def wait(self, deadline: float, *, patient: bool = False) -> bool:
        """Wait until it is closed."""

    def renew_in_child(self) -> None:
        """Become usable in a forked child."""


class Deliverer(Protocol):
    """What they ask of an exporter's worker."""

    when_done: Callable[[Any], None] | None
    """Called with the worker once it is done."""
    done: threading.Event

    def stop(self, deadline: float) -> None:
        """Deliver what there is and end by *deadline* (monotonic), without being waited for."""

    def ended_well(self, deadline: float) -> bool:
        """Wait for the end; return whether everything was delivered."""

    def say_last_word(self) -> None:
        """Say what did not arrive, if it has not been said."""


_alive: weakref.WeakSet[Perishable] = weakref.WeakSet()
_leaving: set[Deliverer] = set()
"""Workers that belong to no bus any more and deliver the rest: the end of the process waits for them."""

_workers: weakref.WeakSet[Deliverer] = weakref.WeakSet()
_lock = threading.RLock()


def look_after(bus: Perishable) -> None:
    """Close *bus* at the end of the process, and renew it in forked children."""
    with _lock:
        _alive.add(bus)
    at_end_of_child(_at_exit)


def see_off(workers: Iterable[Deliverer], deadline: float | None = None) -> None:
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
    text = os.environ.get(EXIT_TIMEOUT, "")
    try:
        seconds = float(text) if text else DEFAULT_TIMEOUT
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds < threading.TIMEOUT_MAX:
        logger.warning("%s=%r is no number of seconds; using %g", EXIT_TIMEOUT, text, DEFAULT_TIMEOUT)
        return DEFAULT_TIMEOUT
    return seconds


def _at_exit() -> None:
    deadline = time.monotonic() + exit_timeout()
    patient = not os.environ.get(EXIT_TIMEOUT)
    try:
        with _lock:
            buses = list(_alive)
        for bus in buses:  # all begin, then all are waited for: they close side by side
            bus.begin(deadline, patient=patient)
        for bus in buses:
            bus.wait(deadline, patient=patient)
        for worker in list(_leaving):
            worker.ended_well(deadline)
    except KeyboardInterrupt:
        return  # whoever interrupts the end of a process wants it to end
    finally:
        for worker in _every_worker():
            worker.say_last_word()


def _every_worker() -> list[Deliverer]:
    with _lock:
        return list(_workers)


def remember(worker: Deliverer) -> None:
    """Have *worker* say at the end of the process what did not arrive, if it has not said so by then."""
    with _lock:
        _workers.add(worker)


def _before_fork() -> None:
    at_end_of_child(_at_exit)


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may have held it
    _lock = threading.RLock()
    _leaving.clear()
    _workers.clear()
    for bus in list(_alive):
        try:
            bus.renew_in_child()
        except Exception:  # noqa: BLE001 - the other buses must be renewed all the same
            logger.exception("a bus could not be renewed after fork")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
