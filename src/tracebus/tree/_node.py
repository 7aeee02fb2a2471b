"""The runs in the tree, and the batch calls that some of them are members of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus import _notebook
from tracebus.tree import _counters
from tracebus.tree._facts import RunFacts
from tracebus.tree._rollup import catch_up
from tracebus.tree._totals import Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tracebus.tree._status import StatusCounts


class RunNode(RunFacts):
    """A run, as far as the events applied so far tell. Read it; only its `RunTree` changes it.

    Attributes:
        run_id: the run's id.
        root_run_id: the id of the topmost run.
        parent: the run it belongs to; `None` for a root.
        children: its runs in the order they became known; append-only while it is in the tree, except
            where a child turns out to belong elsewhere.
        start: the run's start; `None` where it has not been seen.
        end: the run's end; `None` while there is none.
        status: what is known about it.
        last_at: nanoseconds since the epoch of the last event about the run itself; 0 without any.
        first_token_at: when the first token of the run or a descendant came, in nanoseconds since
            the epoch; `None` before.
        custom_events: what the program said inside the run, in order of `seq`; the newest thousand.
        retry_events: the retries announced on this run, in order of `seq`; the newest thousand.
        batch_group: the batch call it is a member of, with its other members.

    The tree keeps its roll-up in `own_counters` (what the run itself used), `own_retries`, `bears_usage`
    (whether own usage, or the want of it, counts), `stream`, and in what `tracebus.tree._rollup` says:
    read the properties made of them instead.
    """

    __slots__ = (
        "__weakref__",
        "batch_group",
        "bears_usage",
        "children",
        "known_below",
        "known_generation",
        "news",
        "noted",
        "open_runs",
        "own_retries",
        "parent",
        "top",
        "untold",
    )

    def __init__(self, run_id: str, root_run_id: str) -> None:
        super().__init__(run_id, root_run_id)
        self.parent: RunNode | None = None
        self.top: RunNode | None = None
        self.children: list[RunNode] = []
        self.batch_group: BatchGroup | None = None
        self.own_retries = 0
        self.bears_usage = False
        self.open_runs = 0
        self.known_below = 0
        self.known_generation = 0
        self.untold = 0
        self.noted = False
        self.news: list[RunNode] | None = None

    def __repr__(self) -> str:
        return f"<RunNode {self.name!r} {self.kind} {self.status} {self.run_id}>"

    def _repr_html_(self) -> str | None:
        """Return the tree below this run, with inputs and outputs, as notebooks show it."""
        return _notebook.runs_html([self])

    @property
    def root(self) -> RunNode:
        """Return the topmost run above it: the run itself where it is a root."""
        return self if self.top is None else self.top

    @property
    def generation(self) -> int:
        """Return the tree's generation when anything shown of this run, totals included, last changed."""
        if self.news is not None:
            catch_up(self)
        return self.known_generation

    @property
    def below(self) -> int:
        """Return the packed counters of its descendants."""
        if self.news is not None:
            catch_up(self)
        return self.known_below

    @property
    def counters(self) -> int:
        """Return the packed counters of the run and its descendants."""
        if self.news is not None:
            catch_up(self)
        return _counters.share(self)

    @property
    def counts(self) -> StatusCounts:
        """Return how many descendants are in which state; the run itself is not counted."""
        return _counters.counts_of(self.below)

    def ancestors(self) -> Iterator[RunNode]:
        """Yield its parent, that one's parent, and so on up to the root."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def walk(self) -> Iterator[RunNode]:
        """Yield the run and all its descendants, parents first, at any depth."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(reversed(node.children))


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

    __slots__ = (
        "_settle",
        "id",
        "last_ended_at",
        "members",
        "name",
        "size",
        "started_at",
        "statuses",
        "total",
    )

    def __init__(
        self,
        id: str,  # noqa: A002 - the event's word
        size: int,
        name: str,
        started_at: int,
        settle: Callable[[], None],
    ) -> None:
        self._settle = settle
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
        self._settle()
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
        counters = node.counters  # asked first: it may tell this batch of members below the node
        self.total += counters - node.untold  # of that it hears with the node's parent
        if node.end is not None:
            self.note_end(node.end.time)

    def note_end(self, time: int) -> None:
        """Note that a run ended at that time."""
        self.last_ended_at = max(self.last_ended_at or 0, time)
