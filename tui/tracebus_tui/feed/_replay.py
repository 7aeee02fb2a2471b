"""A recording played again, steered from another thread: pause, speed, steps, errors, any place."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from array import array
from bisect import bisect_left
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from tracebus.events import Gap, RunEnded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence

    from tracebus.events import Event

_BATCH = 512
_SHORTEST = 0.002
"""Seconds that are not worth waiting for."""
_NANO = 1_000_000_000
SPEEDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0)


class Failure(NamedTuple):
    """An error in a recording: how many events have been played once it has happened, and whose it is."""

    number: int
    run_id: str


class Contents:
    """What a recording holds, as far as it has been looked through.

    Attributes:
        due: for each event, after how many seconds of playing it comes.
        errors: the errors; where runs inside failed first, the innermost only.
        whole: whether it has been looked through to the end.
    """

    def __init__(self) -> None:
        self.due = array("d")
        self.errors: list[Failure] = []
        self.whole = False

    def read(self, events: Iterable[Event], max_pause: float, stopped: Callable[[], bool]) -> None:
        """Look through *events*, until *stopped*."""
        explained: set[str | None] = set()
        for event, due in _timed(events, max_pause):
            if stopped():
                return
            self.due.append(due)
            if isinstance(event, RunEnded) and event.error is not None:
                if event.run_id not in explained:
                    self.errors.append(Failure(len(self.due), event.run_id))
                explained.add(event.parent_run_id)
        self.whole = True

    @property
    def seconds(self) -> float:
        """Return how long it plays, at its own speed."""
        return self.due[-1] if self.due else 0.0


class ReplaySource:
    """Events played again with the pauses they came with.

    Attributes:
        speed: how many times as fast; 0 is as fast as possible.
        paused: whether it stands still.
        played: how many events have been given.
        contents: what the recording holds.

    Args:
        events: what is played; something that can be read again and again. An iterator is kept whole.
        speed: how many times as fast to begin with.
        max_pause: seconds of silence to keep at most, before *speed*.
        clock: seconds of a steady clock, for tests.
    """

    label = "recording"

    def __init__(
        self,
        events: Iterable[Event],
        *,
        speed: float,
        max_pause: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._events = _Kept(events) if iter(events) is events else events
        self._max_pause = max_pause
        self._clock = clock
        self.speed = speed
        self.paused = False
        self.played = 0
        self.contents = Contents()
        self._goal = 0
        self._at = 0.0
        self._since = clock()
        self._time = 0
        self._due = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()

    # What a source does.

    async def batches(self, after: int | None) -> AsyncGenerator[Sequence[Event], None]:
        """Yield the events as they are due, from the first on."""
        del after  # it is read from the beginning, or not again
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        stopped = threading.Event()
        looking = asyncio.create_task(self._look_through(stopped.is_set))
        self.played = 0
        self._move_to(0.0)
        try:
            yield ()
            batch: list[Event] = []
            for event, due in _timed(self._events, self._max_pause):
                while (wait := self._wait(due)) is None or wait > _SHORTEST:
                    yield batch
                    batch = []
                    await self._rest(wait)
                if self.played < self._goal or self.speed == 0:
                    self._move_to(due)
                batch.append(event)
                self.played += 1
                self._time, self._due = event.time, due
                if len(batch) >= _BATCH:
                    yield batch
                    batch = []
                    await asyncio.sleep(0)
            yield batch
        finally:
            stopped.set()
            looking.cancel()

    def lost(self) -> frozenset[str]:
        """Return none: a recording says what it says."""
        return frozenset()

    def open_runs(self) -> None:
        """Return nothing: what a recording left out nobody knows."""

    def roots(self, limit: int) -> Sequence[str]:  # noqa: ARG002 - all of them are shown
        """Return none: all are shown."""
        return ()

    def events_of(self, root_run_id: str) -> Sequence[Event]:
        """Return the events of a root run that have been played."""
        played = islice(self._events, self.played)
        return [event for event in played if not isinstance(event, Gap) and event.root_run_id == root_run_id]

    def close(self) -> None:
        """Do nothing: what reads it closes what it opened."""

    # Where it stands.

    @property
    def at(self) -> float:
        """Return the seconds played, at the recording's own speed."""
        position = self._at if self.paused else self._at + (self._clock() - self._since) * self.speed
        return min(position, self.contents.seconds) if self.contents.whole else position

    @property
    def ended(self) -> bool:
        """Return whether all of it has been played."""
        return self.contents.whole and self.played >= len(self.contents.due)

    def now(self) -> int:
        """Return what time it is in the recording, in nanoseconds since the epoch."""
        return self._time + (0 if self.ended else max(0, round((self.at - self._due) * _NANO)))

    # Steering; from any thread.

    def pause(self, *, paused: bool) -> None:
        """Stand still, or go on."""
        self._move_to(self.at)
        self.paused = paused
        self._tell()

    def change_speed(self, steps: int) -> None:
        """Play faster by so many of `SPEEDS`, or slower where negative."""
        self._move_to(self.at)
        place = bisect_left(SPEEDS, self.speed) if self.speed else len(SPEEDS) - 1
        self.speed = SPEEDS[max(0, min(len(SPEEDS) - 1, place + steps))]
        self._tell()

    def forward_to(self, number: int) -> None:
        """Play at once until *number* events have been played."""
        self._goal = max(self._goal, number)
        self._tell()

    def begin_at(self, number: int) -> None:
        """Note that the next reading, from the beginning, plays the first *number* events at once."""
        self._goal = number

    def number_at(self, seconds: float) -> int:
        """Return how many events have been played *seconds* after the beginning, as far as is known."""
        return bisect_left(self.contents.due, seconds)

    def failure(self, *, back: bool = False) -> Failure | None:
        """Return the next error from here, or the one before; `None` where there is none."""
        errors = self.contents.errors
        numbers = [failure.number for failure in errors]
        place = bisect_left(numbers, self.played) - 1 if back else bisect_left(numbers, self.played + 1)
        return errors[place] if 0 <= place < len(errors) else None

    # How it is done.

    def _wait(self, due: float) -> float | None:
        """Return the seconds until what is *due* then; `None` for as long as it stands still."""
        if self.played < self._goal:
            return 0.0
        if self.paused:
            return None
        return 0.0 if self.speed == 0 else (due - self.at) / self.speed

    async def _rest(self, seconds: float | None) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)

    def _move_to(self, at: float) -> None:
        self._at, self._since = at, self._clock()

    def _tell(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            with contextlib.suppress(RuntimeError):  # it closed at the same moment
                loop.call_soon_threadsafe(self._changed.set)

    async def _look_through(self, stopped: Callable[[], bool]) -> None:
        if not self.contents.whole:
            self.contents = Contents()
            await asyncio.to_thread(self.contents.read, self._events, self._max_pause, stopped)


class _Kept:
    """The events of an iterator, which can be read once, kept so that they can be read again."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = events
        self._kept: list[Event] | None = None

    def __iter__(self) -> Iterator[Event]:
        if self._kept is None:
            self._kept = list(self._events)
        return iter(self._kept)


def _timed(events: Iterable[Event], max_pause: float) -> Iterator[tuple[Event, float]]:
    """Yield each event with the seconds after which it is due."""
    due, before = 0.0, None
    for event in events:
        if before is not None:
            due += min(max(0, event.time - before) / _NANO, max_pause)
        before = event.time
        yield event, due
