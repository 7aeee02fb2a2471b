"""The stretch of wall-clock time on which all bars can be drawn, to see which runs overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tracebus.tree import BatchGroup, RunNode, RunStatus

if TYPE_CHECKING:
    from tracebus_tui.model._row import Item

_NANO: Final = 1_000_000_000
SPANS: Final = (30, 60, 120, 300, 900, 1800, 3600)
"""The lengths to choose from, in seconds."""
_STEPS = 60
"""The window moves on in so many steps to its length: bars need not be drawn anew all the time."""


class Window(NamedTuple):
    """A stretch of time, in nanoseconds since the epoch."""

    start: int
    end: int
    live: bool
    """Whether it ends now."""

    @property
    def seconds(self) -> int:
        """Return its length."""
        return (self.end - self.start) // _NANO


class Wall:
    """Chooses the window: up to now where what is looked at is that recent, else one in which it lies.

    Attributes:
        shown: whether bars are drawn on it.
        seconds: its length.
    """

    def __init__(self) -> None:
        self.shown = False
        self.seconds = SPANS[0]
        self._end = 0

    def resize(self, step: int) -> None:
        """Make it longer, or with a negative *step* shorter."""
        place = SPANS.index(self.seconds) + step
        self.seconds = SPANS[max(0, min(place, len(SPANS) - 1))]

    def window(self, item: Item | None, now: int) -> Window:
        """Return the window at *now* (ns since the epoch) that shows *item*, what the cursor is on."""
        length = self.seconds * _NANO
        step = length // _STEPS
        now = -(-now // step) * step
        began, ended = _stretch(item, now)
        if ended >= now - length:
            return Window(now - length, now, live=True)
        if not (self._end - length <= ended and began <= self._end):
            self._end = -(-began // step) * step + length * 9 // 10
        return Window(self._end - length, self._end, live=False)


def _stretch(item: Item | None, now: int) -> tuple[int, int]:
    """Return when *item*'s root began and ended."""
    match item:
        case None:
            return now, now
        case RunNode():
            root = item.root
            if root.status is RunStatus.RUNNING:
                return now, now
            return root.started_at or root.last_at, root.ended_at or root.last_at
        case BatchGroup():
            return item.started_at, item.last_ended_at or now if item.done else now
        case _:
            return item.started_at, item.ended_at
