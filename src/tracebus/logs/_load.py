"""One run of a log as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.exceptions import InvalidLogError
from tracebus.tree import RunTree

if TYPE_CHECKING:
    from tracebus.logs._log import Log
    from tracebus.logs._runs import RunSummary
    from tracebus.tree import RunNode

__all__ = ["load_run"]


def load_run(log: Log, run: RunSummary) -> RunNode:
    """Return *run* with the runs below it and around it, as far as *log* still has their events.

    Runs left open by a process that is gone are `lost`.

    Raises:
        InvalidLogError: the log no longer has its events.
    """
    tree = RunTree()
    for event in log.read_run(run.root_run_id):
        tree.apply(event)
    gone = log.lost()
    tree.lose(node.run_id for node in list(tree.running) if node.run_id in gone)
    node = tree.get(run.run_id)
    if node is None:
        raise InvalidLogError(f"the events of {run.run_id} are no longer in {log.url}")
    return node
