"""The event bus: the one log that sources write and views read."""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Self

from tracebus.bus._awaiting import in_thread
from tracebus.bus._delivery import Options
from tracebus.bus._ending import Ending, abandon
from tracebus.bus._exporter import as_exporter, reads_along, reads_few, settles_itself, tell_attached
from tracebus.bus._flushing import include_in_flush
from tracebus.bus._handle import ExporterHandle
from tracebus.bus._lifecycle import DEFAULT_TIMEOUT, before_others_at_exit
from tracebus.bus._limits import max_bytes_from_environment
from tracebus.bus._reader import Reader
from tracebus.bus._ring import Ring
from tracebus.bus._settling import Settler
from tracebus.bus._statistics import BusStatistics, Snapshot, parents_first
from tracebus.bus._subscription import Subscription
from tracebus.bus._unread import Unread
from tracebus.bus._worker import Worker
from tracebus.clock import system_clock
from tracebus.exceptions import ClosedBusError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tracebus.bus._exporter import BatchCallable, Exporter
    from tracebus.clock import Clock
    from tracebus.events import Event

__all__ = ["EventBus"]


class EventBus:
    """An in-process log of the newest *capacity* events, and the readers that follow it.

    Their payloads take at most about *max_bytes* of memory, 64 MB unless `TRACEBUS_MAX_BYTES` says
    otherwise. Those every reader has passed are let go first, beyond a quarter of it, then the oldest;
    those of open runs last. Such an event stays, with a cut of the reason `memory`.

    Every reader has a cursor of its own: a slow or broken one costs itself a `Gap`, and neither
    the program nor another reader anything. Closed by `close`, by leaving a `with` or `async with`
    block, at the end of the process, or when it is garbage collected.

    Raises:
        ValueError: *capacity* or *max_bytes* is less than 1.
    """

    def __init__(
        self, capacity: int = 65_536, max_bytes: int | None = None, *, clock: Clock = system_clock
    ) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1 event, not {capacity}")
        if max_bytes is not None and max_bytes < 1:
            raise ValueError(f"max_bytes must be at least 1 byte, not {max_bytes}")
        self._ring = Ring(capacity, clock, max_bytes_from_environment() if max_bytes is None else max_bytes)
        self._settler = Settler(self._ring.tally)
        self._workers: list[Worker] = []
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()
        self._unread = Unread(self._ring, self._workers, self._subscriptions)
        self._ending = Ending(self._ring, self._workers)
        # The list and the ring, not `self`: a finalizer that held the bus would keep it alive.
        weakref.finalize(self, abandon, self._ring, self._workers).atexit = False
        before_others_at_exit()
        include_in_flush(self)

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        return f"<EventBus {state}, {self._ring.head} published, {len(self._workers)} exporters>"

    # Writing ------------------------------------------------------------------------------------

    def publish(self, event: Event) -> None:
        """Put *event* at the end of the log and set its `seq`. Never blocks, never raises.

        Callable from every thread, and from finalisers and signal handlers even inside itself. An
        event that stands in another log already is copied. After `close` it is only counted.
        """
        self._ring.append(event)

    @property
    def write(self) -> Callable[[Event, int | None], None]:
        """What `publish` does, for sources: they may say how many bytes an event keeps at the most."""
        return self._ring.append

    def count(self, what: str, n: int = 1) -> None:
        """Add *n* to `statistics().counters[what]`."""
        self._ring.tally.count(what, n)

    # Reading ------------------------------------------------------------------------------------

    def subscribe(self, after: int | None = None) -> Subscription:
        """Return an async iterator over the events after position *after*.

        Args:
            after: a `seq`, for example an earlier subscription's `cursor`; 0 for all the ring still
                holds (and a `Gap` for what it does not); None for what is published from now on.

        Raises:
            ClosedBusError: the bus is closed.
            ValueError: *after* is negative.
        """
        with self._ending.lock:
            self._require_open("subscriber")
            subscription = Subscription(self._reader(after))
            self._subscriptions.add(subscription)
            return subscription

    def recent(self) -> list[Event]:
        """Return the events the ring still holds, the oldest first, with a `Gap` for those it does not."""
        reader = self._reader(0)
        events: list[Event] = []
        while batch := reader.take(4096):
            events += batch
        return events

    def attach(
        self,
        exporter: Exporter | BatchCallable,
        *,
        name: str | None = None,
        after: int | None = None,
        linger: float | None = None,
        max_batch: int = Options.max_batch,
        max_attempts: int = Options.max_attempts,
        backoff: float = Options.backoff,
    ) -> ExporterHandle:
        """Hand the events from now on to *exporter*, in a thread of its own.

        Args:
            exporter: an `Exporter`, or a plain function of a batch.
            name: for statistics and log messages; by default the function's or the class's name.
            after: a `seq` to begin after, as for `subscribe`. While every reader settles for itself
                (see `Exporter`), payloads that none of them read are let go, and cut from the past.
            linger: seconds to gather events before a batch is exported; by default what the exporter
                asks for by an attribute of this name, else 0.02.
            max_batch: the most events in one batch.
            max_attempts: how often a failing batch is offered before its events count as lost.
            backoff: seconds to pause after a first failure, doubled with every further one up to 5.

        Returns:
            The exporter's handle. An exporter attached already is not attached twice: its handle
            is returned.

        Raises:
            ClosedBusError: the bus is closed.
            TypeError: *exporter* is neither an exporter nor callable.
            ValueError: an option is out of range.
        """
        served = as_exporter(exporter)
        options = Options(
            linger=getattr(served, "linger", Options.linger) if linger is None else linger,
            max_batch=max_batch,
            max_attempts=max_attempts,
            backoff=backoff,
        )
        with self._ending.lock:
            self._require_open("exporter")
            worker = next((worker for worker in self._workers if worker.exporter is served), None)
            if worker is None:
                label = self._unique_name(name or _name_of(exporter))
                reader = self._reader(after, settled=not settles_itself(served), weighs=not reads_few(served))
                tell_attached(served, self._ring.max_bytes)
                worker = Worker(label, served, reader, options, self._unread)
                self._workers.append(worker)
                before_others_at_exit()
        return ExporterHandle(worker, self._workers)

    def snapshot(self) -> Snapshot:
        """Return the runs open now, parents before children, and the `seq` up to which that holds."""
        seq, runs = self._ring.open_runs()
        self._ring.weigh(seq)
        for run in runs:
            self._settler.settle_one(run)
        return Snapshot(seq, tuple(parents_first(runs)))

    @property
    def before_open_runs(self) -> int:
        """The position to attach or subscribe after to miss nothing of any run that is open now."""
        return self._ring.before_open_runs

    def expect_reader(self, *, before_open_runs: bool) -> None:
        """Say whether somebody may come who settles for itself and attaches after `before_open_runs`.

        Until then payloads that nobody else reads stay for it, from the start of the oldest open run on.
        """
        self._unread.expects_reader = before_open_runs

    def statistics(self) -> BusStatistics:
        """Return the bus's and its readers' numbers as they stand."""
        with self._ending.lock:
            workers, subscriptions = list(self._workers), list(self._subscriptions)
        return BusStatistics(
            published=self._ring.head,
            capacity=self._ring.capacity,
            held_bytes=self._ring.held_bytes,
            max_bytes=self._ring.max_bytes,
            open_runs=self._ring.open_count,
            exporters=tuple(worker.statistics() for worker in workers if not reads_along(worker.exporter)),
            subscriptions=tuple(subscription.statistics() for subscription in subscriptions),
            counters=self._ring.tally.as_dict(),
        )

    # Ending -------------------------------------------------------------------------------------

    def flush(self, timeout: float = DEFAULT_TIMEOUT) -> bool:
        """Bring everything published so far to every exporter's destination.

        Returns whether each exporter took all of it and flushed within *timeout* seconds. An
        exporter that calls this does not wait for itself, and gets False.
        """
        return self.request_flush(time.monotonic() + timeout)()

    def request_flush(self, deadline: float) -> Callable[[], bool]:
        """Begin what `flush` does, by *deadline* (monotonic); calling the answer waits for the end of it."""
        with self._ending.lock:
            workers = list(self._workers)
        flushes = [worker.request_flush(deadline) for worker in workers if not worker.is_current_thread]

        def wait() -> bool:
            answers = [flush.wait() for flush in flushes]
            return all(answers) and len(flushes) == len(workers)

        return wait

    async def aflush(self, timeout: float = DEFAULT_TIMEOUT) -> bool:  # noqa: ASYNC109 - the exporters' time, not the caller's patience
        """Do what `flush` does without blocking the event loop."""
        return await in_thread(self.flush, timeout)

    def close(self, timeout: float = DEFAULT_TIMEOUT) -> bool:
        """End the log: call back who asked for it, flush and close the exporters, end the subscriptions.

        Subscriptions still get everything the ring holds. Closing twice is fine. Returns whether
        all exporters took everything and closed within *timeout* seconds; one that did not is left
        to its daemon thread, and what it had not taken counts as lost. Called by an exporter, or by
        a `before_close` callback, this begins the end, waits for nobody, and returns False.
        """
        deadline = time.monotonic() + timeout
        self._ending.begin(deadline)
        return self._ending.wait(deadline)

    async def aclose(self, timeout: float = DEFAULT_TIMEOUT) -> bool:  # noqa: ASYNC109 - see aflush
        """Do what `close` does without blocking the event loop. Callbacks run in another thread."""
        return await in_thread(self.close, timeout)

    @property
    def closed(self) -> bool:
        """Whether the log takes no more events."""
        return self._ring.sealed

    def before_close(self, callback: Callable[[], None]) -> None:
        """Call *callback* once when the bus begins to close, while it still takes events.

        Not called for a bus that is garbage collected: whoever would publish is gone too.
        """
        self._ending.before_close.append(callback)

    def after_fork_in_child(self, callback: Callable[[], None]) -> None:
        """Call *callback* in every forked child, after the bus itself is usable there."""
        self._ending.after_fork.append(callback)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _reader(self, after: int | None, *, settled: bool = True, weighs: bool = True) -> Reader:
        if after is not None and after < 0:
            raise ValueError(f"after must be a position (seq) from 0, not {after}")
        return Reader(self._ring, self._settler if settled else None, after, weighs=weighs)

    def _require_open(self, reader: str) -> None:
        if self.closed:
            raise ClosedBusError(f"the bus is closed and takes no new {reader}; make a new EventBus")

    def _unique_name(self, name: str) -> str:
        taken = {worker.name for worker in self._workers}
        numbered = (f"{name}#{number}" for number in range(2, len(taken) + 3))
        return name if name not in taken else next(other for other in numbered if other not in taken)


def _name_of(exporter: Exporter | BatchCallable) -> str:
    return str(getattr(exporter, "__qualname__", type(exporter).__name__))
