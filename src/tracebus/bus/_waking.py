"""How sleeping readers are woken: from any thread, and from inside a finaliser or signal handler."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.bus._tally import Tally

__all__ = ["Alarm", "Alarms", "Doorbell", "wait_until"]

_NEVER = 1 << 62
"""A position no log reaches."""

_SLICE = 0.25


def wait_until(event: threading.Event, deadline: float) -> bool:
    """Wait for *event* until *deadline* (`time.monotonic`); return whether it came.

    In slices: Python does not see a signal that arrives just before it begins to wait (measured on
    3.13 at the end of a process), nor on Windows one that arrives later. Ctrl-C must end the wait.
    """
    while not event.wait(min(_SLICE, max(0.0, deadline - time.monotonic()))):
        if time.monotonic() >= deadline:
            return event.is_set()
    return True


class Doorbell:
    """Wakes one waiting thread; ringing twice before it looks wakes it once.

    A bare lock, and no `threading.Event`: an event's `set` takes a lock that is not re-entrant, so
    a signal handler publishing inside `publish` could wait for itself.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Wake the thread that waits, or the next one to wait."""
        try:
            self._lock.release()
        except RuntimeError:
            return  # it rings already

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it rings, at most *timeout* seconds; return whether it rang."""
        return self._lock.acquire(timeout=-1 if timeout is None else max(0.0, timeout))


class Alarm:
    """A wish to be woken once the log reaches position *at*. Made anew for every sleep.

    Anew, because the publisher forgets an alarm after waking its reader: a reader that went back to
    sleep in between must not be forgotten with it.
    """

    __slots__ = ("at", "wake")

    def __init__(self, at: int, wake: Callable[[], None]) -> None:
        self.at = at
        self.wake = wake


class Alarms:
    """Everybody who sleeps. While nobody does, a publisher pays one comparison."""

    __slots__ = ("_alarms", "_lock", "_tally", "next")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self.reset()

    def reset(self) -> None:
        """Forget all: the readers sleep in another process."""
        self.next = _NEVER
        """The position at which `wake` is due."""
        self._alarms: dict[Alarm, None] = {}
        self._lock = threading.RLock()

    def add(self, alarm: Alarm) -> None:
        """Set *alarm*. The reader must look at the log once more before it sleeps."""
        with self._lock:
            self._alarms[alarm] = None
            self.next = min(self.next, alarm.at)

    def discard(self, alarm: Alarm) -> None:
        """Forget *alarm*, whether or not it is set."""
        self._alarms.pop(alarm, None)

    def wake(self, position: int) -> None:
        """Wake everybody whose alarm is due at *position*.

        Wakes first and forgets afterwards, so that an interrupt in between costs a second wake-up
        and never a reader that sleeps on.
        """
        due = [alarm for alarm in list(self._alarms) if alarm.at <= position]
        for alarm in due:
            self._wake(alarm)
        with self._lock:
            for alarm in due:
                self._alarms.pop(alarm, None)
            waiting = list(self._alarms)
            self.next = min([alarm.at for alarm in waiting]) if waiting else _NEVER

    def wake_all(self) -> None:
        """Wake everybody."""
        self.wake(_NEVER)

    def _wake(self, alarm: Alarm) -> None:
        try:
            alarm.wake()
        except Exception as error:  # noqa: BLE001 - publish runs this, and must not raise
            self._tally.complain("wake_failures", "a reader could not be woken", error)
