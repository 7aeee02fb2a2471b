"""Time and identity under a test's control."""

from __future__ import annotations

import itertools
import uuid

__all__ = ["IncrementingClock", "SequentialIds"]


class IncrementingClock:
    """A `tracebus.clock.Clock` that moves on by *step* nanoseconds each time it is read.

    Args:
        start: the first reading, in nanoseconds since the epoch.
        step: nanoseconds between two readings; `clock.advance` adds more.
    """

    def __init__(self, start: int = 1_700_000_000_000_000_000, step: int = 1_000_000) -> None:
        self._now = start
        self._step = step

    def __call__(self) -> int:
        """Return the time and move it on."""
        now = self._now
        self._now += self._step
        return now

    def advance(self, nanoseconds: int) -> None:
        """Move the time on by *nanoseconds*."""
        self._now += nanoseconds


class SequentialIds:
    """Run ids that count from 1, in the form of UUIDs."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def __call__(self) -> str:
        """Return the next id."""
        return str(self.next_uuid())

    def next_uuid(self) -> uuid.UUID:
        """Return the next id as the UUID that LangChain's callbacks take."""
        return uuid.UUID(int=next(self._numbers))
