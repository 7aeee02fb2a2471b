"""The thread that serves one exporter."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from tracebus.bus._delivery import Delivery, Health
from tracebus.bus._exporter import own_counts
from tracebus.bus._flushes import Flush, Flushes
from tracebus.bus._last_word import last_word
from tracebus.bus._late_thread import LateThread
from tracebus.bus._lifecycle import remember
from tracebus.bus._statistics import ExporterStatistics
from tracebus.bus._tally import logger
from tracebus.bus._waking import Alarm, Doorbell, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.bus._delivery import Options
    from tracebus.bus._exporter import Exporter
    from tracebus.bus._reader import Reader
    from tracebus.bus._unread import Unread

__all__ = ["Worker"]


class Worker:
    """Reads the log in batches and delivers them, in a daemon thread begun at the first event.

    The thread holds this object and the log, and not the bus: a forgotten bus can be collected.
    """

    def __init__(
        self, name: str, exporter: Exporter, reader: Reader, options: Options, unread: Unread
    ) -> None:
        self.name = name
        self.exporter = exporter
        self._unread: Unread | None = unread
        self._reader = reader
        self._ring = reader.ring
        self._options = options
        self._begin()

    def _begin(self) -> None:
        """Set everything that belongs to this process and not to the one it was forked from."""
        inner = getattr(self.exporter, "inner", self.exporter)  # of one that stands before another
        self._health = Health(self.name, ours=type(inner).__module__.startswith("tracebus_exporters"))
        self._said_goodbye = False
        remember(self)
        self._delivery = Delivery(self.exporter, self._options, self._health)
        self._missed_elsewhere = self._reader.missed
        self._done_with = self._reader.position
        self._held = 0
        self._doorbell = Doorbell()
        self._thread = LateThread(self.name, self._ring)
        self._flushes = Flushes()
        self._stop_at: int | None = None
        self._gone_before = 0
        self._thread_id: int | None = None
        self._inherited = False
        self._ended_well = False
        self.when_done: Callable[[Any], None] | None = None
        self.done = threading.Event()
        """Set once the exporter is closed."""
        self._ring.alarms.add(Alarm(self._done_with + 1, self.start))
        if self._reader.lag:
            self.start()

    # Called from other threads ------------------------------------------------------------------

    @property
    def position(self) -> int:
        """The last event the exporter is done with."""
        return self._done_with

    @property
    def is_current_thread(self) -> bool:
        """Whether the exporter itself is calling."""
        return self._thread_id == threading.get_ident()

    def start(self) -> None:
        """Begin the thread, if it has not begun. `publish` may be the caller: this waits for nothing."""
        self._thread.start(self._run)

    def ended_well(self, deadline: float) -> bool:
        """Wait for the end until *deadline*; return whether everything was delivered and closed.

        Does the thread's work in this one if no thread can be had any more, and does not wait for
        this very thread.
        """
        if self.is_current_thread:
            return False
        if self._thread.claim():
            self._run()
        return wait_until(self.done, deadline) and self._ended_well

    def request_flush(self, deadline: float) -> Flush:
        """Ask for everything published so far to be delivered and flushed by *deadline* (monotonic)."""
        flush = Flush(self._ring.head, deadline, self._gone())
        self._flushes.add(flush)
        self._attend()
        if self.done.is_set():
            self._flushes.refuse(self._done_with, ended_well=self._ended_well)
        return flush

    def stop(self, deadline: float) -> None:
        """Ask the thread to deliver what there is, flush, close, and end, by *deadline* (monotonic).

        The first call counts.
        """
        if self._stop_at is None:
            self._health.ending = True
            self._delivery.deadline = deadline
            self._gone_before = self._gone()
            self._stop_at = self._ring.head
        self._attend()

    def statistics(self) -> ExporterStatistics:
        """Return the numbers as they stand."""
        delivery = self._delivery
        details = own_counts(self.exporter, self.name, self._ring.tally)
        return ExporterStatistics(
            name=self.name,
            cursor=self._done_with,
            delivered=delivery.delivered,
            batches=delivery.batches,
            missed=self._reader.missed - self._missed_elsewhere,
            lost=delivery.lost + details.get("lost", 0),
            failures=self._health.failures,
            retries=delivery.retries,
            lag=self._ring.head - self._done_with,
            healthy=not self._health.outage,
            last_error=self._health.last_error,
            details=details,
        )

    def reset_after_fork(self) -> None:
        """Leave the log so far to the parent process, and begin anew at the next event."""
        was_done = self.done.is_set() or self._stop_at is not None
        self._reader.skip_to_head()
        if self._unread is not None:
            self._unread.reset_after_fork()
        self._begin()
        self._inherited = True
        if was_done:
            self._thread.claim()
            self._ended_well = True
            self.done.set()

    def _attend(self) -> None:
        self._doorbell.ring()
        self.start()

    # The thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        self._thread_id = threading.get_ident()
        try:
            while self._turn():
                pass
            self._finish()
        except BaseException as error:  # noqa: BLE001 - nothing may end this thread without a word
            self._health.failed("its thread, by a bug of tracebus,", error)
        finally:
            self._thread_id = None
            self._reader.end()
            self._note_held(0)
            self._unread = None  # it knows this worker: a cycle would keep both until a collection
            self.done.set()
            self._flushes.refuse(self._done_with, ended_well=self._ended_well)
            if self.when_done is not None:
                self.when_done(self)

    def _turn(self) -> bool:
        """Rest if there is time, then deliver a batch; return False once nothing is left to do."""
        lag = self._reader.lag
        if not (lag and (self._urgent or lag >= self._options.max_batch)):
            self._rest()
        if self._delivery.expired:
            return False
        batch = self._reader.take(self._options.max_batch)
        if batch:
            self._take_over()
            self._delivery.deliver(batch, self._doorbell)
            self._note_held(int(getattr(self.exporter, "held_bytes", 0)))
            self._done_with = self._reader.position
            if self._unread is not None:
                self._unread.release()
        self._answer_flushes()
        return self._stop_at is None or self._done_with < self._stop_at

    def _note_held(self, held: int) -> None:
        """Count what the exporter holds as part of the bus's memory."""
        if held != self._held:
            self._ring.hold_elsewhere(held - self._held)
            self._held = held

    def _take_over(self) -> None:
        """Tell an exporter that came here by a fork, once, before its first batch in this process."""
        if self._inherited:
            self._inherited = False
            after_fork = getattr(self.exporter, "after_fork", None)
            if after_fork is not None:
                self._health.attempt("after_fork", after_fork)

    @property
    def _urgent(self) -> bool:
        return bool(self._flushes) or self._stop_at is not None

    @property
    def _hurried(self) -> bool:
        """Whether a root run has ended in what is not delivered yet."""
        return self._ring.hurried > self._reader.position

    def _rest(self) -> None:
        """Sleep until there is something to do, and then a little more, to gather a batch."""
        if not self._reader.lag:
            self._sleep_until(self._reader.position + 1, None)
        if self._options.linger:
            # Half a ring is the most to gather: a small ring must not overrun a reader at rest.
            self._sleep_until(self._reader.position + max(1, self._ring.capacity // 2), self._options.linger)

    def _sleep_until(self, position: int, timeout: float | None) -> None:
        alarm = Alarm(position, self._doorbell.ring)
        self._ring.alarms.add(alarm)
        try:
            if self._ring.head < position and not self._urgent and not (timeout and self._hurried):
                self._doorbell.wait(timeout)
        finally:
            self._ring.alarms.discard(alarm)

    def _answer_flushes(self) -> None:
        """Flush the exporter, once for all who wait for no more than it has."""
        if reached := self._flushes.up_to(self._done_with):
            flushed = self._flush_exporter(max(flush.deadline for flush in reached))
            self._flushes.answer(reached, flushed=flushed, gone=self._gone())

    def _flush_exporter(self, deadline: float) -> bool:
        if self._inherited:
            return True  # used by the parent process only, whose connection or file it holds
        remaining = max(0.0, deadline - time.monotonic())
        return self._health.attempt("flush", lambda: self.exporter.flush(remaining))

    def _gone(self) -> int:
        return self._delivery.lost + self._reader.missed

    def _finish(self) -> None:
        left = (self._stop_at or 0) - self._done_with
        if left > 0:
            self._delivery.lost += left
            self._done_with += left
        flushed = self._flush_exporter(self._delivery.deadline or 0.0)
        closed = self._inherited or self._health.attempt("close", self.exporter.close)
        self._ended_well = flushed and closed and self._gone() == self._gone_before
        self.say_last_word()

    @property
    def exit_timeout(self) -> float:
        """Seconds the exporter asks for at the end of a process, where nobody said otherwise."""
        return float(getattr(self.exporter, "exit_timeout", 0.0))

    @property
    def deadline(self) -> float:
        """When it was told to be done (monotonic)."""
        return self._delivery.deadline or 0.0

    def say_last_word(self) -> None:
        """Say once how many events of how many did not arrive, if any, and where they were to go."""
        late = not self.done.is_set() and self._thread_id not in (None, threading.get_ident())
        if not (self._said_goodbye or self._inherited):
            row, mistaken = self.statistics(), self._health.mistaken
            text = last_word(self.exporter, row, self._delivery.lost, late=late, mistaken=mistaken)
            self._said_goodbye = text is not None
            if text is not None:
                logger.warning("%s", text)
