"""A cursor into the log: what a reader has seen, and what it missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.events import Gap

if TYPE_CHECKING:
    from tracebus.bus._ring import Ring
    from tracebus.bus._settling import Settler
    from tracebus.events import Event

__all__ = ["Reader"]


class Reader:
    """Takes batches of events out of a ring, in order, with a `Gap` where some are lost.

    Settled by *settler*, or as they are where that is `None`.
    """

    __slots__ = ("__weakref__", "_settler", "missed", "position", "ring", "weighs")

    def __init__(
        self, ring: Ring, settler: Settler | None, after: int | None = None, *, weighs: bool = True
    ) -> None:
        self.ring = ring
        self._settler = settler
        self.position = ring.head if after is None else min(after, ring.head)
        """The last position taken."""
        self.missed = 0
        """Events that were overwritten before this reader came to them."""
        self.weighs = weighs
        """Whether it reads so many payloads that their weights are to be known before it settles them."""
        ring.readers.add(self)

    @property
    def lag(self) -> int:
        """How many events of the log are not taken yet."""
        return self.ring.head - self.position

    def take(self, limit: int) -> list[Event]:
        """Return the next events, at most *limit* with the gap; none where there is nothing new.

        The cursor moves last: an interrupt while a payload is settled loses nothing.
        """
        if self.ring.head == self.position:
            return []
        missed, events = self.ring.read(self.position, limit)
        if events and self.ring.is_weighed:
            self.ring.weigh(events[-1].seq)
        settler = self._settler if events else None
        if settler is not None and settler.settle(events, again=self.ring.has_copies):
            self.ring.settled(events)
        after = self.position + missed
        position = after + len(events)
        if missed:
            events.insert(0, Gap(seq=after, time=self.ring.clock(), missed=missed))
        self.missed += missed
        self.position = position
        self.ring.let_go_of_read()
        return events

    def end(self) -> None:
        """Read no more: nothing need be kept for this reader."""
        self.ring.readers.discard(self)

    def skip_to_head(self) -> None:
        """Leave everything written so far to somebody else."""
        self.position = self.ring.head
