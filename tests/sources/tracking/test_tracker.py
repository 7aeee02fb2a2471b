"""The tracker alone: whatever it is told, in whatever order, starts and ends pair up."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebus.capture import Capture
from tracebus.events import Outcome, RunEnded, RunKind, RunStarted
from tracebus.sources.tracking._open_run import Life
from tracebus.sources.tracking._tracker import RunTracker

SECOND = 1_000_000_000


class Clock:
    def __init__(self):
        self.now = SECOND

    def __call__(self):
        self.now += 1
        return self.now


def new_tracker(**options):
    events, counts, clock = [], [], Clock()
    tracker = RunTracker(
        lambda event, _bound: events.append(event), count=counts.append, clock=clock, **options
    )
    return tracker, events, counts, clock


def start(tracker, key, parent=None, owner="owner", **fields):
    return tracker.start(
        key, parent, kind=RunKind.CHAIN, name=str(key), owner=owner, capture=Capture(), **fields
    )


def check(events):
    """Assert that starts and ends pair up, in order, with true roots."""
    begun, ended = {}, set()
    for event in events:
        match event:
            case RunStarted():
                if event.parent_run_id is None:
                    assert event.root_run_id == event.run_id
                begun[event.run_id] = event
            case RunEnded():
                assert event.run_id in begun
                assert event.run_id not in ended
                assert event.root_run_id == begun[event.run_id].root_run_id
                assert event.time >= begun[event.run_id].time
                ended.add(event.run_id)
            case _:
                assert event.run_id in begun
    return begun, ended


KEYS = st.integers(0, 12)
STEPS = st.one_of(
    st.tuples(st.just("start"), KEYS, st.none() | KEYS, st.sampled_from(["a", "b"])),
    st.tuples(st.just("end"), KEYS, st.sampled_from(list(Outcome)), st.sampled_from(["a", "b", None])),
    st.tuples(st.just("stream"), KEYS, st.none(), st.none()),
    st.tuples(st.just("wait"), st.integers(0, 7200), st.none(), st.none()),
)


@given(st.lists(STEPS, max_size=60), st.integers(1, 8))
def test_any_order_of_reports_gives_paired_starts_and_ends(steps, limit):
    """Duplicates, late ends, unknown parents, second reporters, idle time, a tiny limit: all pair up."""
    tracker, events, _, clock = new_tracker(max_open_runs=limit)
    used = set()
    for action, key, value, owner in steps:
        if action == "start" and key not in used:
            used.add(key)
            start(tracker, key, value, owner)
        elif action == "end":
            tracker.end(key, value, owner=owner)
        elif action == "stream" and (run := tracker.get(key)) is not None:
            tracker.streamed(run, None)
        elif action == "wait":
            clock.now += key * SECOND
            tracker.sweep()
        assert len(tracker.open_runs()) <= limit
    tracker.close_all()
    begun, ended = check(events)
    assert begun.keys() == ended
    start(tracker, "late", None, "a")  # by a thread that outlives the bus
    tracker.close_all()
    assert check(events) == (begun, ended)


def test_only_the_first_reporter_of_a_run_counts():
    """Two handlers on one bus: the second's start and end change nothing and are no anomaly."""
    tracker, events, counts, _ = new_tracker()
    start(tracker, "run", owner="first")
    assert start(tracker, "run", owner="second") is None
    assert tracker.end("run", Outcome.OK, owner="second") is None
    assert tracker.end("run", Outcome.OK, owner="first") is not None
    assert tracker.end("run", Outcome.ERROR, owner="second") is None
    assert [type(event).__name__ for event in events] == ["RunStarted", "RunEnded"]
    assert counts == []


class Given(list):
    """Inputs of the program that tell when they are gone."""


@pytest.mark.parametrize("reap", [False, True])
def test_what_has_ended_keeps_nothing_of_the_program_alive(reap):
    """A run that began late, below a step that is over, holds its root, but not what the root was given."""
    tracker, _, _, _ = new_tracker(reap=reap)
    gc.disable()
    try:
        given = Given(["prompt"])
        seen = weakref.ref(given)
        start(tracker, "root").source_inputs = given
        start(tracker, "step", "root")
        left_open = start(tracker, "late", "step")
        del given
        tracker.end("step", Outcome.OK)
        tracker.end("root", Outcome.OK)
        assert left_open.outcome is None
        assert seen() is None
    finally:
        gc.enable()


def test_stray_ends_are_counted():
    """An end nobody began and an end after the end are ignored and counted."""
    tracker, events, counts, _ = new_tracker()
    tracker.end("ghost", Outcome.OK)
    start(tracker, "run")
    tracker.end("run", Outcome.OK, owner="owner")
    tracker.end("run", Outcome.OK, owner="owner")
    assert counts == ["ends_without_a_start", "ends_after_the_end"]
    assert len(events) == 2


