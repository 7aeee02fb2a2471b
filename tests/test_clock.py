"""One clock for the process: it never runs backwards, and wakes with the machine."""

from __future__ import annotations

import time

import pytest
from langchain_core.runnables import RunnableLambda

from tracebus import clock, observe
from tracebus.events import RunEnded, RunStarted

HOUR = 3_600_000_000_000
CHAIN = RunnableLambda(lambda x: x, name="first") | RunnableLambda(lambda x: x, name="second")


@pytest.fixture
def wall(monkeypatch):
    """Let the wall clock be ahead of the monotonic one by what is put in."""
    ahead = [0]
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + ahead[0])
    monkeypatch.setattr(clock, "_anchor", clock._anchor)
    return ahead


def test_a_run_after_the_machine_slept_begins_when_it_did(watch, wall):
    """The monotonic clock stood still for eight hours; what happens since is not eight hours old."""
    chain = observe(CHAIN, bus=watch.bus)
    chain.invoke(1)
    wall[0] = 8 * HOUR
    chain.invoke(2)
    watch.check()
    times = [event.time for event in watch.events]
    assert times == sorted(times)
    assert times[-1] > time.time_ns() - HOUR // 60
    before, after = (
        [event.time for event in watch.events if isinstance(event, kind) and event.parent_run_id is None]
        for kind in (RunStarted, RunEnded)
    )
    assert [end - start < HOUR for start, end in zip(before, after, strict=True)] == [True, True]


def test_a_wall_clock_that_is_set_back_sets_nothing_back(watch, wall):
    """Time stamps only rise within a process."""
    chain = observe(CHAIN, bus=watch.bus)
    chain.invoke(1)
    wall[0] = -HOUR
    chain.invoke(2)
    watch.check()
    times = [event.time for event in watch.events]
    assert times == sorted(times)


def test_what_is_open_while_the_clock_catches_up_has_its_end_after_its_start(wall):
    """A second's difference is the wall clock's own affair; a step is taken once."""
    before = clock.system_clock()
    wall[0] = clock._SECOND // 2
    assert not clock.catch_up()
    wall[0] = HOUR
    assert clock.catch_up()
    assert not clock.catch_up()
    assert clock.system_clock() - before >= HOUR
