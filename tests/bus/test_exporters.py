from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time

import pytest
from msgspec.structs import force_setattr

import tracebus
from tracebus.bus import EventBus
from tracebus.capture import Capture, CapturedPayload
from tracebus.events import Cut, Deferred, Gap, Outcome, RunEnded, RunKind, RunStarted, settle
from tracebus.exceptions import InvalidLogError
from tracebus.testing import RecordingExporter

NO_WAIT = {"linger": 0.0, "backoff": 0.0}


class Flaky(RecordingExporter):
    """Fails while `broken` is set; remembers every batch it was offered."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: BaseException | None = None
        self.offered: list[list[int]] = []

    def export(self, batch) -> None:
        self.offered.append([event.seq for event in batch])
        if self.broken is not None:
            raise self.broken
        super().export(batch)


class Hanging(RecordingExporter):
    """Hangs in `export` until the gate opens."""

    def __init__(self, gate: threading.Event) -> None:
        super().__init__()
        self.gate = gate
        self.entered = threading.Event()

    def export(self, batch) -> None:
        self.entered.set()
        self.gate.wait()
        super().export(batch)


def wait_until(condition) -> None:
    """Look at *condition*() until it is true; there is nothing to wait on but the state itself."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline


def publish(bus: EventBus, make, count: int) -> None:
    for _ in range(count):
        bus.publish(make.streamed())


def seqs(exporter: RecordingExporter) -> list[int]:
    return [event.seq for event in exporter.events]


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


def test_an_outage_is_logged_once_and_nothing_is_lost(bus, make, caplog):
    """A failing exporter is offered the same batch again; one line says it failed, one that it works."""
    caplog.set_level(logging.WARNING, "tracebus")
    exporter = Flaky()
    exporter.broken = ConnectionError("refused")
    handle = bus.attach(exporter, name="collector", linger=0.0, backoff=0.0, max_attempts=1_000_000_000)
    publish(bus, make, 3)
    wait_until(lambda: len(exporter.offered) >= 4)
    row = handle.statistics()
    assert not row.healthy
    assert row.last_error == "ConnectionError: refused"
    exporter.broken = None
    assert bus.flush()
    assert seqs(exporter) == [1, 2, 3]
    assert exporter.offered[0] == exporter.offered[1] == exporter.offered[2]
    row = handle.statistics()
    assert row.healthy
    assert row.lost == 0
    assert row.retries == row.failures >= 3
    messages = [record.message for record in caplog.records]
    assert ["failed" in message for message in messages] == [True, False]
    assert all("collector" in message for message in messages)


def test_a_poison_batch_is_given_up_and_counted(bus, make):
    """A batch that never goes through is dropped after its attempts, and the next ones arrive."""

    class Poisoned(Flaky):
        def export(self, batch) -> None:
            wait_until(lambda: handle._worker._flushes)
            self.broken = ValueError("poison") if batch[0].seq == 2 else None
            super().export(batch)

    exporter = Poisoned()
    handle = bus.attach(exporter, max_batch=1, max_attempts=3, **NO_WAIT)
    publish(bus, make, 4)
    assert not bus.flush()  # an event lost is not delivered
    assert bus.flush()
    assert seqs(exporter) == [1, 3, 4]
    attempts = exporter.offered.count([2])
    assert attempts >= 3  # one more where the flush ended a pause
    row = handle.statistics()
    assert (row.lost, row.failures, row.retries, row.delivered) == (1, attempts, attempts - 1, 3)
    assert row.healthy


def test_a_mistake_is_not_waited_for_at_the_end(bus, make, caplog):
    """What cannot pass with time costs the end one more attempt, not the time a slow exporter is given."""
    tried = []

    def refuse(batch):
        tried.append(len(batch))
        raise InvalidLogError("/nowhere cannot be opened; give a place that can be written")

    bus.attach(refuse, name="refused", backoff=300.0)
    bus.publish(make.streamed())
    assert not bus.close(300)
    assert len(tried) <= 2
    assert "1 of 1 events did not arrive" in caplog.text
    assert "TRACEBUS_EXIT_TIMEOUT" not in caplog.text  # more time would be no remedy


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_an_exporter_that_raises_no_exception_keeps_its_thread(bus, make, error):
    """An exporter that exits is one that fails: it is retried, and its thread lives."""
    exporter = Flaky()
    exporter.broken = error
    handle = bus.attach(exporter, max_attempts=2, **NO_WAIT)
    publish(bus, make, 1)
    assert not bus.flush()
    exporter.broken = None
    publish(bus, make, 1)
    assert bus.flush()
    assert seqs(exporter) == [2]
    assert handle.statistics().lost == 1


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_payload_whose_own_code_interrupts_holds_up_no_exporter(bus, make, error):
    """No Ctrl-C comes to an exporter's thread: what is raised there would be raised again at every try."""

    class Payload:
        def __repr__(self):
            raise error

    exporter = Flaky()
    bus.attach(exporter, **NO_WAIT)
    bus.publish(make.started("r", inputs=CapturedPayload({"bad": Payload()}, Capture())))
    bus.publish(make.streamed("fine"))
    assert bus.flush(20)
    assert seqs(exporter) == [1, 2]


