"""The states a run can be in, as far as a reader of the log knows."""

from __future__ import annotations

import enum
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class RunStatus(enum.StrEnum):
    """What is known about a run: that it runs, how it ended, or that its end will not come."""

    RUNNING = "running"
    OK = "ok"
    ERROR = "error"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"
    INTERRUPTED = "interrupted"
    LOST = "lost"
    """Its events did not reach this reader: it is known from its children only, or a
    resynchronisation no longer listed it."""


class StatusCounts(msgspec.Struct, frozen=True):
    """How many runs are in each state."""

    running: int = 0
    ok: int = 0
    error: int = 0
    cancelled: int = 0
    abandoned: int = 0
    interrupted: int = 0
    lost: int = 0

    @classmethod
    def of(cls, statuses: Iterable[RunStatus]) -> StatusCounts:
        """Count *statuses*."""
        return cls(**Counter(status.value for status in statuses))

    def __iter__(self) -> Iterator[tuple[RunStatus, int]]:
        """Yield every state with its count, zeros included."""
        for status in RunStatus:
            yield status, getattr(self, status.value)

    @property
    def total(self) -> int:
        """Return the number of runs in any state."""
        return sum(count for _, count in self)
