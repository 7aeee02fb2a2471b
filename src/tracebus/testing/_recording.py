"""An exporter that remembers what it was given."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from tracebus.events import Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tracebus.events import Event

__all__ = ["RecordingExporter", "collect"]


class RecordingExporter:
    """Keeps every event it is given and lets a test wait for them. Usable from any thread."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._batches = 0
        self._flushes = 0
        self._closed = False
        self._changed = threading.Condition()

    def export(self, batch: Sequence[Event], /) -> None:
        """Keep *batch*."""
        with self._changed:
            self._events.extend(batch)
            self._batches += 1
            self._changed.notify_all()

    def flush(self, timeout: float, /) -> None:  # noqa: ARG002  the Exporter contract's
        """Count the flush; nothing is held back."""
        with self._changed:
            self._flushes += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Remember that this was called."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def events(self) -> list[Event]:
        """A copy of what was exported, in order."""
        with self._changed:
            return list(self._events)

    @property
    def batches(self) -> int:
        """How many times `export` was called."""
        return self._batches

    @property
    def flushes(self) -> int:
        """How many times `flush` was called."""
        return self._flushes

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def clear(self) -> None:
        """Forget the events."""
        with self._changed:
            self._events.clear()

    def wait_for(self, predicate: Callable[[list[Event]], Any], timeout: float = 5.0) -> list[Event]:
        """Block until *predicate* of the events is true; return the events.

        In asynchronous tests use `await_for`, which does not block the loop the chain runs on.

        Raises:
            TimeoutError: it was not within *timeout* seconds; the message lists what had arrived.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while not predicate(events := list(self._events)):
                if not self._changed.wait(max(0.0, deadline - time.monotonic())) and (
                    time.monotonic() >= deadline
                ):
                    raise TimeoutError(_arrived(events, timeout))
            return events

    async def await_for(
        self,
        predicate: Callable[[list[Event]], Any],
        timeout: float = 5.0,  # noqa: ASYNC109  the deadline of the thread that waits
    ) -> list[Event]:
        """Do what `wait_for` does without blocking the event loop."""
        return await asyncio.to_thread(self.wait_for, predicate, timeout)


class _Bus(Protocol):
    """What `collect` needs of a bus."""

    def attach(self, exporter: RecordingExporter, /) -> Any: ...

    def flush(self, timeout: float = ...) -> bool: ...


@contextmanager
def collect(bus: _Bus, timeout: float = 5.0) -> Iterator[RecordingExporter]:
    """Record what *bus* carries from now on; at the end of the block everything has arrived.

    ::

        with collect(bus) as recorded:
            chain.invoke("x")
        assert [event.name for event in recorded.events if isinstance(event, RunStarted)] == [...]

    Raises:
        TimeoutError: the bus could not be flushed within *timeout* seconds.
    """
    recorder = RecordingExporter()
    handle = bus.attach(recorder)
    try:
        yield recorder
        if not bus.flush(timeout):
            raise TimeoutError(f"the bus was not flushed within {timeout} s")
    finally:
        handle.detach(timeout)


def _arrived(events: Sequence[Event], timeout: float) -> str:
    lines = [f"not within {timeout} s; {len(events)} events had arrived:"]
    lines += [f"  {type(event).__name__} {_what(event)}" for event in events[-30:]]
    return "\n".join(lines)


def _what(event: Event) -> str:
    if isinstance(event, Gap):
        return f"missed={event.missed}"
    return f"{getattr(event, 'name', '') or getattr(event, 'outcome', '')} run_id={event.run_id}"
