"""Handing one batch to an exporter that may fail: attempts, pauses, and what is counted."""

from __future__ import annotations

import errno
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracebus.bus._tally import logger
from tracebus.events import Gap
from tracebus.exceptions import TracebusError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracebus.bus._exporter import Exporter
    from tracebus.bus._waking import Doorbell
    from tracebus.events import Event

__all__ = ["Delivery", "Health", "Options"]


_LASTING = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS") if hasattr(errno, name)}
"""What the system says where there is no room, or no leave to write: no second try of ours makes any."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How an exporter is served. Durations in seconds."""

    linger: float = 0.02
    """How long events are gathered before a batch: a busy publisher wakes the thread that rarely."""
    max_batch: int = 512
    max_attempts: int = 6
    """How often a batch is offered before it counts as lost."""
    backoff: float = 0.25
    """The pause after a first failure. It doubles with every further one, until a success."""
    max_backoff: float = 5.0

    def __post_init__(self) -> None:
        if self.max_batch < 1 or self.max_attempts < 1:
            raise ValueError(
                f"max_batch and max_attempts must be at least 1, not {self.max_batch} and {self.max_attempts}"
            )
        if self.linger < 0 or self.backoff < 0:
            raise ValueError(
                f"linger and backoff must be seconds from 0, not {self.linger} and {self.backoff}"
            )


class Health:
    """Counts an exporter's failures, and logs the first of an outage and the recovery."""

    def __init__(self, name: str, *, ours: bool = False) -> None:
        self.name = name
        self._ours = ours
        """Whether the exporter is one of tracebus's: its errors tell their story, and need no traceback."""
        self.ending = False
        """Whether the exporter ends: what fails now is told by its last word."""
        self.failures = 0
        self.outage = 0
        """Failures since the last success; 0 while healthy."""
        self.last_error: str | None = None
        self.mistaken = False
        """Whether the last failure does not pass with time: the user's mistake, or a full disk."""
        self._failing: set[str] = set()
        """The calls that failed last time: a `flush` that succeeds mends no `export` that fails."""

    def attempt(self, what: str, call: Callable[[], None]) -> bool:
        """Run *call* and return whether it succeeded.

        Also survives what is no `Exception`: an exporter that calls `sys.exit` must not end its
        thread, and with it the delivery, without a word.
        """
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - see above; counted and logged
            self.failed(what, error)
            return False
        self._succeeded(what)
        return True

    def failed(self, what: str, error: BaseException) -> None:
        """Count a failure of *what*, and log it if it is the first of an outage."""
        self.failures += 1
        self.outage += 1
        self._failing.add(what)
        self.last_error = f"{type(error).__name__}: {error}"
        self.mistaken = isinstance(error, TracebusError) or getattr(error, "errno", None) in _LASTING
        if self.outage != 1 or self.ending:
            return
        if self.mistaken:
            text = "exporter %s: %s. Nothing is delivered until that is mended"
            logger.error(text, self.name, error, exc_info=_if_asked_for(error))
            return
        # A deadline that passed has a story, told by the error, and no place in the code.
        has_place = not self._ours and not isinstance(error, TimeoutError)
        text = "exporter %s: %s failed (%s); trying on"
        place = error if has_place else _if_asked_for(error)
        logger.warning(text, self.name, what, self.last_error, exc_info=place)

    def _succeeded(self, what: str) -> None:
        self._failing.discard(what)
        if self.outage and not self._failing:
            logger.warning("exporter %s: works again after %d failures", self.name, self.outage)
            self.outage, self.mistaken = 0, False


def _if_asked_for(error: BaseException) -> BaseException | None:
    return error if logger.isEnabledFor(logging.DEBUG) else None


class Delivery:
    """Offers batches to an exporter until it takes them, or the attempts or the time are used up."""

    def __init__(self, exporter: Exporter, options: Options, health: Health) -> None:
        self._exporter = exporter
        self._options = options
        self._health = health
        self.delivered = 0
        self.batches = 0
        self.lost = 0
        self.retries = 0
        self.deadline: float | None = None
        """`time.monotonic` time after which nothing is tried any more; `None` while there is none."""

    @property
    def expired(self) -> bool:
        """Whether the deadline is over."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def deliver(self, batch: Sequence[Event], doorbell: Doorbell) -> None:
        """Offer *batch* until it is taken, or count its events as lost."""
        size = len(batch) - isinstance(batch[0], Gap)  # a gap comes first or not at all
        if self._offer(batch, doorbell):
            self.delivered += size
            self.batches += 1
        else:
            self.lost += size

    def _offer(self, batch: Sequence[Event], doorbell: Doorbell) -> bool:
        attempts = 0
        while not self.expired:
            if self._health.attempt("export", lambda: self._exporter.export(batch)):
                return True
            if self._health.mistaken and self.deadline is not None:
                break  # at its end the program waits for what is slow, not for what cannot be
            cut_short = doorbell.wait(self._pause()) if attempts + 1 < self._options.max_attempts else False
            # Somebody's flush ends the pause. That attempt is an extra one: a program that flushes
            # often must not make an outage cost more.
            attempts += not cut_short
            if attempts >= self._options.max_attempts:
                break
            self.retries += 1
        return False

    def _pause(self) -> float:
        """Return the seconds to wait now; towards a deadline a tenth of what is left.

        So a batch nobody can take leaves time for those behind it, and an outage is tried to the end.
        """
        # The exponent is bounded: after a thousand failures the power would overflow a float.
        pause = self._options.backoff * 2.0 ** min(self._health.outage - 1, 30)
        pause = min(pause, self._options.max_backoff)
        if self.deadline is None:
            return pause
        return min(pause, max(0.0, self.deadline - time.monotonic()) / 10)
