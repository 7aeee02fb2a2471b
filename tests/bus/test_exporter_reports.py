"""What the bus says of an exporter that counts for itself, or fails in one place and not in another."""

from __future__ import annotations

import logging

from tracebus import EventBus
from tracebus.events import RunKind, RunStarted


class Refusing:
    """An exporter that can flush and never export, and counts what its backend refused."""

    def __init__(self, error=None):
        self.error = error
        self.refused = 0

    def export(self, batch):
        self.refused += len(batch)
        if self.error is not None:
            raise self.error

    def flush(self, timeout):
        pass

    def close(self):
        pass

    def statistics(self):
        return {"spans_refused": self.refused}


def event():
    return RunStarted(time=1, run_id="r", root_run_id="r", kind=RunKind.CHAIN, name="n")


def test_what_an_exporter_counts_itself_stands_in_the_buss_statistics():
    """A span the backend refused is visible where everything else is."""
    bus = EventBus()
    bus.attach(Refusing())
    bus.publish(event())
    assert bus.flush(5)
    assert bus.statistics().exporters[0].details == {"spans_refused": 1}
    bus.close(5)


def test_an_exporter_whose_own_statistics_fail_is_still_reported():
    """Its bug costs its details, and is counted."""
    bus = EventBus()
    broken = Refusing()
    broken.statistics = lambda: 1 / 0
    bus.attach(broken)
    row = bus.statistics().exporters[0]
    assert row.details == {}
    assert bus.statistics().counters["statistics_failures"] >= 1
    bus.close(5)


def test_a_flush_that_works_mends_no_export_that_fails(caplog):
    """An exporter is healthy again when the call that failed succeeds, not when another does."""
    bus = EventBus()
    bus.attach(Refusing(ValueError("no")), max_attempts=1, backoff=0)
    bus.publish(event())
    with caplog.at_level(logging.WARNING, "tracebus"):
        bus.flush(5)
    assert bus.statistics().exporters[0].healthy is False
    assert not [record for record in caplog.records if "works again" in record.message]
    bus.close(5)


def test_a_deadline_that_passed_is_logged_without_a_traceback(caplog):
    """Where in our code it passed tells nobody anything."""
    bus = EventBus()
    bus.attach(Refusing(TimeoutError("the backend did not answer in 5 s")), max_attempts=1, backoff=0)
    with caplog.at_level(logging.WARNING, "tracebus"):
        bus.publish(event())
        bus.flush(5)
    (record,) = [record for record in caplog.records if "failed" in record.message]
    assert "did not answer in 5 s" in record.message
    assert record.exc_info is None
    bus.close(5)
