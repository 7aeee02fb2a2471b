"""The log itself: a ring of the newest events, and the runs open in it."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

from msgspec.structs import force_setattr, replace

from tracebus.bus._holdings import Holdings, bound_of, weight_of
from tracebus.bus._tally import Tally
from tracebus.bus._waking import Alarms
from tracebus.events import Deferred, Gap, RunEnded, RunStarted, payloads_of, without_payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tracebus.clock import Clock
    from tracebus.events import Event

__all__ = ["DEFAULT_MAX_BYTES", "Ring"]

DEFAULT_MAX_BYTES = 64_000_000
_SHARE_OF_READ = 4
"""Payloads that every reader has passed are kept up to this part of `max_bytes`, for one that joins late."""

_WEIGHED_AT_ONCE = 64
"""Events a reader weighs before it lets those who append have their turn."""

_MAX_OPEN_RUNS = 100_000
"""Far above the tracker's own cap: the table must stay finite even for a source without one."""

_BETWEEN_HURRIES = 20_000_000
"""Nanoseconds. A root run's end wakes the exporters at once, since the program may be told to end now (a
pool's worker, a job); but not after each of hundreds a second, which would cost more than they do."""


class Positioned(Protocol):
    """A reader of the log, as far as the log knows it."""

    @property
    def weighs(self) -> bool:
        """Whether it settles so many payloads that they are to be weighed before."""
        ...

    @property
    def position(self) -> int:
        """The last position taken."""
        ...