def test_a_failing_flush_makes_flush_false(bus, make):
    """The events were handed over, but did not reach their destination."""

    class Unflushable(RecordingExporter):
        def flush(self, timeout) -> None:
            raise OSError("disk full")

    handle = bus.attach(Unflushable())
    publish(bus, make, 1)
    assert not bus.flush()
    assert handle.statistics().last_error == "OSError: disk full"


def test_a_flush_ends_a_pause_without_costing_an_attempt(bus, make):
    """Flushing in an outage tries at once, and does not make the batch count as lost sooner."""
    exporter = Flaky()
    exporter.broken = ConnectionError()
    handle = bus.attach(exporter, linger=0.0, backoff=3_600.0, max_attempts=2)
    publish(bus, make, 1)
    for number in range(2, 6):
        assert not bus.flush(0.0)
        wait_until(lambda number=number: len(exporter.offered) >= number)
    exporter.broken = None
    assert bus.flush()
    assert handle.statistics().lost == 0
    assert seqs(exporter) == [1]


def test_flushes_that_wait_together_are_one(bus, make, gate):
    """However many wait for an exporter that hangs, it is flushed once when it comes back."""
    exporter = Hanging(gate)
    handle = bus.attach(exporter, linger=0.0)
    publish(bus, make, 1)
    for _ in range(20):
        assert not bus.flush(0.0)
    assert len(handle._worker._flushes) == 20
    gate.set()
    wait_until(lambda: not handle._worker._flushes)
    assert exporter.flushes == 1


def test_a_thread_that_cannot_start_is_tried_again(bus, make, monkeypatch):
    """A program that has all the threads it may have gets its events when one is free."""
    import _thread

    exporter = RecordingExporter()
    bus.attach(exporter, linger=0.0)

    def refuse(*_arguments) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(_thread, "start_new_thread", refuse)
        publish(bus, make, 10)
    publish(bus, make, 1_000)
    exporter.wait_for(lambda events: len(events) == 1_010)


def test_a_bug_in_the_thread_is_told(bus, make, caplog, monkeypatch):
    """If ever a bug of ours ends an exporter's thread, the log and the statistics say so."""
    handle = bus.attach(RecordingExporter(), name="unlucky")

    def fail(limit: int) -> list:
        raise AssertionError("bug")

    monkeypatch.setattr("tracebus.bus._reader.Reader.take", lambda self, limit: fail(limit))
    publish(bus, make, 1)
    assert handle._worker.done.wait(10)
    row = handle.statistics()
    assert (row.healthy, row.last_error) == (False, "AssertionError: bug")
    assert not bus.flush()
    assert not bus.close()
    assert "unlucky" in caplog.text


def test_what_an_exporter_lost_is_logged_at_its_end(bus, make, caplog):
    """Events given up are named in the log when the exporter ends."""
    exporter = Flaky()
    exporter.broken = ValueError("poison")
    bus.attach(exporter, name="lossy", max_attempts=1, **NO_WAIT)
    publish(bus, make, 3)
    assert not bus.close()
    said = "exporter lossy: 3 of 3 events did not arrive (ValueError: poison). TRACEBUS_EXIT_TIMEOUT=SECONDS"
    assert caplog.records[-1].message.startswith(said)


def test_flush_and_close_keep_their_deadline_with_a_hanging_exporter(bus, make, gate):
    """A hanging exporter makes flush and close return False in time, and its neighbour gets everything."""
    hanging, good = Hanging(gate), RecordingExporter()
    bus.attach(hanging, linger=0.0)
    bus.attach(good, linger=0.0)
    publish(bus, make, 5)
    assert hanging.entered.wait(10)
    assert not bus.flush(0.05)
    assert not bus.close(0.05)
    assert bus.closed
    good.wait_for(lambda events: len(events) == 5)