def test_a_child_of_an_ended_parent_keeps_its_parent_and_root():
    """A background task may begin after its parent's end."""
    tracker, events, _, _ = new_tracker()
    start(tracker, "root")
    start(tracker, "parent", "root")
    tracker.end("parent", Outcome.OK)
    start(tracker, "late", "parent")
    late = events[-1]
    assert (late.parent_run_id, late.root_run_id) == ("parent", "root")


def test_a_late_child_that_falls_silent_is_given_up():
    """Begun after its parent was cancelled, and never heard of again: it was cancelled with it."""
    tracker, events, _, clock = new_tracker(orphan_grace=30)
    start(tracker, "root")
    tracker.end("root", Outcome.CANCELLED)
    start(tracker, "late", "root")
    clock.now += 31 * SECOND
    tracker.sweep()
    assert (events[-1].run_id, events[-1].outcome) == ("late", Outcome.CANCELLED)


def test_an_unknown_parent_makes_a_root():
    """A parent of some other tracing system is none of ours."""
    tracker, events, _, _ = new_tracker()
    start(tracker, "run", "of somebody else")
    assert events[0].parent_run_id is None
    assert events[0].root_run_id == "run"


def test_descendants_of_a_cancelled_run_end_with_it_innermost_first():
    """After the grace, at the time the cancelled parent ended."""
    tracker, events, _, clock = new_tracker(cancel_grace=0.5)
    start(tracker, "root")
    start(tracker, "child", "root")
    start(tracker, "grandchild", "child")
    tracker.end("root", Outcome.CANCELLED)
    ended_at = events[-1].time
    tracker.sweep()
    assert len(events) == 4
    clock.now += SECOND
    tracker.sweep()
    assert [(e.run_id, e.outcome, e.time) for e in events[4:]] == [
        ("grandchild", Outcome.CANCELLED, ended_at),
        ("child", Outcome.CANCELLED, ended_at),
    ]


def test_a_busy_orphan_is_left_alone_and_a_silent_one_is_not():
    """A run that outlives its parent is given up only when nothing happens in its tree any more."""
    tracker, events, _, clock = new_tracker(orphan_grace=30)
    start(tracker, "root")
    busy = start(tracker, "busy", "root")
    tracker.end("root", Outcome.OK)
    for _ in range(5):
        clock.now += 20 * SECOND
        tracker.streamed(busy, None)
        tracker.sweep()
    assert tracker.get("busy") is not None
    clock.now += 31 * SECOND
    tracker.sweep()
    assert tracker.get("busy") is None
    assert events[-1].outcome is Outcome.ABANDONED


class _AtWork:
    """A thread or task that executes a run, and lives."""

    task = loop = None
    thread = 1
    last = None

    def __init__(self):
        self.alive = True

    def is_same(self, other):
        return other is self

    def life(self):
        return Life.LIVES if self.alive else Life.GONE

    def was_cancelled(self):
        return False


@pytest.mark.parametrize("graph_lives", [True, False])
def test_the_end_of_a_cancelled_node_is_its_graphs_to_tell_while_that_is_at_work(graph_lives):
    """On a busy machine LangGraph may take long to raise what names the node's time-out."""
    tracker, events, _, clock = new_tracker(cancel_grace=0.5)
    graph, node = _AtWork(), _AtWork()
    start(tracker, "graph", runner=graph)
    held = start(tracker, "node", "graph", runner=node)
    held.held = True
    tracker.expect_end(held, Outcome.CANCELLED)
    node.alive, graph.alive = False, graph_lives
    for _ in range(5):
        clock.now += 20 * SECOND
        tracker.sweep()
    if graph_lives:
        assert tracker.end("node", Outcome.ERROR) is held
    assert [event.outcome for event in events[2:]] == [Outcome.ERROR if graph_lives else Outcome.CANCELLED]


def test_idle_trees_are_given_up():
    """An hour without a word, noticed when the next run begins."""
    tracker, events, counts, clock = new_tracker(idle_timeout=3600)
    start(tracker, "forgotten")
    clock.now += 3601 * SECOND
    start(tracker, "next")
    ends = [event for event in events if isinstance(event, RunEnded)]
    assert [(e.run_id, e.outcome) for e in ends] == [("forgotten", Outcome.ABANDONED)]
    assert counts == ["runs_given_up_idle"]


def test_never_ending_runs_are_bounded():
    """100,000 runs that never end leave as many open as the limit says, the rest abandoned."""
    tracker, events, _, _ = new_tracker(max_open_runs=100)
    for number in range(2_000):
        start(tracker, number)
    assert len(tracker.open_runs()) == 100
    assert len([event for event in events if isinstance(event, RunEnded)]) == 1_900


def test_starts_and_ends_from_many_threads_pair_up():
    """Threads report at once; nothing is lost, doubled or out of order."""
    tracker, events, counts, _ = new_tracker()

    def work(thread):
        for number in range(300):
            root, child = (thread, number, "root"), (thread, number, "child")
            start(tracker, root)
            start(tracker, child, root)
            tracker.end(child, Outcome.OK)
            tracker.end(root, Outcome.OK)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    begun, ended = check(events)
    assert len(begun) == len(ended) == 8 * 300 * 2
    assert counts == []
