from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from tracebus.bus import Exporter
from tracebus.events import Gap
from tracebus.testing import IncrementingClock, RecordingExporter, SequentialIds, collect


def gap(n):
    return Gap(time=n, missed=n)


def test_it_is_an_exporter():
    """The bus accepts it as what it is."""
    assert isinstance(RecordingExporter(), Exporter)


def test_waiting_ends_when_another_thread_delivers():
    """`wait_for` sees what an exporter thread brings while it waits."""
    recorder = RecordingExporter()
    thread = threading.Thread(target=recorder.export, args=([gap(1), gap(2)],))
    thread.start()
    assert recorder.wait_for(lambda events: len(events) == 2) == [gap(1), gap(2)]
    thread.join()


def test_waiting_in_vain_says_what_had_arrived():
    """A missed deadline lists the events, so that the failed test explains itself."""
    recorder = RecordingExporter()
    recorder.export([gap(7)])
    with pytest.raises(TimeoutError, match="1 events had arrived:\n  Gap missed=7"):
        recorder.wait_for(lambda events: len(events) == 2, timeout=0)


async def test_waiting_leaves_the_loop_alone():
    """`await_for` lets the loop run: here the loop itself delivers."""
    import asyncio

    recorder = RecordingExporter()
    asyncio.get_running_loop().call_soon(recorder.export, [gap(1)])
    assert await recorder.await_for(len) == [gap(1)]


class FakeBus:
    def __init__(self, *, flushes=True):
        self.flushes = flushes
        self.detached = False

    def attach(self, exporter):
        self.exporter = exporter
        return self

    def flush(self, timeout=5.0):
        self.exporter.export([gap(1)])
        return self.flushes

    def detach(self, timeout):
        self.detached = True


def test_collect_flushes_before_it_ends():
    """What is on the bus at the end of the block is in the record."""
    bus = FakeBus()
    with collect(bus) as recorded:
        assert recorded.events == []
    assert recorded.events == [gap(1)]
    assert bus.detached


def test_collect_says_when_the_bus_is_stuck():
    """A flush that misses its deadline is an error, not a short record."""
    bus = FakeBus(flushes=False)
    with pytest.raises(TimeoutError, match="not flushed"), collect(bus):
        pass
    assert bus.detached


def test_clock_and_ids_count():
    """Time moves by its step and by what is asked; ids count from 1."""
    clock = IncrementingClock(start=10, step=5)
    assert [clock(), clock()] == [10, 15]
    clock.advance(100)
    assert clock() == 120
    ids = SequentialIds()
    assert [ids(), ids()] == [
        "00000000-0000-0000-0000-000000000001",
        "00000000-0000-0000-0000-000000000002",
    ]


def test_the_recorder_needs_no_langchain():
    """Bus and exporter tests don't pay for importing langchain_core."""
    code = "import sys, tracebus.testing; sys.exit('langchain_core' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
