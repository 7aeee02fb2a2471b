"""Turning captured payloads into JSON when a reader first meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.events import settle_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.bus._tally import Tally
    from tracebus.events import Event

__all__ = ["Settler"]


class Settler:
    """Settles the events of one log, each once, for all its readers.

    Keeps the newest contiguous stretch of positions known to be settled, so that the second reader
    of a batch pays two comparisons and not a look at every field.
    """

    __slots__ = ("_done", "_tally")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._done = (0, 0)

    def settle(self, events: Sequence[Event], *, again: bool = False) -> bool:
        """Settle *events*, which stand at consecutive positions of the log; never raise.

        Returns whether that was to be done; *again* does it in any case.
        """
        first, last = events[0].seq, events[-1].seq
        low, high = self._done
        if low <= first and last <= high and not again:
            return False
        if again:
            high = first - 1
        self._settle_new(events[high - first + 1 :] if low <= first <= high else events)
        self._done = _joined(self._done, (first, last))
        return True

    def settle_one(self, event: Event) -> Event:
        """Settle *event* wherever it stands, and return it; never raise."""
        self._settle_new((event,))
        return event

    def _settle_new(self, events: Sequence[Event]) -> None:
        while True:  # once more for every payload that fails: its field is empty from then on
            try:
                return settle_all(events)
            except KeyboardInterrupt:
                raise  # the program's business; the rest is settled by the next who looks
            except BaseException as error:  # noqa: BLE001 - a reader gets its events, even if a `repr` exits
                self._tally.complain("settle_failures", "a payload could not be turned into JSON", error)


def _joined(done: tuple[int, int], new: tuple[int, int]) -> tuple[int, int]:
    """Return the union of the two stretches, or the newer one where they do not touch."""
    if new[0] <= done[1] + 1 and done[0] <= new[1] + 1:
        return min(done[0], new[0]), max(done[1], new[1])
    return max(done, new)