def test_after_a_missed_deadline_the_thread_ends_and_the_rest_counts_as_lost(bus, make, gate):
    """An exporter that comes back after the close gets nothing more, is closed, and the loss is counted."""
    exporter = Hanging(gate)
    handle = bus.attach(exporter, linger=0.0, max_batch=1)
    publish(bus, make, 5)
    assert exporter.entered.wait(10)
    assert not bus.close(0.0)
    gate.set()
    assert handle._worker.done.wait(10)
    assert exporter.closed
    row = handle.statistics()
    assert (row.delivered, row.lost, row.lag) == (1, 4, 0)
    assert not bus.close()


def test_close_flushes_and_closes_every_exporter(bus, make):
    """After a close everything is delivered, flushed and closed, and its thread gone."""
    exporters = [RecordingExporter() for _ in range(3)]
    for exporter in exporters:
        bus.attach(exporter, name="closing")
    publish(bus, make, 100)
    assert bus.close()
    assert bus.close()
    assert bus.flush()
    for exporter in exporters:
        assert seqs(exporter) == list(range(1, 101))
        assert exporter.closed
        assert exporter.flushes == 1


def test_close_does_not_wait_for_a_backoff(bus, make):
    """An exporter that failed long ago and works again is tried at once when the bus closes."""
    exporter = Flaky()
    exporter.broken = ConnectionError()
    bus.attach(exporter, linger=0.0, backoff=3_600.0)
    publish(bus, make, 1)
    wait_until(lambda: exporter.offered)
    exporter.broken = None
    assert bus.close()
    assert seqs(exporter) == [1]


def test_a_poison_batch_leaves_time_for_the_others_at_close(bus, make, gate):
    """At a deadline a batch nobody can take is given up in time for those behind it."""

    class Poisoned(Hanging):
        def export(self, batch) -> None:
            super().export(batch)
            if any(event.seq == 1 for event in batch):
                raise ValueError("poison")

    exporter = Poisoned(gate)
    handle = bus.attach(exporter, linger=0.0, backoff=3_600.0, max_batch=1)
    publish(bus, make, 3)
    assert exporter.entered.wait(10)
    closing = threading.Thread(target=bus.close, args=(1.0,))
    closing.start()
    gate.set()
    closing.join(10)
    row = handle.statistics()
    assert (row.delivered, row.lost) == (2, 1)


def test_callbacks_before_close_may_still_publish(bus, make):
    """What is published in a before_close callback is delivered; a failing callback hurts nobody."""
    exporter = RecordingExporter()
    bus.attach(exporter)
    bus.before_close(lambda: 1 / 0)
    bus.before_close(lambda: bus.publish(make.streamed("last words")))
    assert bus.close()
    assert [event.text for event in exporter.events] == ["last words"]


def test_a_callback_before_close_may_close_and_flush(bus, make):
    """Closing inside the close is no deadlock, and a flush there works."""
    answers = []
    bus.attach(RecordingExporter())
    bus.before_close(lambda: answers.append((bus.close(), bus.flush())))
    publish(bus, make, 1)
    assert bus.close()
    assert answers == [(False, True)]


def test_an_exporter_may_flush_detach_and_close_its_own_bus(bus, make):
    """Called by an exporter, these wait for nobody, and the bus still ends in order."""
    answers = []
    closed = threading.Event()

    def meddle(batch) -> None:
        if not answers:
            answers.append(bus.flush(3_600))
            answers.append(handle.detach(3_600))
            answers.append(bus.close(3_600))
            closed.set()

    other = RecordingExporter()
    bus.attach(other)
    handle = bus.attach(meddle, linger=0.0)
    publish(bus, make, 1)
    assert closed.wait(10)
    assert answers[:2] == [False, False]
    assert bus.closed
    bus.close()
    assert seqs(other) == [1]
    assert handle._worker.done.wait(10)


def test_two_exporters_that_close_the_bus_do_not_wait_for_each_other(bus, make):
    """Exporters in the middle of a batch cannot end, so none of them waits for another."""
    both = threading.Barrier(2)
    answers = []

    def close(batch) -> None:
        both.wait(10)
        answers.append(bus.close(3_600))

    handles = [bus.attach(close, linger=0.0) for _ in range(2)]
    publish(bus, make, 1)
    for handle in handles:
        assert handle._worker.done.wait(10)
    assert answers == [False, False]
    assert bus.close()


