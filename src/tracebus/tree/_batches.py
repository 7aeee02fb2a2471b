"""The runs of one batch call, as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.tree import _counters
from tracebus.tree._totals import Totals

if TYPE_CHECKING:
    from tracebus.tree._node import RunNode
    from tracebus.tree._status import StatusCounts


class BatchGroup(Totals):
    """The runs of one `batch`, `abatch` or `map` call. Read it; only its `RunTree` changes it.

    Attributes:
        id: the batch's id.
        size: how many inputs the batch was given.
        members: its runs by run id, those the tree has not evicted.
        name: the name its runs share.
        started_at: when its first run began, in nanoseconds since the epoch.
        last_ended_at: when its last finished run so far ended; `None` before any ended.
        statuses, total: the tree's packed counters; read `counts`, `usage` and `cost` instead.
    """

    __slots__ = ("id", "last_ended_at", "members", "name", "size", "started_at", "statuses", "total")

    def __init__(self, id: str, size: int, name: str, started_at: int) -> None:  # noqa: A002 - the event's word
        self.id = id
        self.size = size
        self.name = name
        self.started_at = started_at
        self.last_ended_at: int | None = None
        self.members: dict[str, RunNode] = {}
        self.statuses = 0
        self.total = 0

    def __repr__(self) -> str:
        return f"<BatchGroup {self.name!r} {self.started}/{self.size} {self.id}>"

    @property
    def counters(self) -> int:
        """Return the packed counters of all its runs and their descendants."""
        return self.total

    @property
    def counts(self) -> StatusCounts:
        """Return how many of the batch's own runs are in which state, evicted ones included."""
        return _counters.counts_of(self.statuses)

    @property
    def started(self) -> int:
        """Return how many of its runs have begun."""
        return self.counts.total

    @property
    def running(self) -> int:
        """Return how many of its runs are running now."""
        return self.counts.running

    @property
    def ok(self) -> int:
        """Return how many of its runs ended well."""
        return self.counts.ok

    @property
    def error(self) -> int:
        """Return how many of its runs ended with an error."""
        return self.counts.error

    @property
    def done(self) -> bool:
        """Return whether as many of its runs as it has inputs have ended."""
        return self.started >= self.size and self.running == 0

    def add(self, node: RunNode, started_at: int) -> None:
        """Take *node* in, which may have ended already."""
        node.batch_group = self
        self.members[node.run_id] = node
        self.started_at = min(self.started_at, started_at)
        self.statuses += _counters.STATUS_UNIT[node.status]
        self.total += _counters.share(node)
        if node.end is not None:
            self.note_end(node.end.time)

    def note_end(self, time: int) -> None:
        """Note that a run ended at that time."""
        self.last_ended_at = max(self.last_ended_at or 0, time)
