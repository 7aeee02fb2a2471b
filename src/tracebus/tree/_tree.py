"""The fold from events to a tree of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from tracebus import _notebook
from tracebus.events import (
    CustomEmitted,
    Gap,
    Outcome,
    RunEnded,
    RunRetried,
    RunStarted,
    RunStreamed,
)
from tracebus.tree import _counters
from tracebus.tree._branches import Branches
from tracebus.tree._counters import RETRY_UNIT
from tracebus.tree._kept import inserted
from tracebus.tree._status import RunStatus
from tracebus.tree._stream import Stream

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tracebus.events import Event, RunEvent
    from tracebus.tree._node import RunNode
    from tracebus.tree._open_runs import OpenRuns
    from tracebus.tree._status import StatusCounts


_SHOWN = 20
"""So many root runs, the newest, are shown in a notebook."""
_STATUS_OF = {outcome: RunStatus(outcome.value) for outcome in Outcome}


class RunTree(Branches):
    """All runs known from the events applied, as trees, with their totals kept up to date.

    An event costs O(1), however deep the run. Totals are added up when they are read, from the runs below
    that changed since. Applying an event again changes nothing,
    and the order of events matters only within one run's stream: a chunk older than the last one
    applied is taken for a repetition. What is missing (after a `Gap`) is shown as `lost`, never guessed.

    Not thread-safe: apply and read from one thread, or hold a lock.

    Attributes:
        generation: rises with every change; compare `RunNode.generation` with it to know what changed.
        missed: how many events this reader did not get.
        batches: the batch calls by id.

    Args:
        max_roots: how many root runs are kept. Beyond, those that finished first leave the tree with
            all their descendants; open ones never leave. Less than 1 is a `ValueError`.
        price: what a model run cost; `tracebus.pricing.cost_of`, which knows list prices, where not given.
    """

    def __len__(self) -> int:
        """Return how many runs are in the tree."""
        return len(self._nodes)

    def _repr_html_(self) -> str | None:
        """Return the newest trees, with inputs and outputs, as notebooks show them."""
        return _notebook.runs_html(list(self.roots)[-_SHOWN:])

    def __contains__(self, run_id: object) -> bool:
        """Tell whether a run is in the tree."""
        return run_id in self._nodes

    @property
    def roots(self) -> Sequence[RunNode]:
        """Return the root runs, in the order they became known."""
        return self._roots.all

    @property
    def running(self) -> Collection[RunNode]:
        """Return the runs that have not ended."""
        return self._running.values()

    @property
    def counters(self) -> int:
        """Return the packed counters of all runs ever applied, evicted ones included."""
        self._catch_up()
        return self._total

    @property
    def counts(self) -> StatusCounts:
        """Return how many runs are in which state, evicted ones included."""
        return _counters.counts_of(self.counters)

    @property
    def root_counts(self) -> StatusCounts:
        """Return how many root runs are in which state, evicted ones included."""
        return _counters.counts_of(self._roots.statuses)

    def get(self, run_id: str) -> RunNode | None:
        """Return the run of that id; `None` where it is unknown or was evicted."""
        return self._nodes.get(run_id)

    def apply(self, event: Event) -> RunNode | None:
        """Take *event* into account and return the run it changed; `None` where it changed none."""
        match event:
            case RunStreamed():
                return self._streamed(event)
            case RunStarted():
                return self._started(event)
            case RunEnded():
                return self._ended(event)
            case RunRetried():
                return self._retried(event)
            case CustomEmitted():
                return self._emitted(event)
            case Gap():
                self.missed += event.missed
                self.generation += 1
                return None
            case _:
                assert_never(event)

    def resync(self, snapshot: OpenRuns) -> None:
        """Bring the tree in line with the runs open in *snapshot*, after a `Gap`.

        Runs the tree did not know are added. Runs it holds open, that began at or before the snapshot
        and are not in it, ended unseen: they are marked lost.
        """
        listed = {start.run_id for start in snapshot.open}
        for start in snapshot.open:
            self.apply(start)
            self._revive(self._nodes.get(start.run_id), start)
        self.lose(
            node.run_id
            for node in self._running.values()
            if node.run_id not in listed and (node.start is None or node.start.seq <= snapshot.seq)
        )

    def lose(self, run_ids: Iterable[str] | None = None) -> None:
        """Mark running runs lost: those of *run_ids*, or all, when their source is gone."""
        for run_id in list(self._running if run_ids is None else run_ids):
            node = self._running.get(run_id)
            if node is not None:
                self._become(node, RunStatus.LOST)

    def forget(self, run_id: str) -> None:
        """Drop a root run with its descendants; later events about them are ignored.

        Those that have not ended count as lost from then on.
        """
        root = self._nodes.get(run_id)
        if root is None or root.parent is not None:
            return
        self.lose(node.run_id for node in root.walk())
        if run_id in self._nodes:  # else losing the last running run has made room already
            self._catch_up()
            self._roots.remove(root)
            self._clear(root)

    # One method per event.

    def _streamed(self, event: RunStreamed) -> RunNode | None:
        node = self._nodes.get(event.run_id) or self._unseen(event)
        if node is None:
            return None
        stream = node.stream
        if stream is None:
            stream = node.stream = Stream()
        if event.seq:
            if event.seq <= stream.seq:
                return None
            stream.seq = event.seq
        self.generation += 1
        node.known_generation = self.generation
        if event.time > node.last_at:  # noqa: PLR1730 - a call costs every token
            node.last_at = event.time
        if event.text or event.reasoning or event.tool_calls:
            stream.add(event)
            stream.chunks += 1
            if stream.first_at is None:
                stream.first_at = event.time
                self._first_token(node, event.time)
        if node.status is RunStatus.LOST:
            self._revive(node, event)
        return node

    def _started(self, event: RunStarted) -> RunNode | None:
        node = self._nodes.get(event.run_id)
        if node is None:
            if event.root_run_id in self._roots.left:
                return None
            node = self._new(event.run_id, event.root_run_id)
            node.start = event
            self._seen(node, event)
            self._join(node, self._parent_of(event), RunStatus.RUNNING)
        elif node.start is None:
            node.start = event
            self._seen(node, event)
            self._move(node, self._parent_of(event))
            waited_for = node.status is RunStatus.LOST and node.end is None
            self._become(node, RunStatus.RUNNING if waited_for else node.status)
        else:
            return None
        if event.batch is not None:
            self._join_batch(node, event, event.batch)
        return node

    def _ended(self, event: RunEnded) -> RunNode | None:
        node = self._nodes.get(event.run_id) or self._unseen(event)
        if node is None or node.end is not None:
            return None
        if node.start is None:
            self._move(node, self._parent_of(event))
        node.end = event
        if node.stream is not None:
            node.stream.compact()
        self._seen(node, event)
        if node.batch_group is not None:
            node.batch_group.note_end(event.time)
        self._become(node, _STATUS_OF[event.outcome])
        return node

    def _retried(self, event: RunRetried) -> RunNode | None:
        node = self._nodes.get(event.run_id) or self._unseen(event)
        if node is None:
            return None
        kept = inserted(node.retry_events, event)
        if kept is None:
            return None
        node.retry_events = kept
        self._seen(node, event)
        node.own_retries += RETRY_UNIT
        self._roll_up(node, RETRY_UNIT)
        self._revive(node, event)
        return node

    def _emitted(self, event: CustomEmitted) -> RunNode | None:
        node = self._nodes.get(event.run_id) or self._unseen(event)
        if node is None:
            return None
        kept = inserted(node.custom_events, event)
        if kept is None:
            return None
        node.custom_events = kept
        self._seen(node, event)
        self._revive(node, event)
        return node

    # What an event may do besides.

    def _unseen(self, event: RunEvent) -> RunNode | None:
        """Return a new run, of which the start has not been seen; `None` where it was evicted."""
        if event.root_run_id in self._roots.left:
            return None
        node = self._new(event.run_id, event.root_run_id)
        self._join(node, self._parent_of(event), RunStatus.RUNNING)
        return node

    def _seen(self, node: RunNode, event: RunEvent) -> None:
        self.generation += 1
        node.known_generation = self.generation
        node.last_at = max(node.last_at, event.time)

    def _revive(self, node: RunNode | None, event: RunEvent) -> None:
        """Take a lost run for a running one: *event* is a sign of life."""
        if node is None or node.status is not RunStatus.LOST or node.end is not None:
            return
        if node.start is None:
            self._move(node, self._parent_of(event))
        self._become(node, RunStatus.RUNNING)
