"""The run tree with its rows: what the list of runs is drawn from."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tracebus.events import RunEnded, RunKind, RunStarted, RunStreamed
from tracebus.tree import BatchGroup, RunNode, RunStatus, RunTree
from tracebus_tui.model._calls import Calls
from tracebus_tui.model._calm import ALIKE, FOLD_AFTER, nodes_of
from tracebus_tui.model._folding import Folding, is_large
from tracebus_tui.model._meters import Meters
from tracebus_tui.model._row import Item, Row, Together
from tracebus_tui.model._rows import Rows
from tracebus_tui.model._weight import size_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.events import Event
    from tracebus.tree import OpenRuns

_MODELS = frozenset((RunKind.CHAT_MODEL, RunKind.LLM))
_QUIET = frozenset((RunKind.PROMPT, RunKind.PARSER))
"""Too short to be followed."""

MAX_ROOTS = 10_000
MAX_RUNS = 200_000
MAX_TEXT = 256_000_000


class Runs:
    """Everything known about the runs of one source, and on which line each stands.

    Knows nothing of Textual and nothing of time but what it is told. A root that ended well folds three
    seconds later, unless the user opened or closed it.

    Args:
        max_roots: how many root runs are held; those that finished first leave first, open ones never.
        max_runs: how many runs are held in all, by the same rule.
        max_text: about how many characters of inputs, outputs and streamed text are held, likewise.
    """

    def __init__(
        self, *, max_roots: int = MAX_ROOTS, max_runs: int = MAX_RUNS, max_text: int = MAX_TEXT
    ) -> None:
        self.runs = RunTree(max_roots=max_roots)
        self.rows = Rows()
        self.folding = Folding(self.rows)
        self.meters = Meters()
        self.calls = Calls()
        self.errors: deque[RunNode] = deque(maxlen=5000)
        """Failed runs, the newest last; of a chain of parents that failed alike the innermost only."""
        self.forgotten = 0
        """Root runs that left for want of room."""
        self.text = 0
        """About how many characters are held."""
        self._max_runs = max_runs
        self._max_text = max_text
        self._text_of: dict[str, int] = {}
        self._weighed: dict[str, set[int]] = {}
        """By root run: what of its payloads was weighed; an agent's steps hand the same messages on."""
        self._by_id: dict[str, Row] = {}
        self._groups: dict[str, Row] = {}
        self._talking: RunNode | None = None
        self._newest: RunNode | None = None

    def apply(self, events: Iterable[Event]) -> None:  # noqa: C901 - a call more would cost every event
        """Take *events* into account."""
        fold, by_id, meters = self.runs.apply, self._by_id, self.meters
        for event in events:
            meters.events += 1
            node = fold(event)
            if node is None:
                continue
            start = node.start
            if isinstance(event, RunStreamed):
                if start is not None and start.kind in _MODELS:
                    meters.chunks += 1
                self._weigh(node.root_run_id, len(event.text) + len(event.reasoning))
                if node.run_id not in by_id:
                    self._place(node)
            elif isinstance(event, RunStarted):
                if event.inputs is not None:
                    self._weigh(node.root_run_id, self._size_of(node, event.inputs))
                self._place(node)
                self._began(node, event)
            else:
                # A run that is where it belongs moves only when its start is seen, or while that is unknown.
                if start is None or node.run_id not in by_id:
                    self._place(node)
                if isinstance(event, RunEnded):
                    if event.outputs is not None or event.inputs is not None:
                        self._weigh(node.root_run_id, self._size_of(node, (event.outputs, event.inputs)))
                    self._ended(node, event)

    def row_of(self, run_id: str) -> Row | None:
        """Return the row of a run; `None` where it is not held."""
        return self._by_id.get(run_id)

    def row_for(self, item: Item | None) -> Row | None:
        """Return the row of a run, a batch or runs folded into one."""
        if isinstance(item, BatchGroup):
            return self._groups.get(item.id)
        if isinstance(item, Together):
            return item.row
        return None if item is None else self._by_id.get(item.run_id)

    def tidy(self, now: int) -> None:
        """Fold what ended well a while before *now* (ns since the epoch), and make room."""
        self.folding.tidy(now)
        if len(self.runs) > self._max_runs or self.text > self._max_text:
            self._make_room()
        self._forget_left()

    def newest(self) -> RunNode | None:
        """Return the run worth following: a model that talks, else the one that began last."""
        talking = self._talking
        if talking is not None and talking.status is not RunStatus.RUNNING:
            self._talking = talking = next((node for node in self.runs.running if node.kind in _MODELS), None)
        return talking or self._newest

    def lose(self, run_ids: Iterable[str] | None = None) -> None:
        """Mark running runs lost: those of *run_ids*, or all, when their source is gone."""
        self.runs.lose(run_ids)

    def resync(self, snapshot: OpenRuns) -> None:
        """Bring the runs in line with those open in *snapshot*, after events were missed."""
        self.apply(start for start in snapshot.open if start.run_id not in self._by_id)
        self.runs.resync(snapshot)

    # Places.

    def _place(self, node: RunNode) -> Row:
        """Return the row of *node*, made or moved to where it belongs."""
        row = self._by_id.get(node.run_id)
        parent = node.parent
        above: Row | None = None
        if parent is not None:
            above = self._by_id.get(parent.run_id) or self._place(parent)
        elif node.batch_group is not None:
            above = self._group_row(node.batch_group)
        if row is None:
            row = self._by_id[node.run_id] = Row(node)
            row.open = not _folded_from_the_start(node)
            self.rows.add(row, above)
            if parent is not None and parent.end is not None:
                self.folding.late.append(row)
        elif row.home is not (above or self.rows.top):
            self.rows.remove(row)
            self.rows.add(row, above)
            self.folding.look_again()
        return row

    def _group_row(self, group: BatchGroup) -> Row:
        row = self._groups.get(group.id)
        if row is None:
            row = self._groups[group.id] = Row(group, open=not is_large(group))
            self.rows.add(row)
        elif is_large(group):
            self.folding.batches.add(row)
        return row

    # What an event means.

    def _began(self, node: RunNode, event: RunStarted) -> None:
        if event.kind not in _QUIET:
            self._newest = node
        if event.kind in _MODELS:
            self.calls.add(node)
        if event.kind in _MODELS and (self._talking is None or self._talking.status is not RunStatus.RUNNING):
            self._talking = node

    def _ended(self, node: RunNode, event: RunEnded) -> None:
        self.meters.ended(node, event)
        if event.error is not None and not any(kid.error is not None for kid in node.children):
            self.errors.append(node)
        parent, group = node.parent, node.batch_group
        if parent is not None:
            if len(parent.children) >= ALIKE:
                self.folding.stirred.setdefault(self._by_id[parent.run_id], event.time + FOLD_AFTER)
            return
        self.folding.ended.append((event.time + FOLD_AFTER, self._by_id[node.run_id]))
        if group is not None and is_large(group):
            self.folding.batches.add(self._groups[group.id])

    # Room.

    def _weigh(self, root_run_id: str, characters: int) -> None:
        self.text += characters
        self._text_of[root_run_id] = self._text_of.get(root_run_id, 0) + characters

    def _size_of(self, node: RunNode, payload: object) -> int:
        known = self._weighed.get(node.root_run_id)
        if known is None:
            known = self._weighed[node.root_run_id] = set()
        return size_of(payload, known)

    def _make_room(self) -> None:
        for root in list(self.runs.roots):
            if len(self.runs) <= self._max_runs and self.text <= self._max_text:
                return
            if root.status is not RunStatus.RUNNING and not root.counts.running:
                self.runs.forget(root.run_id)
                self.text -= self._text_of.pop(root.run_id, 0)
                self._weighed.pop(root.run_id, None)

    def _forget_left(self) -> None:
        """Drop the rows of the roots that left the tree."""
        surplus = len(self._by_id) - len(self.runs)
        if surplus <= 0:
            return
        held = {root.run_id for root in self.runs.roots}
        for row in self.rows.top.kids:
            if isinstance(row.item, RunNode):
                continue
            gone = self.rows.keep(lambda kid: _id(kid) in held, row)
            if isinstance(row.item, Together) and gone and row.kids:
                row.item.discard(nodes_of(gone), _began(row.kids[0]))
            for kid in gone:
                self._drop(kid)
        left = self.rows.keep(
            lambda row: _id(row) in held if isinstance(row.item, RunNode) else bool(row.kids)
        )
        for row in left:
            if isinstance(row.item, RunNode):
                self._drop(row)
        if left and left[-1].place >= len(left):  # from between others, which are neighbours now
            self.folding.look_again()
        for batch_id in [batch_id for batch_id, row in self._groups.items() if not row.kids]:
            del self._groups[batch_id]

    def _drop(self, root: Row) -> None:
        self.forgotten += 1
        self.text -= self._text_of.pop(_id(root), 0)
        self._weighed.pop(_id(root), None)
        self.calls.forget(_id(root))
        pending = [root]
        while pending:
            row = pending.pop()
            self._by_id.pop(_id(row), None)
            pending.extend(row.kids)
            # Without the ways up and down there is no cycle, and the memory returns at once.
            row.parent = None
            row.kids = []


def _id(row: Row) -> str:
    return row.item.run_id if isinstance(row.item, RunNode) else ""


def _folded_from_the_start(node: RunNode) -> bool:
    group = node.batch_group
    return group is not None and is_large(group)


def _began(row: Row) -> int:
    return (row.item.started_at or 0) if isinstance(row.item, RunNode) else 0
