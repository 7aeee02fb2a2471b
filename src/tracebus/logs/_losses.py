"""Batches a bus gave up, written down as gaps once the log can be written again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from tracebus.events import Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracebus.events import Event

__all__ = ["Losses"]


class _Failure(NamedTuple):
    """A batch that could not be stored, and what was given up before it."""

    first: Event
    size: int
    given_up: int


class Losses:
    """Remembers batches that failed; a different batch after one means the bus gave it up.

    Per thread, since a bus hands over all its batches on one: two buses on one log do not mix.
    """

    def __init__(self) -> None:
        self._failures: dict[int, _Failure] = {}

    def store(self, batch: Sequence[Event], append: Callable[[Sequence[Event]], object]) -> None:
        """Have *append* store *batch*, after a `Gap` for the batches given up before it."""
        if not batch:
            return
        thread = threading.get_ident()
        given_up = self._given_up(self._failures.get(thread), batch[0])
        try:
            append([Gap(time=batch[0].time, missed=given_up), *batch] if given_up else batch)
        except BaseException:
            size = sum(event.missed if isinstance(event, Gap) else 1 for event in batch)
            self._failures[thread] = _Failure(batch[0], size, given_up)
            raise
        self._failures.pop(thread, None)

    @staticmethod
    def _given_up(failure: _Failure | None, first: Event) -> int:
        if failure is None:
            return 0
        if failure.first is first:
            return failure.given_up
        return failure.given_up + failure.size