class Ring:
    """The newest *capacity* events, each with its position `seq` in the log, from 1.

    Many threads append; many read, without a lock. Where the events keep more than *max_bytes*, the
    oldest are replaced by copies without payloads; where everybody has read them, sooner.
    """

    def __init__(self, capacity: int, clock: Clock, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.capacity = capacity
        self.max_bytes = max_bytes
        self._held_elsewhere = 0
        """Bytes of events that exporters hold: part of `max_bytes`, a quarter of which is always ours."""
        self.room = max_bytes
        """Bytes the ring itself may keep."""
        self.holdings = Holdings()
        self.readers: WeakSet[Positioned] = WeakSet()
        """Those still reading: what all of them have passed may go."""
        self.has_copies = False
        """Whether a settled event may have been replaced by a copy that is not."""
        self._let_go_to = 0
        self._total = 0
        """The sum of all events' bounds: of what each keeps, at the most."""
        self._before = [0] * capacity
        """By their slots: that sum before the events in the log."""
        self._look_at = max_bytes
        """The sum at which the limit may have been reached."""
        self._weighed_to = 0
        """Up to which position `holdings` counts the events."""
        self.clock = clock
        self.head = 0
        """The newest event's position."""
        self.sealed = False
        """Whether the log takes no more events."""
        self.tally = Tally()
        self.alarms = Alarms(self.tally)
        self._slots: list[Event] = [Gap(time=0, missed=0)] * capacity  # any event will do to begin with
        self._open: OrderedDict[str, RunStarted] = OrderedDict()
        self.hurried = 0
        """Up to which position events shall be delivered at once, and not gathered."""
        self._hurry_from = 0
        """From when on those who gather events are woken for the end of a root, in nanoseconds."""
        self._reentered: deque[tuple[Event, int]] = deque()
        self._new_lock()

    def append(  # noqa: C901, PLR0912  # called for every event
        self, event: Event, bound: int | None = None
    ) -> None:
        """Give *event* the next position and make it readable, without waiting for any reader; never raise.

        *bound* is about how many bytes it keeps, at the most, where the source knows. Re-entrant: a
        finaliser or signal handler that appends while its own thread is in here leaves its event to the
        outer call. No object is freed under the lock (hence `freed`): a finaliser may take a lock of the
        program's that another appending thread holds.
        """
        try:
            if bound is None:
                bound = bound_of(event)
                if event.seq:  # it stands in another log already, and stays as it is there
                    event = replace(event, seq=0)
            if self._is_in():
                self._reentered.append((event, bound))
                return
            hurry = False
            freed: list[object] | None = None
            with self._lock:
                if self.sealed:
                    self.tally.count("published_after_close")
                    return
                seq = self.head + 1
                force_setattr(event, "seq", seq)
                index = seq % self.capacity
                evicted = self._slots[index]
                if evicted.seq and (evicted.seq <= self._weighed_to or type(evicted) is RunStarted):
                    freed = self._evict(evicted)
                if type(event) is RunStarted:
                    run_id = event.run_id
                    if run_id in self._open or len(self._open) >= _MAX_OPEN_RUNS:
                        self._forget(run_id, freed := freed or [])
                    self._open[run_id] = event
                elif type(event) is RunEnded:
                    started = self._open.pop(event.run_id, None)
                    hurry = event.parent_run_id is None and event.time >= self._hurry_from
                    if started is not None and started.seq <= self._let_go_to:
                        self._let_go(started, freed := freed or [])  # kept until now for who joined late
                self._slots[index] = event
                self._before[index] = total = self._total
                self.head = seq
                self._total = total = total + bound
                if total > self._look_at:
                    self._look(freed := freed or [])
            if hurry:
                self._hurry(event.time)
            elif seq >= self.alarms.next:
                self.alarms.wake(seq)
            if self._reentered:
                self.append(*self._reentered.popleft())
        except Exception as error:  # noqa: BLE001 - the program that publishes must not pay for it
            self.tally.complain("publish_failures", f"{event!r} could not be published", error)

    def _hurry(self, now: int) -> None:
        """Have the exporters deliver at once what there is, and for a while not again."""
        self._hurry_from = now + _BETWEEN_HURRIES
        self.hurried = self.head
        self.alarms.wake_all()

    def _forget(self, run_id: str, freed: list[object]) -> None:
        """Take out of the open runs that of *run_id*, else the oldest."""
        if run_id in self._open:
            started = self._open.pop(run_id)
        else:
            self.tally.count("open_runs_forgotten")
            started = self._open.popitem(last=False)[1]
        freed.append(started)
        if started.seq <= self._let_go_to:
            self._let_go(started, freed)

    def _evict(self, event: Event) -> list[object]:
        """Count *event*, which leaves the log, no more, unless its run is open; return what that frees."""
        if not self._is_open(event):
            return self.holdings.remove(event.seq) if event.seq <= self._weighed_to else []
        if event.seq > self._weighed_to:
            self._weigh_up_to(event.seq)
        self._let_go_to = max(self._let_go_to, event.seq)
        return []

    def _new_lock(self) -> None:
        lock: Any = threading.RLock()
        self._lock = lock
        self._is_in: Callable[[], bool] = lock._is_owned  # noqa: SLF001  # as `threading.Condition` asks
        """Tells whether this very thread holds it."""

    # Memory -------------------------------------------------------------------------------------

    @property
    def held_bytes(self) -> int:
        """About how many bytes the events keep in memory."""
        self.weigh(self.head)
        return self.holdings.bytes + self._held_elsewhere

    @property
    def _kept(self) -> int:
        """Bytes the events in the log keep, at the most where they have not been weighed yet."""
        first = max(self._weighed_to, self.head - self.capacity) + 1
        unweighed = self._total - self._before[first % self.capacity] if first <= self.head else 0
        return self.holdings.bytes + unweighed

    def _look(self, freed: list[object]) -> None:
        """Keep the limit, and say when to look again."""
        if self._kept > self.max_bytes:
            self._make_room(freed)
        self._look_at = self._total + self.max_bytes - self._kept

    @property
    def is_weighed(self) -> bool:
        """Whether somebody reads who settles payloads: what they keep is to be counted before."""
        return any(reader.weighs for reader in list(self.readers))

    def weigh(self, position: int) -> None:
        """Count exactly what the events up to *position* keep: whoever settles them calls this before."""
        while self._weighed_to < position:
            self._exclusively(lambda: self._weigh_up_to(min(position, self._weighed_to + _WEIGHED_AT_ONCE)))

    def _weigh_up_to(self, position: int) -> None:
        for seq in range(max(self._weighed_to, self.head - self.capacity) + 1, position + 1):
            self.holdings.add(seq, *weight_of(self._slots[seq % self.capacity]))
        self._weighed_to = max(position, self._weighed_to)

    def settled(self, events: Iterable[Event]) -> None:
        """Take note that *events* have become JSON, which may take more or less memory than before."""

        def account() -> list[object]:
            freed: list[object] = [self.holdings.settled(event.seq) for event in events]
            if self._kept > self.room:
                self._make_room(freed)
            return freed

        self._exclusively(account)

    def hold_elsewhere(self, change: int) -> None:
        """Take note that exporters hold *change* bytes more, or less."""

        def account() -> list[object]:
            self._held_elsewhere += change
            self.room = max(self.max_bytes // _SHARE_OF_READ, self.max_bytes - self._held_elsewhere)
            freed: list[object] = []
            if self._kept > self.room:
                self._make_room(freed)
            return freed

        self._exclusively(account)

    def discharge(self, events: Iterable[Event]) -> None:
        """Take note that those of *events* that have no payload any more keep nothing."""
        empty = [event.seq for event in events if without_payload(event) is None]
        self._exclusively(lambda: [self.holdings.remove(seq) for seq in empty])

    def let_go_of_read(self) -> None:
        """Replace the oldest events every reader is past by copies without payload, where many are kept."""
        target = self.room // _SHARE_OF_READ
        if self._kept > target:
            self.weigh(self.head)
        if self.holdings.bytes > target and (reached := self._passed()) > self._let_go_to:
            self._exclusively(lambda: self._let_go_up_to(reached, target))

    def _passed(self) -> int:
        """Return the position every reader is past; 0 where nobody reads."""
        return min((reader.position for reader in list(self.readers)), default=0)

    def _make_room(self, freed: list[object]) -> None:
        """Let the oldest payloads go, read or not, if it must be; those of open runs last."""
        self._weigh_up_to(self.head)
        if self.holdings.bytes <= self.room:
            return
        passed = self._passed()
        unread, gone = self._let_go_up_to(self.head, self.room, passed)
        freed.append(gone)
        if self.holdings.bytes > self.room:
            for start in list(self._open.values()):
                if self.holdings.bytes <= self.room:
                    break
                unread += self._let_go(start, freed) and start.seq > passed
        if unread:
            self.tally.count("payloads_let_go_unread", unread)

    def _let_go_up_to(self, position: int, target: int, passed: int = 0) -> tuple[int, list[object]]:
        """Let payloads go until no more than *target* bytes are kept.

        Returns how many of those were after *passed*, and what is to be freed.
        """
        unread = 0
        freed: list[object] = []
        self._let_go_to = max(self._let_go_to, self.head - self.capacity)
        while self.holdings.bytes > target and self._let_go_to < position:
            self._let_go_to += 1
            event = self._slots[self._let_go_to % self.capacity]
            if not self._is_open(event):
                unread += self._let_go(event, freed) and event.seq > passed
        return unread, freed

    def _let_go(self, event: Event, freed: list[object]) -> bool:
        """Put a copy without payload in *event*'s place: whoever has the event keeps it as it is."""
        index = event.seq % self.capacity
        slim = without_payload(event)
        freed += self.holdings.remove(event.seq)
        if slim is None:
            return False
        freed.append(event)
        if self._slots[index] is event:
            self._slots[index] = slim
        if isinstance(slim, RunStarted) and self._is_open(event):
            self._open[slim.run_id] = slim
        self.has_copies = self.has_copies or any(isinstance(value, Deferred) for value in payloads_of(slim))
        return True

    def _is_open(self, event: Event) -> bool:
        return isinstance(event, RunStarted) and self._open.get(event.run_id) is event

    def _exclusively(self, work: Callable[[], object]) -> None:
        """Run *work* while nobody appends; what it returns is freed afterwards."""
        with self._lock:
            freed = work()
            self._look_at = self._total + self.max_bytes - self._kept
        del freed
        if self._reentered and not self._is_in():
            self.append(*self._reentered.popleft())

    def read(self, after: int, limit: int) -> tuple[int, list[Event]]:
        """Return how many events after position *after* are lost, and up to *limit* that follow them.

        Takes no lock: while we copy, appending threads may overwrite the oldest slots, and only
        those, so an event that is not at its position marks one more lost.
        """
        while True:
            head = self.head
            first = max(after, head - self.capacity) + 1
            events = self._copy(first, min(head, first + limit - 1))
            position = first
            while events and events[0].seq != position:
                del events[0]
                position += 1
            if events or first > head:
                return position - after - 1, events

    def _copy(self, first: int, last: int) -> list[Event]:
        if last < first:
            return []
        start, stop = first % self.capacity, last % self.capacity + 1
        return self._slots[start:stop] if start < stop else self._slots[start:] + self._slots[:stop]

    def seal(self) -> None:
        """Take no more events, and wake everybody who waits for one."""
        with self._lock:
            self.sealed = True
        self.alarms.wake_all()

    def open_runs(self) -> tuple[int, list[RunStarted]]:
        """Return the head and the runs open at it, in the order they began."""
        with self._lock:
            return self.head, list(self._open.values())

    @property
    def open_count(self) -> int:
        """How many runs are open."""
        return len(self._open)

    @property
    def before_open_runs(self) -> int:
        """The position before the start of every run that is open; the head where none is."""
        with self._lock:
            return next((start.seq - 1 for start in self._open.values()), self.head)

    def reset_after_fork(self) -> None:
        """Become usable in a forked child, where other threads' locks and sleepers are gone."""
        self._new_lock()
        self._reentered.clear()
        for start in self._open.values():
            if start.seq <= self.head - self.capacity:
                self.holdings.remove(start.seq)
        self._open.clear()
        self.readers = WeakSet(self.readers)  # it may have been in use when the process forked
        self.alarms.reset()
        self.tally.reset()