def test_a_bus_closes_without_any_thread_to_be_had(bus, make, monkeypatch):
    """Where no thread can be started, closing does the exporters' work itself."""
    import _thread

    def refuse(*_arguments) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    exporter = RecordingExporter()
    bus.attach(exporter)
    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    publish(bus, make, 3)
    assert bus.close()
    assert seqs(exporter) == [1, 2, 3]
    assert exporter.closed


def test_the_first_deadline_counts(bus, make, gate):
    """Detaching again does not give a late exporter more time."""
    exporter = Hanging(gate)
    handle = bus.attach(exporter, linger=0.0, max_batch=1)
    publish(bus, make, 3)
    assert exporter.entered.wait(10)
    assert not handle.detach(0.0)
    gate_opener = threading.Thread(target=gate.set)
    gate_opener.start()
    assert not handle.detach(3_600)
    gate_opener.join()
    assert handle.statistics().lost == 2


def test_many_threads_may_close_at_once(bus, make):
    """The callbacks run once, and every closer gets the answer."""
    called, answers = [], []
    bus.attach(RecordingExporter())
    bus.before_close(lambda: called.append(1))
    publish(bus, make, 10)
    threads = [threading.Thread(target=lambda: answers.append(bus.close())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert called == [1]
    assert answers == [True] * 8


def test_detach_delivers_what_was_published_and_nothing_after(bus, make):
    """A detached exporter has everything until then, is closed, and gone from the statistics."""
    exporter = RecordingExporter()
    handle = bus.attach(exporter)
    publish(bus, make, 3)
    assert handle.detach()
    assert handle.detach()
    publish(bus, make, 3)
    assert bus.flush()
    assert seqs(exporter) == [1, 2, 3]
    assert exporter.closed
    assert bus.statistics().exporters == ()


def test_detaching_ends_although_events_keep_coming(bus, make):
    """A detach waits for what was published before it, and not for what comes after."""

    def feed(batch) -> None:
        for _ in batch:
            bus.publish(make.streamed())

    handle = bus.attach(feed, linger=0.0)
    publish(bus, make, 3)
    handle.detach(3_600)
    assert handle._worker.done.is_set()
    assert handle.statistics().lost == 0


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


async def test_async_flush_and_close_do_not_block_the_loop(bus, make, gate):
    """While aflush waits, the loop runs: it can open the gate the exporter hangs on."""
    exporter = Hanging(gate)
    bus.attach(exporter, linger=0.0)
    publish(bus, make, 1)
    asyncio.get_running_loop().call_soon(gate.set)
    assert await bus.aflush(10)
    async with bus:
        pass
    assert exporter.closed


async def test_a_cancelled_aclose_still_closes(bus, make, gate):
    """Cancelling the wait does not cancel the close."""
    exporter = Hanging(gate)
    handle = bus.attach(exporter, linger=0.0)
    publish(bus, make, 1)
    complaints: list = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    closing = asyncio.create_task(bus.aclose(10))
    while not bus.closed:  # noqa: ASYNC110 - there is no event to wait on but the state itself
        await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    gate.set()
    assert await asyncio.to_thread(handle._worker.done.wait, 10)
    assert exporter.closed
    for thread in threading.enumerate():
        if thread.name == "tracebus wait":
            await asyncio.to_thread(thread.join, 10)
    await asyncio.sleep(0)
    assert complaints == []


def test_a_with_block_closes_the_bus(make):
    """Leaving the block closes."""
    exporter = RecordingExporter()
    with EventBus() as bus:
        bus.attach(exporter)
        publish(bus, make, 1)
    assert bus.closed
    assert seqs(exporter) == [1]
    assert exporter.closed


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


def test_every_live_bus_is_flushed():
    """`tracebus.flush` asks all buses, and says when one of them could not."""
    first, second, taken = EventBus(), EventBus(), []
    for bus in (first, second):
        bus.attach(taken.extend, linger=3600.0)
        bus.publish(RunStarted(time=1, run_id="a", root_run_id="a", kind=RunKind.CHAIN, name="a"))
    assert tracebus.flush(30)
    assert len(taken) == 2

    def broken(batch):
        raise OSError("no")

    first.attach(broken, max_attempts=1)
    first.publish(RunStarted(time=2, run_id="b", root_run_id="b", kind=RunKind.CHAIN, name="b"))
    assert not tracebus.flush(30)
    first.close()
    second.close()
