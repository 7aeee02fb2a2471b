"""Exporters that fail: what is tried again, what is given up, and what the log and the numbers say."""

from __future__ import annotations

import errno
import logging

import pytest
from exporting import NO_WAIT, Flaky, Hanging, publish, seqs, wait_until

from tracebus.capture import Capture, CapturedPayload
from tracebus.exceptions import InvalidLogError
from tracebus.testing import RecordingExporter


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


@pytest.mark.parametrize(
    "error",
    [
        InvalidLogError("/nowhere cannot be opened; give a place that can be written"),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EFBIG, "File too large"),
    ],
)
def test_a_mistake_is_not_waited_for_at_the_end(bus, make, caplog, error):
    """What cannot pass with time costs the end one more attempt, not the time a slow exporter is given."""
    tried = []

    def refuse(batch):
        tried.append(len(batch))
        raise error

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
