"""The custom events and retries of a run, which the tree keeps whole, in order."""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from tracebus.events import CustomEmitted, RunRetried

if TYPE_CHECKING:
    from collections.abc import Sequence

KeptEvent = TypeVar("KeptEvent", CustomEmitted, RunRetried)

KEPT_EVENTS = 1000
"""How many of each sort are kept per run, the newest."""

_by_seq = attrgetter("seq")


def inserted(kept: Sequence[KeptEvent], event: KeptEvent) -> list[KeptEvent] | None:
    """Return *kept* with *event* in its place by `seq`; `None` where it is there already."""
    if not isinstance(kept, list):
        return [event]
    if event.seq == 0 or event.seq > kept[-1].seq:
        kept.append(event)
        del kept[:-KEPT_EVENTS]
        return kept
    place = bisect_left(kept, event.seq, key=_by_seq)
    if kept[place].seq == event.seq or (place == 0 and len(kept) >= KEPT_EVENTS):
        return None
    kept.insert(place, event)
    return kept
