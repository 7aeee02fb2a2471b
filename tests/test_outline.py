"""Runs as an outline."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_events import History

from tracebus import RunTree
from tracebus.outline import outline, rows


def tree_of(parents):
    """Return the root of runs, of which each has an earlier one for a parent."""
    runs, tell = RunTree(), History()
    for number, parent in enumerate([None, *parents]):
        above = None if parent is None else f"r{parent % number}"
        runs.apply(tell.start(f"r{number}", above, name=f"n{number}"))
        runs.apply(tell.end(f"r{number}"))
    return runs.get("r0")


TREES = st.lists(st.integers(0, 1000), max_size=60).map(tree_of)


@given(TREES, st.integers(9, 40), st.data())
def test_no_more_lines_than_asked_for_and_all_are_accounted_for(root, limit, data):
    """Shown runs and counted ones are all there are, and the marked one is among the shown."""
    nodes = list(root.walk())
    marked = data.draw(st.sampled_from(nodes)).run_id
    lines = list(outline([root], marked={marked}, limit=limit))
    shown = [line for line in lines if "more" not in line]
    left_out = sum(int(line.split()[1]) for line in lines if "more" in line)
    assert len(shown) + left_out == len(nodes)
    assert len(shown) <= limit
    assert sum(line.startswith("→") for line in shown) == 1


@given(TREES)
def test_branches_lead_to_the_parent(root):
    """A row's lead is as deep as its run."""
    for row in rows(root):
        assert len(row.lead) == 3 * len(list(row.node.ancestors()))


@pytest.mark.parametrize("depth", [100, 1500])
def test_a_deep_tree_stays_narrow(depth):
    """No line grows with the depth without end."""
    root = tree_of(range(depth))
    assert max(len(row.lead) for row in rows(root)) < 120
