"""Exporters get every event once, in order, in batches, each from a thread of its own."""

from __future__ import annotations

import sys
import threading

import pytest
from exporting import NO_WAIT, Hanging, publish, seqs, wait_until
from msgspec.structs import force_setattr

from tracebus.bus import EventBus
from tracebus.events import Cut, Deferred, Gap, Outcome, RunEnded, RunKind, RunStarted, settle
from tracebus.testing import RecordingExporter


def test_an_exporter_gets_everything_in_order(bus, make):
    """After a flush the exporter has every event once, in order."""
    exporter = RecordingExporter()
    handle = bus.attach(exporter)
    publish(bus, make, 2_000)
    assert bus.flush()
    assert seqs(exporter) == list(range(1, 2_001))
    assert exporter.flushes == 1
    row = handle.statistics()
    assert (row.delivered, row.lag, row.missed, row.lost, row.healthy) == (2_000, 0, 0, 0, True)
    assert bus.statistics().exporters == (row,)


def test_events_reach_an_exporter_without_a_flush(bus, make):
    """An idle exporter is woken by a single event."""
    exporter = RecordingExporter()
    bus.attach(exporter)
    for number in range(1, 4):
        bus.publish(make.streamed())
        exporter.wait_for(lambda events, number=number: len(events) == number)


def test_a_plain_function_is_an_exporter(bus, make):
    """A function of a batch will do, and gives the exporter its name."""
    got = []

    def remember(batch) -> None:
        got.extend(batch)

    handle = bus.attach(remember)
    publish(bus, make, 3)
    assert bus.flush()
    assert [event.seq for event in got] == [1, 2, 3]
    assert "remember" in handle.name


def test_an_exporter_may_settle_what_it_reads_itself(bus, make):
    """It gets payloads as they were captured; beside it, the others get JSON as ever."""

    class Later(Deferred):
        settled = 0

        def settle_into(self, event, field) -> None:
            Later.settled += 1
            force_setattr(event, field, "json")

    class Frugal(RecordingExporter):
        settles_itself = True

    frugal, usual = Frugal(), RecordingExporter()
    bus.attach(frugal, **NO_WAIT)
    bus.attach(usual, linger=3600.0)
    bus.publish(make.started("r", inputs=Later()))
    wait_until(lambda: frugal.events)
    assert isinstance(frugal.events[0].inputs, Later)
    assert Later.settled == 0
    assert bus.flush()
    assert [event.inputs for event in usual.events] == ["json"]
    assert Later.settled == 1


def test_what_nobody_reads_is_let_go(bus, make):
    """Where every exporter settles for itself the ring keeps no payload of the program's alive."""

    class Payload(Deferred):
        def settle_into(self, event, field) -> None:
            force_setattr(event, field, "json")

    class Frugal(RecordingExporter):
        settles_itself = True

        def export(self, batch) -> None:
            super().export(settle(event, ("metadata",)) for event in batch)

    frugal, slower = Frugal(), Frugal()
    bus.attach(frugal, **NO_WAIT)
    bus.attach(slower, linger=3600.0)
    inputs = Payload()
    bus.publish(make.started("r", inputs=inputs, metadata=Payload()))
    wait_until(lambda: frugal.events)
    assert frugal.events[0].inputs is inputs  # the other one has not come by
    assert bus.flush()
    (event,) = frugal.events
    assert (event.inputs, event.metadata) == (None, "json")
    assert event.cuts == (Cut("/inputs", "content"),)

    subscription = bus.subscribe()
    bus.publish(make.started("s", inputs=Payload()))
    assert bus.flush()
    assert isinstance(frugal.events[-1].inputs, Payload)  # somebody may want it
    del subscription


def test_what_is_no_exporter_is_refused(bus):
    """The error says what an exporter is."""
    with pytest.raises(TypeError, match=r"export\(batch\)"):
        bus.attach(42)


@pytest.mark.parametrize(
    "option", [{"max_batch": 0}, {"max_attempts": 0}, {"linger": -1.0}, {"backoff": -1.0}]
)
def test_an_option_out_of_range_is_refused(bus, option):
    """The error names the option's value."""
    with pytest.raises(ValueError, match=str(next(iter(option.values())))):
        bus.attach(print, **option)


def test_attaching_an_exporter_twice_is_attaching_it_once(bus, make):
    """An exporter must not be called from two threads, so the second attach returns the first's handle."""
    exporter = RecordingExporter()
    first, second = bus.attach(exporter), bus.attach(exporter)
    publish(bus, make, 1)
    assert bus.flush()
    assert seqs(exporter) == [1]
    assert first.name == second.name == "RecordingExporter"


def test_names_are_told_apart(bus):
    """Two exporters of one class have different names in the statistics."""
    assert [bus.attach(RecordingExporter()).name for _ in range(3)] == [
        "RecordingExporter",
        "RecordingExporter#2",
        "RecordingExporter#3",
    ]


