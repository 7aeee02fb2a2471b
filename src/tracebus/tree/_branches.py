"""Parents and children in a run tree, and what every run and those below it add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.tree._counters import STATUS_UNIT, share
from tracebus.tree._node import BatchGroup, RunNode
from tracebus.tree._rollup import add, catch_up, note, take
from tracebus.tree._roots import Roots
from tracebus.tree._scales import Scales, has_weight
from tracebus.tree._status import RunStatus
from tracebus.tree._totals import Totals

if TYPE_CHECKING:
    from tracebus.events import BatchMembership, RunEvent, RunStarted
    from tracebus.tree._scales import PriceFunction


class Branches(Totals):
    """The runs of a `RunTree`, which says what changes them; totals follow every change."""

    def __init__(self, *, max_roots: int = 10_000, price: PriceFunction | None = None) -> None:
        self.generation = 0
        self.missed = 0
        self.batches: dict[str, BatchGroup] = {}
        self._scales = Scales(price)
        self._nodes: dict[str, RunNode] = {}
        self._running: dict[str, RunNode] = {}
        self._roots = Roots(max_roots)
        self._total = 0
        self._news: list[RunNode] = []
        """Roots that changed since `_total` was added up."""

    # Places.

    def _new(self, run_id: str, root_run_id: str) -> RunNode:
        node = self._nodes[run_id] = RunNode(run_id, root_run_id)
        return node

    def _parent_of(self, event: RunEvent) -> RunNode | None:
        """Return the node *event*'s run hangs under, made up where nothing of it has been seen."""
        if event.run_id == event.root_run_id:
            return None
        parent_id = event.parent_run_id
        if parent_id is None or parent_id == event.run_id:
            parent_id = event.root_run_id
        return self._nodes.get(parent_id) or self._ghost(parent_id, event.root_run_id)

    def _ghost(self, run_id: str, root_run_id: str) -> RunNode:
        """Return a run known from a descendant only: under its root, until its start says where."""
        node = self._new(run_id, root_run_id)
        parent = None
        if run_id != root_run_id:
            parent = self._nodes.get(root_run_id) or self._ghost(root_run_id, root_run_id)
        self._join(node, parent, RunStatus.LOST)
        return node

    def _join(self, node: RunNode, parent: RunNode | None, status: RunStatus) -> None:
        """Hang the new *node* under *parent* and count it."""
        self.generation += 1
        node.status = status
        self._hang(node, parent)
        self._roll_up(node, STATUS_UNIT[status])
        if status is RunStatus.RUNNING:  # a ghost comes with a child, which settles the root
            self._running[node.run_id] = node
            node.root.open_runs += 1
            self._settle(node.root)

    def _hang(self, node: RunNode, parent: RunNode | None) -> None:
        node.parent = parent
        if parent is None:
            self._roots.add(node)
        else:
            node.top = parent.root
            parent.children.append(node)

    def _move(self, node: RunNode, parent: RunNode | None) -> None:
        """Hang *node*, with its descendants, under *parent*; its change of status settles the root."""
        if parent is node.parent or (parent is not None and _is_within(parent, node)):
            return  # where it belongs, or a circle, which no program makes
        self._catch_up()  # now whoever is above has all of it
        moved, root = share(node), node.root
        if node.parent is None:
            self._roots.disown(node)
        else:
            node.parent.children.remove(node)
        self._give(node.parent, -moved)
        self._hang(node, parent)
        self._give(parent, moved)
        if node.root is not root:
            self._change_root(node, root)
        if node.first_token_at is not None:
            self._first_token(parent, node.first_token_at)

    def _change_root(self, node: RunNode, before: RunNode) -> None:
        """Tell *node*'s descendants, which were in *before*'s tree, which root they have now."""
        root = node.root
        for moved in node.walk():
            moved.top = root
            if moved.status is RunStatus.RUNNING:
                before.open_runs -= 1
                root.open_runs += 1

    def _join_batch(self, node: RunNode, event: RunStarted, batch: BatchMembership) -> None:
        group = self.batches.get(batch.id)
        if group is None:
            group = self.batches[batch.id] = BatchGroup(
                batch.id, batch.size, event.name, event.time, self._catch_up
            )
        group.add(node, event.time)

    # Changes of one run.

    def _first_token(self, node: RunNode | None, time: int) -> None:
        """Note a first token in *node* and those of its ancestors that had none earlier."""
        while node is not None and (node.first_token_at is None or node.first_token_at > time):
            node.first_token_at = time
            node.known_generation = self.generation
            node = node.parent

    def _become(self, node: RunNode, status: RunStatus) -> None:
        """Set the status, weigh what the run used, and tell its ancestors."""
        self.generation += 1
        if node.bears_usage or has_weight(node):
            before = share(node)
            self._change_status(node, status)
            self._scales.weigh(node)
            change = share(node) - before
        else:  # most runs: nothing but the state is another
            change = self._change_status(node, status)
        self._roll_up(node, change)
        self._settle(node.root)

    def _change_status(self, node: RunNode, status: RunStatus) -> int:
        """Set the status, and return what that changes in the counts of runs."""
        change = STATUS_UNIT[status] - STATUS_UNIT[node.status]
        if not change:
            return 0
        if status is RunStatus.RUNNING:
            self._running[node.run_id] = node
            node.root.open_runs += 1
        elif node.status is RunStatus.RUNNING:
            del self._running[node.run_id]
            node.root.open_runs -= 1
        node.status = status
        if node.parent is None:
            self._roots.statuses += change
        if node.batch_group is not None:
            node.batch_group.statuses += change
        return change

    # Totals.

    def _roll_up(self, node: RunNode, change: int) -> None:
        """Note that *node*'s share changed by *change*: those above hear of it when somebody reads them."""
        node.known_generation = self.generation
        root = note(node, change)
        if root is not None:
            self._news.append(root)

    def _give(self, node: RunNode | None, change: int) -> None:
        """Add *change* of a child's share to *node*, or to all runs where that was or is a root."""
        if node is None:
            self._total += change
        else:
            add(node, change)
            self._roll_up(node, 0)

    def _catch_up(self) -> None:
        """Add up what has changed since somebody last asked for totals."""
        for root in self._news:
            catch_up(root)
            self._total += take(root)
        self._news.clear()

    # Memory.

    def _settle(self, root: RunNode) -> None:
        """Note whether *root* has finished, and make room where there are too many."""
        if self._roots.settle(root):
            self._catch_up()  # what leaves counts on
            for surplus in self._roots.take_surplus():
                self._clear(surplus)

    def _clear(self, root: RunNode) -> None:
        """Take *root*, which is none of the roots any more, out of the tree with its descendants."""
        for node in root.walk():
            self._nodes.pop(node.run_id, None)
            self._leave_batch(node)
            # Without the way up there is no cycle, and the memory returns at once.
            node.parent = node.top = None

    def _leave_batch(self, node: RunNode) -> None:
        group = node.batch_group
        if group is not None:
            group.members.pop(node.run_id, None)
            if not group.members and group.done:
                self.batches.pop(group.id, None)


def _is_within(node: RunNode, other: RunNode) -> bool:
    """Tell whether *node* is *other* or below it."""
    return node is other or (bool(other.children) and other in node.ancestors())
