"""The end: what flush, detach and close bring out, within their deadline, whoever calls them."""

from __future__ import annotations

import asyncio
import threading

import pytest
from exporting import Flaky, Hanging, publish, seqs, wait_until

import tracebus
from tracebus.bus import EventBus
from tracebus.events import RunKind, RunStarted
from tracebus.testing import RecordingExporter


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
