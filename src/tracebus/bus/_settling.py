"""Turning captured payloads into JSON when a reader first meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import force_setattr

from tracebus.events import Deferred, settle, settle_all

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

    def settle(self, events: Sequence[Event]) -> None:
        """Settle *events*, which stand at consecutive positions of the log; never raise."""
        first, last = events[0].seq, events[-1].seq
        low, high = self._done
        if low <= first and last <= high:
            return
        self._settle_new(events[high - first + 1 :] if low <= first <= high else events)
        self._done = _joined(self._done, (first, last))

    def settle_one(self, event: Event) -> Event:
        """Settle *event* wherever it stands, and return it; never raise."""
        try:
            return settle(event)
        except KeyboardInterrupt:
            raise  # the program's business; the event is settled by the next who looks
        except BaseException as error:  # noqa: BLE001 - a reader must get its event, even if a `repr` exits
            self._tally.complain("settle_failures", "a payload could not be turned into JSON", error)
            _blank(event)
            return event

    def _settle_new(self, events: Sequence[Event]) -> None:
        try:
            settle_all(events)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - done again one by one, which counts and names the failure
            for event in events:
                self.settle_one(event)


def _joined(done: tuple[int, int], new: tuple[int, int]) -> tuple[int, int]:
    """Return the union of the two stretches, or the newer one where they do not touch."""
    if new[0] <= done[1] + 1 and done[0] <= new[1] + 1:
        return min(done[0], new[0]), max(done[1], new[1])
    return max(done, new)


def _blank(event: Event) -> None:
    """Put the empty value into every field whose payload failed, so that the event still arrives."""
    for field in msgspec.structs.fields(event):
        if isinstance(getattr(event, field.name), Deferred):
            empty = field.default_factory() if callable(field.default_factory) else None
            force_setattr(event, field.name, empty)
