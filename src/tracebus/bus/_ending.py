"""How a bus ends: once, in order, within a deadline, whoever asks for it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from tracebus.bus._lifecycle import look_after, see_off
from tracebus.bus._tally import logger
from tracebus.bus._waking import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracebus.bus._ring import Ring
    from tracebus.bus._worker import Worker

__all__ = ["Ending", "abandon"]


class Ending:
    """Closes one bus, and renews it in a forked child."""

    def __init__(self, ring: Ring, workers: list[Worker]) -> None:
        self._ring = ring
        self._workers = workers
        self.before_close: list[Callable[[], None]] = []
        self.after_fork: list[Callable[[], None]] = []
        self._renew()
        look_after(self)

    def _renew(self) -> None:
        """Set what belongs to this process and not to the one it was forked from."""
        self.lock = threading.RLock()
        """Guards the list of workers, and who closes."""
        self._closer: int | None = None
        self._stopped = threading.Event()

    def begin(self, deadline: float, *, patient: bool = False) -> None:
        """Take the last events and ask the workers to end by *deadline*; only the first call counts.

        If *patient*, an exporter that asks for more time (`exit_timeout`) gets it.
        """
        with self.lock:
            if self._closer is not None:
                return
            self._closer = threading.get_ident()
        _call_all(self.before_close, "before_close")
        self._ring.seal()
        with self.lock:
            workers = list(self._workers)
        for worker in workers:
            own = time.monotonic() + worker.exit_timeout if patient else deadline
            worker.stop(max(deadline, own))
        self._stopped.set()

    def wait(self, deadline: float, *, patient: bool = False) -> bool:
        """Wait for the workers until *deadline*, if *patient* until their own; return whether all ended well.

        A worker, or a callback of the very close that goes on, would wait for itself: it gets
        False at once.
        """
        with self.lock:
            workers = list(self._workers)
        if any(worker.is_current_thread for worker in workers):
            return False
        if self._closer == threading.get_ident() and not self._stopped.is_set():
            return False
        if not wait_until(self._stopped, deadline):
            return False
        # A list: every worker gets the time there is, whatever became of those before it.
        return all(
            [  # noqa: C419 - see above
                worker.ended_well(max(deadline, worker.deadline) if patient else deadline)
                for worker in workers
            ]
        )

    def renew_in_child(self) -> None:
        """Make the bus usable in a forked child; one that was closing is closed there."""
        self._ring.reset_after_fork()
        if self._closer is not None:  # the thread that closes it is in the parent, and so are its exporters
            self._renew()
            self._closer = threading.get_ident()
            self._workers.clear()
            self._ring.sealed = True
            self._stopped.set()
            return
        self._renew()
        for worker in self._workers:
            worker.reset_after_fork()
        _call_all(self.after_fork, "after_fork_in_child")


def abandon(ring: Ring, workers: list[Worker]) -> None:
    """End what is left of a bus that was garbage collected, without waiting."""
    ring.seal()
    see_off(workers)


def _call_all(callbacks: Sequence[Callable[[], None]], what: str) -> None:
    for callback in tuple(callbacks):
        try:
            callback()
        except Exception:  # noqa: BLE001 - one caller's bug must not keep the others from their end
            logger.exception("a %s callback failed: %r", what, callback)
