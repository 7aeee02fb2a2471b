"""The events of one root run, held until it is decided whether they go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import Deferred, Outcome, RunEnded, RunStarted, payloads_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.events import Event, RunEvent

__all__ = ["HeldRun"]

_ERROR = Outcome.ERROR
_EVENT = 320
"""Bytes of an event without payload, about."""
_PLACE = 64
_DEFERRED = 256
_MOST_PLACES = 2_000


class HeldRun:
    """A root run, or the part of one that executes in this process, and what is known of it so far."""

    __slots__ = (
        "began",
        "bytes",
        "copied",
        "ended",
        "events",
        "failed",
        "id",
        "notes",
        "open",
        "seen",
        "started",
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
        self.copied = 0
        """How many of them are copies."""
        self.notes: set[str] = set()
        """What the exit that copies them notes of this run."""
        self.open: set[str] = set()
        self.ended: int | None = None
        """When its top run ended, in nanoseconds since the epoch."""
        self.failed = False
        self.bytes = 0
        self.seen: set[int] = set()

    def add(self, event: RunEvent, *, weigh: bool) -> int:
        """Hold *event*; return the bytes that adds."""
        self.events.append(event)
        added = _EVENT + self._payload_bytes(event) if weigh else _EVENT
        self.bytes += added
        return added

    def keep_copies(self, copy: Callable[[Event, set[str]], Event]) -> None:
        """Put copies in the place of the events held since it was asked last."""
        for number in range(self.copied, len(self.events)):
            self.events[number] = copy(self.events[number], self.notes)
        self.copied = len(self.events)

    def note(self, event: RunEvent) -> None:
        """Learn from *event* without holding it."""
        if isinstance(event, RunStarted):
            self.open.add(event.run_id)
        elif isinstance(event, RunEnded):
            self.open.discard(event.run_id)
            if event.outcome is _ERROR:
                self.failed = True
            if event.run_id == self.top:
                self.ended = event.time

    def lasted(self, now: int) -> float:
        """Return the seconds from its start to its end, or to *now* while there is none."""
        return ((self.ended if self.ended is not None else now) - self.began) / 1e9

    def _payload_bytes(self, event: Event) -> int:
        """Return about how many bytes *event* holds that no event before it does: messages come again."""
        size, room = 0, _MOST_PLACES
        pending: list[Any] = list(payloads_of(event))
        if text := getattr(event, "text", ""):
            size += len(text)
        while pending and room > 0:
            value = pending.pop()
            kind = type(value)
            if kind is str:
                size += len(value)
            elif kind is dict or kind is list:
                room -= 1
                if id(value) in self.seen:
                    continue
                self.seen.add(id(value))  # which stays its own: the event keeps the value alive
                pending += value.values() if kind is dict else value
                room -= len(value)
                size += _PLACE * len(value)
            else:
                size += _DEFERRED if isinstance(value, Deferred) else _PLACE
        return size
