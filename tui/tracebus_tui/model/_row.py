"""A row, and what it may stand for: a run, a batch, or finished runs folded into one."""

from __future__ import annotations

from bisect import bisect_left, insort
from itertools import accumulate, count
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from tracebus.tree import BatchGroup, RunNode, Totals

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from tracebus.events import RunKind

_ids = count(1)
_height = attrgetter("height")
_FEW = 32
"""So many runs are put in their place one by one; more are sorted in."""


class Loop(NamedTuple):
    """What an agent's rounds have in common."""

    first: Hashable
    """The kind and name of what every round begins with."""
    names: frozenset[Hashable]
    """Kind and name of every run of a round."""


class Together(Totals):
    """Finished runs shown as one. Kept up to date by what folds them; a run more costs O(log n).

    Attributes:
        id: tells it from others in this process.
        name: the name all its runs share; empty for root runs of any name.
        kind: likewise their kind; `None` for root runs of any kind.
        seconds: how long they ran, added up.
        started_at, ended_at: when the first began and the last ended, in nanoseconds since the epoch.
        loop: the loop of which they are the middle rounds; `None` for others.
        version: rises with every change.
        row: the row it is shown in; `None` where it has been taken apart.
    """

    __slots__ = (
        "_counters",
        "_durations",
        "ended_at",
        "id",
        "kind",
        "loop",
        "name",
        "row",
        "seconds",
        "started_at",
        "version",
    )

    def __init__(self, name: str = "", kind: RunKind | None = None, loop: Loop | None = None) -> None:
        self.id = f"together {next(_ids)}"
        self.loop = loop
        self.name = name
        self.kind = kind
        self.row: Row | None = None
        self.version = 0
        self.seconds = 0.0
        self.started_at = 0
        self.ended_at = 0
        self._counters = 0
        self._durations: list[float] = []

    @property
    def title(self) -> str:
        """Return what to call them where there is no room for more."""
        if self.loop is not None:
            return f"{-(-len(self) // len(self.loop.names)):,} rounds"
        return self.name if self.kind is not None else f"{len(self):,} finished ok"

    def __len__(self) -> int:
        """Return how many runs they are."""
        return len(self._durations)

    def __bool__(self) -> bool:
        """Return that it is something, however few runs are left."""
        return True

    @property
    def counters(self) -> int:
        """Return the packed counters of all its runs and their descendants."""
        return self._counters

    @property
    def durations(self) -> tuple[float, ...]:
        """Return how long each run took, in seconds, the shortest first."""
        return tuple(self._durations)

    def percentile(self, share: float) -> float:
        """Return the seconds within which *share* (0 to 1) of the runs were done; 0 without any."""
        ordered = self._durations
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def add(self, nodes: Iterable[RunNode]) -> None:
        """Take finished runs in."""
        durations: list[float] = []
        for node in nodes:
            durations.append(node.duration or 0.0)
            self._counters += node.counters
            self._stretch(node.started_at or node.last_at, node.ended_at or node.last_at)
        self._sort_in(durations)

    def merge(self, other: Together) -> None:
        """Take all runs of *other* in."""
        self._counters += other.counters
        self._stretch(other.started_at, other.ended_at)
        self._sort_in([*other.durations])

    def discard(self, nodes: Iterable[RunNode], started_at: int) -> None:
        """Let go runs that have not changed since they were taken in; *started_at* is when the rest began."""
        for node in nodes:
            took = node.duration or 0.0
            del self._durations[bisect_left(self._durations, took)]
            self.seconds -= took
            self._counters -= node.counters
        self.started_at = started_at
        self.version += 1

    def become(self, nodes: Iterable[RunNode]) -> None:
        """Be the sum of *nodes* and nothing else; costs O(n)."""
        self.seconds = 0.0
        self.started_at = 0
        self.ended_at = 0
        self._counters = 0
        self._durations.clear()
        self.add(nodes)

    def _stretch(self, started_at: int, ended_at: int) -> None:
        self.started_at = min(self.started_at or started_at, started_at)
        self.ended_at = max(self.ended_at, ended_at)

    def _sort_in(self, durations: list[float]) -> None:
        self.version += 1
        self.seconds += sum(durations)
        if len(durations) > _FEW:
            self._durations += durations
            self._durations.sort()
        else:
            for took in durations:
                insort(self._durations, took)


Item: TypeAlias = RunNode | BatchGroup | Together


class Row:
    """A line that may have lines below it.

    Attributes:
        item: the run, the batch or the runs folded into one; `None` for the invisible row above all.
        parent: the row this one is indented under.
        kids: the rows directly below, in order.
        open: whether the kids are shown.
        touched: whether the user opened or closed it, so that nothing folds it by itself.
        calm: whether its run and all below have ended well, so that it may be folded together with others.
        inner: how many lines the kids take when shown, as far as it has heard: see `Rows`.
        height: how many lines the row takes, its own and those of its open kids; likewise.
        place: its index in `parent.kids`.
        untold: by how many lines its height changed since its parent last heard of it.
        noted: whether it is in its parent's `news`.
        news: the kids of which the height changed since.
    """

    __slots__ = (
        "_known",
        "_sums",
        "calm",
        "height",
        "inner",
        "item",
        "kids",
        "news",
        "noted",
        "open",
        "parent",
        "place",
        "touched",
        "untold",
    )

    def __init__(self, item: Item | None, *, open: bool = True) -> None:  # noqa: A002 - the row's word
        self.item = item
        self.parent: Row | None = None
        self.kids: list[Row] = []
        self.open = open
        self.touched = False
        self.calm = False
        self.inner = 0
        self.height = 1
        self.place = 0
        self.untold = 0
        self.noted = False
        self.news: list[Row] | None = None
        self._sums: list[int] = []
        self._known = 0

    @property
    def depth(self) -> int:
        """Return how many rows it is indented under; 0 for a row at the top."""
        depth, row = -1, self.parent
        while row is not None:
            depth, row = depth + 1, row.parent
        return depth

    @property
    def home(self) -> Row | None:
        """Return the row it belongs under, whatever it is folded into."""
        above = self.parent
        while above is not None and isinstance(above.item, Together):
            above = above.parent
        return above

    @property
    def last(self) -> bool:
        """Return whether no sibling follows."""
        return self.parent is None or self.place == len(self.parent.kids) - 1

    def offsets(self) -> list[int]:
        """Return, for every kid, how many lines of its siblings come before it."""
        kids, sums, known = self.kids, self._sums, self._known
        if known < len(kids):
            start = sums[known - 1] + kids[known - 1].height if known else 0
            missing = accumulate(map(_height, kids[known:-1]), initial=start)
            sums[known:] = missing
            self._known = len(kids)
        elif len(sums) > len(kids):
            del sums[len(kids) :]
        return sums

    def forget_offsets(self, after: int) -> None:
        """Note that the offsets from kid number *after* on are wrong."""
        self._known = min(self._known, after)
