"""Two runs, aligned by structure: which steps correspond, and what differs between them.

::

    found = compare(left, right)        # two `RunNode`s
    found.parted                        # the first step at which they took different ways
    for step in found.steps:
        print(step.change, step.differences)

Pure functions of the runs. One alignment for the command line, the terminal UI and whoever asks by protocol.
"""

from __future__ import annotations

from tracebus.comparison._align import Pair, aligned_runs, paired
from tracebus.comparison._compare import Change, Comparison, Difference, Side, Step, compare
from tracebus.comparison._reading import in_order, own_differences, path_of, verdict
from tracebus.comparison._report import plain, report
from tracebus.comparison._texts import LinePair, Part, line_pairs, unified

__all__ = [
    "Change",
    "Comparison",
    "Difference",
    "LinePair",
    "Pair",
    "Part",
    "Side",
    "Step",
    "aligned_runs",
    "compare",
    "in_order",
    "line_pairs",
    "own_differences",
    "paired",
    "path_of",
    "plain",
    "report",
    "unified",
    "verdict",
]
