"""Spans that come in any order, late, twice, or not at all."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sent_spans import SECOND, TRACE, receiver, span, tree_of

from tracebus.capture import DEFAULT_CAPTURE
from tracebus.events import RunStarted
from tracebus.exceptions import InvalidLogError
from tracebus.tree import RunStatus
from tracebus_exporters.receiver._span import BadRequestError
from tracebus_exporters.receiver._traces import Traces

SHAPES = st.lists(st.integers(0, 1000), max_size=12)


def family(parents):
    """Return spans of one trace, the first of which is the root."""
    return [span(1), *(span(n + 2, parent % (n + 1) + 1) for n, parent in enumerate(parents))]


def parents_in(tree):
    return {node.run_id[-16:]: node.parent.run_id[-16:] if node.parent else None for root in tree.roots for node in root.walk()}  # fmt: skip


@given(SHAPES, st.randoms(use_true_random=False), st.lists(st.integers(1, 4), max_size=12))
@settings(max_examples=150, deadline=None)
def test_whatever_the_order_the_tree_is_the_programs(parents, random, cuts):
    """Within the time a trace is waited for, order and batches change nothing; a span sent twice is one."""
    spans = family(parents)
    expected = {each.span_id: each.parent_id or None for each in spans}
    sent = [*spans, *random.sample(spans, len(spans) // 2)]
    random.shuffle(sent)
    traces, events = Traces(DEFAULT_CAPTURE), []
    for size in [*cuts, len(sent)]:
        events += traces.add(sent[:size], 0.0)
        sent = sent[size:]
    tree = tree_of(events)
    assert parents_in(tree) == expected
    assert {event.root_run_id for event in events} == {tree.roots[0].run_id}
    assert all(node.status is RunStatus.OK for node in tree.roots[0].walk())
    assert len(events) == 2 * len(spans)


@given(SHAPES, st.randoms(use_true_random=False), st.integers(0, 12))
@settings(max_examples=150, deadline=None)
def test_a_trace_is_shown_before_its_root_comes(parents, random, early):
    """After the wait a run stands for it; whatever comes later finds its place; nothing is lost or twice."""
    spans = family(parents)
    rest = spans[1:]
    random.shuffle(rest)
    traces = Traces(DEFAULT_CAPTURE, hold=1.0)
    events = traces.add(rest[:early], 0.0)
    assert events == []
    events += traces.due(1.5)
    shown = len(events) > 0
    assert shown == bool(rest[:early])
    events += traces.add([*rest[early:], spans[0]], 2.0)
    events += traces.close()
    tree = tree_of(events)
    found = parents_in(tree)
    expected = {each.span_id: each.parent_id or None for each in spans}
    if shown:
        expected = {**expected, spans[0].span_id: TRACE[-16:], TRACE[-16:]: None}
    assert found == expected
    assert {node.status for root in tree.roots for node in root.walk()} == {RunStatus.OK}
    assert len({event.root_run_id for event in events}) == 1


def test_half_a_trace_is_shown_as_far_as_it_is_known():
    """Without its root, it is a run of the service's name, ended as abandoned when nothing comes any more."""
    taking, log, clock = receiver(hold=1.0)
    taking.take([span(3, 2, name="late"), span(4, 2)])
    assert log.events == []
    clock.now = 1.5
    taking.tick()
    tree = tree_of(log.events)
    (root,) = tree.roots
    assert (root.name, root.status) == ("shop", RunStatus.RUNNING)
    assert [(child.name, child.status) for child in root.children] == [("?", RunStatus.LOST)]
    clock.now = 1000.0
    taking.tick()
    assert tree_of(log.events).roots[0].status is RunStatus.ABANDONED


def test_a_parent_in_another_process_is_no_parent_to_wait_for():
    """Where only its entry came, and says that its parent is remote, the entry is the root."""
    taking, log, clock = receiver(hold=1.0)
    taking.take([span(2, 9, name="entry", remote=True), span(3, 2)])
    clock.now = 1.5
    taking.tick()
    (root,) = tree_of(log.events).roots
    assert root.name == "entry"


def test_a_span_without_an_end_stays_open():
    """It is running as far as anybody knows."""
    taking, log, _ = receiver()
    taking.take([span(1, end=0)])
    assert tree_of(log.events).roots[0].status is RunStatus.RUNNING


