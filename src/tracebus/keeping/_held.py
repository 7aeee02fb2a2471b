"""The events of one root run, held until it is decided whether they go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from tracebus.events import CustomEmitted, Gap, Outcome, RunEnded, RunRetried, RunStarted, RunStreamed
from tracebus.memory import bytes_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.events import Event, RunEvent

__all__ = ["HeldRun"]

_ERROR = Outcome.ERROR
_EVENT = 320
"""Bytes of an event without payload, about."""


class HeldRun:
    """A root run, or the part of one that executes in this process, and what is known of it so far."""

    __slots__ = (
        "began",
        "bytes",
        "ended",
        "events",
        "failed",
        "id",
        "notes",
        "open",
        "seen",
        "started",
        "stocked",
        "teller",
        "top",
        "trace",
    )  # fmt: skip

    def __init__(self, first: RunEvent, teller: int) -> None:
        self.id = first.root_run_id
        self.top = first.run_id
        """The run whose end ends it: the root, or what was called from another process."""
        self.trace = first.traceparent if isinstance(first, RunStarted) else None
        self.began = first.time
        self.started = isinstance(first, RunStarted)
        self.teller = teller
        """Which bus's thread told of it."""
        self.events: list[Event] = []
        self.stocked = 0
        """How many of them are counted in `bytes`, and are copies where the exit makes some."""
        self.notes: set[str] = set()
        """What the exit that copies them notes of this run."""
        self.open: set[str] = set()
        self.ended: int | None = None
        """When its top run ended, in nanoseconds since the epoch."""
        self.failed = False
        self.bytes = 0
        self.seen: set[int] = set()

    def note(self, event: RunEvent) -> bool:
        """Learn from *event*, which is held or not; return whether the run is over with it."""
        kind = type(event)
        if kind is RunStarted:
            self.open.add(event.run_id)
        elif kind is RunEnded:
            self.open.discard(event.run_id)
            if event.outcome is _ERROR:  # type: ignore[union-attr]  # by its type
                self.failed = True
            if event.run_id == self.top:
                self.ended = event.time
            return self.ended is not None and not self.open
        return False

    def take_stock(self, copy: Callable[[Event, set[str]], Event] | None) -> int:
        """Count what is held since it was asked last, put copies in its place; return the bytes that adds."""
        events, first = self.events, self.stocked
        self.stocked = len(events)
        added = _EVENT * (len(events) - first)
        if copy is None:
            added += sum(map(self._payload_bytes, events[first:]))
        else:
            events[first:] = [copy(event, self.notes) for event in events[first:]]
        self.bytes += added
        return added

    def lasted(self, now: int) -> float:
        """Return the seconds from its start to its end, or to *now* while there is none."""
        return ((self.ended if self.ended is not None else now) - self.began) / 1e9

    def _payload_bytes(self, event: Event) -> int:
        """Return about how many bytes *event* holds that no event before it does: messages come again."""
        return bytes_of(_large(event), self.seen)  # whose ids stay their own: the events keep them alive


def _large(event: Event) -> tuple[Any, ...]:
    """Return what may be large in *event*."""
    match event:
        case RunStarted():
            rare = event.metadata or event.partial_variables
            return (event.inputs, event.metadata, event.partial_variables) if rare else (event.inputs,)
        case RunEnded():
            return event.outputs, event.inputs
        case RunStreamed():
            return event.text, event.chunk
        case CustomEmitted():
            return (event.data,)
        case RunRetried() | Gap():
            return ()
        case _:
            assert_never(event)
