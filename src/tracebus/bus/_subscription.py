"""Reading the bus with `async for`."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Self

from tracebus.bus._statistics import SubscriptionStatistics
from tracebus.bus._waking import Alarm

if TYPE_CHECKING:
    from types import TracebackType

    from tracebus.bus._reader import Reader
    from tracebus.events import Event

__all__ = ["Subscription"]

_PREFETCH = 256
"""Events taken at once for `async for`: the loop gets a turn, and at most this many wait here."""


class Subscription:
    """An async iterator over a bus's events, for one consumer on any one event loop.

    Ends after the last event once the bus is closed. A consumer too slow for the ring gets a `Gap`
    in place of what it missed. Cancelling a waiting `__anext__` or `read` loses nothing. Dropping
    the subscription without closing it is fine.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._ready: deque[Event] = deque()
        self._sleeping: set[Alarm] = set()
        self._cursor = reader.position
        self._delivered = 0
        self._closed = False

    @property
    def cursor(self) -> int:
        """The `seq` of the last event handed out; `bus.subscribe(after=cursor)` goes on from here."""
        return self._cursor

    @property
    def closed(self) -> bool:
        """Whether `aclose` was called."""
        return self._closed

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._ready:
            events = await self._take(_PREFETCH)
            if not events:
                raise StopAsyncIteration
            self._ready.extend(events)
        event = self._ready.popleft()
        self._cursor = event.seq
        self._delivered += 1
        return event

    async def read(self, max_events: int = 512) -> list[Event]:
        """Wait for events and return what there is, at most *max_events*; none at the end of the bus.

        Raises:
            ValueError: *max_events* is less than 1.
        """
        if max_events < 1:
            raise ValueError(f"max_events must be at least 1, not {max_events}")
        if self._ready:
            events = [self._ready.popleft() for _ in range(min(max_events, len(self._ready)))]
        else:
            events = await self._take(max_events)
        if events:
            self._cursor = events[-1].seq
            self._delivered += len(events)
        return events

    async def aclose(self) -> None:
        """End the iteration, also for a consumer that waits at this moment."""
        self._closed = True
        self._reader.end()
        self._ready.clear()
        for alarm in list(self._sleeping):
            alarm.wake()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def statistics(self) -> SubscriptionStatistics:
        """Return how far this reader is."""
        return SubscriptionStatistics(
            cursor=self._cursor,
            delivered=self._delivered,
            missed=self._reader.missed,
            lag=self._reader.lag + len(self._ready),
        )

    async def _take(self, limit: int) -> list[Event]:
        """Take the next events out of the log; none at the end.

        Awaits before it takes and never after: cancelled anywhere, it has lost nothing.
        """
        reader = self._reader
        ring = reader.ring
        if ring.head > reader.position:
            await asyncio.sleep(0)  # a busy log must not keep the loop from its other tasks
        while not self._closed:
            ended = ring.sealed  # looked at first: what was written before it is taken below
            if ring.head > reader.position:
                return reader.take(limit)
            if ended:
                return []
            await self._sleep(reader.position + 1)
        return []

    async def _sleep(self, position: int) -> None:
        """Wait until the log reaches *position* or there is nothing to wait for."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        alarm = Alarm(position, partial(_wake, loop, future))
        ring = self._reader.ring
        self._sleeping.add(alarm)
        ring.alarms.add(alarm)
        try:
            if not (ring.head >= position or ring.sealed or self._closed):
                await future
        finally:
            ring.alarms.discard(alarm)
            self._sleeping.discard(alarm)


def _wake(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> None:
    """Resolve *future*, from whatever thread this is.

    A task of the same loop needs no system call. Outside a task it does: in a signal handler the
    loop may be about to wait for its sockets.
    """
    if asyncio._get_running_loop() is loop and asyncio.current_task(loop) is not None:  # noqa: SLF001 - documented for frameworks; `get_running_loop` raises where there is none
        _resolve(future)
        return
    try:
        loop.call_soon_threadsafe(_resolve, future)
    except RuntimeError:
        return  # the loop is closed, and nobody waits on it any more


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
