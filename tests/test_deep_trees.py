"""Runs thousands deep inside one another: nothing recurses over the depth of what a program does."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from tracebus import EventBus, RunState, RunTree
from tracebus.cli import cli
from tracebus.comparison import compare, report
from tracebus.events import Outcome, RunEnded, RunKind, RunStarted
from tracebus.exporting import resolve
from tracebus.outline import outline
from tracebus.searching import look
from tracebus.shape import shape_of
from tracebus.testing import RecordingExporter
from tracebus_tui.model import Runs, View

DEPTH = 2_000  # twice as deep as Python recurses
BEGAN = 1_700_000_000_000_000_000


def deep():
    """Return the events of one tree in which every run is the only child of the one before."""

    def parent(level):
        return f"r{level - 1}" if level else None

    starts = [
        RunStarted(
            time=BEGAN + level,
            run_id=f"r{level}",
            parent_run_id=parent(level),
            root_run_id="r0",
            kind=RunKind.CHAIN,
            name=f"level {level}",
        )
        for level in range(DEPTH)
    ]
    ends = [
        RunEnded(
            time=BEGAN + 2 * DEPTH - level,
            run_id=f"r{level}",
            parent_run_id=parent(level),
            root_run_id="r0",
            outcome=Outcome.OK,
        )
        for level in reversed(range(DEPTH))
    ]
    return starts + ends


def tree_of(events):
    tree = RunTree()
    for event in events:
        tree.apply(event)
    return tree


def test_the_tree_and_what_is_made_of_it():
    """Totals, outline, shape, comparison, a tree known from its leaves up, and one that is dropped."""
    tree, backwards = tree_of(deep()), tree_of(reversed(deep()))
    assert len(tree) == len(backwards) == DEPTH
    root = tree.roots[0]
    assert root.counts.ok == DEPTH - 1
    assert "level 0" in "".join(outline([root]))
    assert "level 0" in shape_of([root])
    assert compare(root, backwards.roots[0]) is not None
    tree.forget("r0")
    assert len(tree) == 0


def test_no_line_grows_with_the_depth():
    """Of levels below those drawn by indentation, the shape says the number."""
    root = tree_of(deep()).roots[0]
    lines = shape_of([root]).splitlines()
    assert len(lines) == DEPTH
    assert lines[40] == f"{'  ' * 40}chain level 40: ok"
    assert lines[DEPTH - 1] == f"{'  ' * 40}… {DEPTH - 1}: chain level {DEPTH - 1}: ok"
    assert max(map(len, [*lines, *report(compare(root, root), full=True)])) < 200


def test_the_run_state():
    """The document of such a tree."""
    state = RunState()
    for event in deep():
        state.apply(event)
    assert len(state.document["runs"]) == DEPTH


def test_a_bus_shows_the_open_runs_in_order():
    """A snapshot has parents before children, however deep."""
    bus = EventBus()
    recording = RecordingExporter()
    bus.attach(recording)
    for event in deep()[:DEPTH]:
        bus.publish(event)
    assert [run.run_id for run in bus.snapshot().open] == [f"r{level}" for level in range(DEPTH)]
    assert bus.close(20)


@pytest.mark.parametrize("url", ["console", "structlog", "jsonl:{}/log.jsonl", "sqlite:{}/log.db"])
def test_the_ways_out(url, tmp_path, capsys):
    """Every exporter that writes here, and a log shown by the command."""
    (exporter,) = resolve(url.format(tmp_path))
    events = deep()
    for first in range(0, len(events), 512):
        exporter.export(events[first : first + 512])
    exporter.flush(20)
    exporter.close()
    if ":" in url:
        shown = CliRunner().invoke(cli, ["show", "r0", url.format(tmp_path)])
        assert shown.exit_code == 0, shown.output
        assert f"level {DEPTH - 1}" in shown.output


def test_what_is_drawn_and_told_of_it():
    """The terminal UI's rows, a notebook's tree, a search, and what chat clients are told."""
    pytest.importorskip("starlette", reason="needs the extra web")
    from tracebus_exporters.web.protocols._agui import AguiProjection
    from tracebus_exporters.web.protocols._vercel import VercelProjection

    runs = Runs()
    view = View(runs)
    runs.apply(deep())
    assert len(runs.rows) == DEPTH
    view.move_to(DEPTH - 1)
    assert view.node.run_id == f"r{DEPTH - 1}"
    view.open_to(3)
    assert len(runs.rows) == 3
    view.set_filter(f"level {DEPTH - 1}")
    assert len(view.rows) == DEPTH
    assert "more runs" in runs.runs._repr_html_()
    assert look(deep(), f"level {DEPTH - 1}") is not None
    for projection in (AguiProjection("r0"), VercelProjection("r0")):
        assert [message for event in deep() for message in projection.messages(event)]
