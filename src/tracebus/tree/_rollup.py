"""What runs add up to: told to those above when somebody reads it, not with every event.

A tree may be thousands of runs deep, and every start and end changes what all runs above add up to. So a run
that changes is only noted with its parent, that one with its own, and so on up to one that is noted already;
a reader of totals has what is noted below told, each run once. Of a run there are:

* `known_below`: what its children add up to, as far as it has heard; `known_generation` likewise.
* `untold`: by how much its share changed since its parent, or for a root the tree, last heard of it.
* `noted`: whether it stands in its parent's `news`, a root in the tree's.
* `news`: the children that changed since; `None` where it has heard of all.
* `top`: the root it is in, `None` for a root; of that, `open_runs` is how many runs in its tree are running.
"""

from __future__ import annotations

from typing import Protocol, Self, TypeVar

from tracebus.tree._counters import Counted, share


class Group(Protocol):
    """What is added up of the runs of a batch."""

    total: int


class Summed(Counted, Protocol):
    """A run in the tree, as far as adding up is concerned."""

    known_below: int
    known_generation: int
    untold: int
    noted: bool
    news: list[Self] | None

    @property
    def parent(self) -> Self | None:
        """The run above."""
        ...

    @property
    def batch_group(self) -> Group | None:
        """The batch it is a member of."""
        ...


N = TypeVar("N", bound=Summed)


def note(node: N, change: int) -> N | None:
    """Note that *node*'s share changed by *change*; return the root, where it had not been noted.

    Costs a step for each run above that is noted now and was not: after that none, until somebody reads.
    """
    node.untold += change
    while not node.noted:
        node.noted = True
        above = node.parent
        if above is None:
            return node
        if above.news is None:
            above.news = [node]
        else:
            above.news.append(node)
        node = above
    return None


def catch_up(node: N) -> None:
    """Have *node* hear of all that changed below it."""
    waiting: list[N] = [node]
    for above in waiting:  # grows on the way
        if above.news is not None:
            waiting += above.news
    for above in reversed(waiting):
        if above.news is not None:
            for child in above.news:
                add(above, take(child))
                above.known_generation = max(above.known_generation, child.known_generation)
            above.news = None


def take(node: Summed) -> int:
    """Return what is yet to be told of *node*, which is told with that; its batch is, too."""
    change, node.untold = node.untold, 0
    node.noted = False
    if node.batch_group is not None:
        node.batch_group.total += change
    return change


def add(node: Summed, change: int) -> None:
    """Add *change* to what *node*'s children add up to."""
    before = share(node) if node.bears_usage else 0
    node.known_below += change
    node.untold += share(node) - before if node.bears_usage else change
