"""The run tree: a fold from events to what is known about every run.

::

    tree = RunTree()
    for event in events:
        tree.apply(event)
    for root in tree.roots:
        print(root.name, root.status, root.duration, root.usage, root.cost)

It knows nothing of where the events come from or how the tree is shown.
"""

from __future__ import annotations

from tracebus.tree._decisions import answer_lines, question_lines
from tracebus.tree._node import BatchGroup, RunNode
from tracebus.tree._open_runs import OpenRuns
from tracebus.tree._scales import PriceFunction
from tracebus.tree._status import RunStatus, StatusCounts
from tracebus.tree._stream import ToolCall
from tracebus.tree._totals import TotalOf, Totals
from tracebus.tree._tree import RunTree

__all__ = [
    "BatchGroup",
    "OpenRuns",
    "PriceFunction",
    "RunNode",
    "RunStatus",
    "RunTree",
    "StatusCounts",
    "ToolCall",
    "TotalOf",
    "Totals",
    "answer_lines",
    "question_lines",
]