def test_clocks_that_differ():
    """A child from a machine whose clock is behind, and an end before its start, are shown as they were said."""
    taking, log, _ = receiver()
    taking.take([span(2, 1, start=1, end=0 + 1), span(1, start=100 * SECOND, end=99 * SECOND)])
    (root,) = tree_of(log.events).roots
    assert root.duration == 0.0
    assert root.children[0].started_at == 1


def test_a_trace_with_several_roots_is_one_run():
    """The first to come is the root; the others stand below it."""
    taking, log, _ = receiver()
    taking.take([span(1), span(2)])
    (root,) = tree_of(log.events).roots
    assert len(root.children) == 1


def test_ten_thousand_spans_at_once():
    """One batch, children first: one tree, and nothing waits."""
    taking, log, _ = receiver()
    taking.take([*(span(n, 1) for n in range(10_000, 1, -1)), span(1)])
    assert len(log.events) == 20_000
    assert taking.statistics()["held"] == 0
    (root,) = tree_of(log.events).roots
    assert len(root.children) == 9_999


def test_what_waits_is_bounded(monkeypatch):
    """Traces whose roots never come push out the oldest, which is shown as it is."""
    monkeypatch.setattr("tracebus_exporters.receiver._traces._MOST_HELD", 100)
    taking, log, _ = receiver()
    for number in range(300):
        taking.take([span(5, 4, trace=f"{number:032x}")])
    assert taking.statistics()["held"] <= 101
    assert len(tree_of(log.events).roots) >= 199


def test_a_log_that_cannot_be_written_loses_nothing():
    """What came is stored with what comes next; the sender is told and may come again."""
    taking, log, _ = receiver()
    log.failures = 1
    with pytest.raises(OSError, match="no space"):
        taking.take([span(1)])
    taking.take([span(1)])
    assert len(log.events) == 2


def test_a_log_that_is_none_for_a_while_loses_nothing(monkeypatch):
    """Somebody put another file in its place: that is mended, too."""
    taking, log, _ = receiver()
    with monkeypatch.context() as patch:
        patch.setattr(log, "append", lambda _: (_ for _ in ()).throw(InvalidLogError("no log of events")))
        with pytest.raises(OSError, match="no log of events"):
            taking.take([span(1)])
    taking.take([span(1)])
    assert len(log.events) == 2


@given(st.lists(st.sampled_from(["good", "bad", "away"]), min_size=1, max_size=12))
def test_a_trace_that_no_log_takes_keeps_none_of_the_others_out(kinds):
    """It is let go, and counted; all others are stored once, though the disk is full in between."""
    taking, log, _ = receiver()
    store = log.append

    def append(events):
        if any(event.name == "bad" for event in events if isinstance(event, RunStarted)):
            raise OverflowError("too large")
        return store(events)

    log.append = append
    for number, kind in enumerate(kinds, 1):
        log.failures = kind == "away"
        with contextlib.suppress(OSError):
            taking.take([span(number, trace=f"{number:032x}", name=kind)])
    log.failures = 0
    taking.close()
    bad = kinds.count("bad")
    assert taking.statistics()["refused"] == bad
    assert taking.statistics()["events"] == len(log.events)
    stored = [event.run_id for event in log.events if isinstance(event, RunStarted)]
    assert len(set(stored)) == len(stored) == len(kinds) - bad


@pytest.mark.parametrize("wrong", [BadRequestError("no request"), RuntimeError("a bug")])
def test_requests_that_wait_are_stored_together_and_a_bad_one_is_refused_alone(wrong):
    """One thread does the work of all; what is wrong with one request is told to its sender only."""
    taking, log, _ = receiver()
    refused = []

    def send(read):
        try:
            taking.take_encoded(b"", read)
        except (BadRequestError, RuntimeError) as error:
            refused.append(error)

    def bad(_body):
        raise wrong

    def good(number):
        return lambda _body: [span(number, trace=f"{number:032x}")]

    threads = [threading.Thread(target=send, args=(each,)) for each in (good(1), bad, good(2))]
    with taking._working:
        for thread in threads:
            thread.start()
        while len(taking._waiting) < 3:
            time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert refused == [wrong]
    assert len(tree_of(log.events).roots) == 2
    assert taking.statistics()["spans"] == 2