def test_no_thread_before_the_first_event(bus, make):
    """Attaching starts nothing: a program that forks before its first run stays single-threaded."""
    bus.attach(RecordingExporter(), name="lazy")
    assert "tracebus lazy" not in [thread.name for thread in threading.enumerate()]
    publish(bus, make, 1)
    assert bus.flush()
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "tracebus lazy"]
    assert thread.daemon


def test_batches_are_no_larger_than_asked(bus, make, gate):
    """`max_batch` bounds each batch."""
    exporter = Hanging(gate)
    handle = bus.attach(exporter, max_batch=10, linger=0.0)
    publish(bus, make, 100)
    gate.set()
    assert bus.flush()
    assert seqs(exporter) == list(range(1, 101))
    assert handle.statistics().batches >= 10


def test_a_busy_publisher_makes_few_batches(bus, make):
    """Events published within the linger arrive together."""
    exporter = RecordingExporter()
    bus.attach(exporter, linger=30.0)
    publish(bus, make, 1)
    publish(bus, make, 399)
    assert bus.flush()  # does not wait for the linger
    assert exporter.batches == 1


def test_an_exporter_says_how_long_to_gather_for_it(bus, make):
    """Its own `linger` holds, unless whoever attaches it says otherwise."""

    class Patient(RecordingExporter):
        linger = 3600.0

    patient, hurried = Patient(), Patient()
    bus.attach(patient)
    bus.attach(hurried, linger=0.0)
    publish(bus, make, 3)
    wait_until(lambda: len(hurried.events) == 3)
    assert not patient.events
    assert bus.flush()
    assert len(patient.events) == 3


def test_a_small_ring_does_not_overrun_a_lingering_exporter(new_bus, make):
    """Half a ring of events ends the linger: a lingering exporter is not a slow one."""
    bus = new_bus(64)
    exporter = RecordingExporter()
    bus.attach(exporter, linger=30.0)
    for number in range(1, 20):
        publish(bus, make, 32)
        exporter.wait_for(lambda events, number=number: len(events) >= 32 * number)
    assert bus.flush()
    assert seqs(exporter) == list(range(1, 19 * 32 + 1))


def test_an_overrun_exporter_gets_a_gap(new_bus, make, gate):
    """An exporter slower than the ring learns what it missed, and its neighbour misses nothing."""
    bus = new_bus(16)
    slow, quick = Hanging(gate), RecordingExporter()
    slow_handle, quick_handle = bus.attach(slow, linger=0.0), bus.attach(quick, linger=0.0)
    publish(bus, make, 1)
    assert slow.entered.wait(10)
    for number in range(2, 102):
        publish(bus, make, 1)
        quick.wait_for(lambda events, number=number: len(events) == number)
    gate.set()
    bus.flush()
    assert seqs(quick) == list(range(1, 102))
    gap = slow.events[1]
    assert isinstance(gap, Gap)
    assert seqs(slow)[2:] == list(range(gap.seq + 1, 102))
    row = slow_handle.statistics()
    assert row.missed == gap.missed == 84
    assert row.delivered + row.missed == 101
    assert quick_handle.statistics().missed == 0


def test_attaching_after_a_position_exports_the_past(bus, make):
    """An exporter attached late can begin with what the ring still holds."""
    publish(bus, make, 5)
    exporter = RecordingExporter()
    bus.attach(exporter, after=2)
    assert bus.flush()
    assert seqs(exporter) == [3, 4, 5]


def test_an_exporter_may_publish(bus, make):
    """An exporter that publishes about what it exports does not wait for itself."""

    def echo(batch) -> None:
        for event in batch:
            if event.text == "call":
                bus.publish(make.streamed("echo"))

    bus.attach(echo)
    exporter = RecordingExporter()
    bus.attach(exporter, linger=0.0)
    bus.publish(make.streamed("call"))
    exporter.wait_for(lambda events: [event.text for event in events] == ["call", "echo"])


def test_threads_flood_and_every_event_is_accounted_for(new_bus, make):
    """With a ring too small for the flood, delivered and missed add up to what was published."""
    bus, each = new_bus(256), 4_000
    exporter = RecordingExporter()
    handle = bus.attach(exporter, linger=0.0)
    threads = [threading.Thread(target=publish, args=(bus, make, each)) for _ in range(4)]
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)
    bus.flush()
    row = handle.statistics()
    assert row.delivered + row.missed == 4 * each
    position = 0
    for event in exporter.events:
        assert event.seq == position + (event.missed if isinstance(event, Gap) else 1)
        position = event.seq


def test_the_end_of_a_root_run_is_delivered_without_lingering():
    """A pool's worker may be told to end right after it: what gathers a batch for a minute has it at once."""
    delivered = threading.Event()
    bus = EventBus()
    bus.attach(lambda batch: delivered.set() if isinstance(batch[-1], RunEnded) else None, linger=3600.0)
    bus.publish(RunStarted(time=1, run_id="a", root_run_id="a", kind=RunKind.CHAIN, name="a"))
    bus.publish(RunEnded(time=10**9, run_id="a", root_run_id="a", outcome=Outcome.OK))
    assert delivered.wait(30)
    bus.close()
