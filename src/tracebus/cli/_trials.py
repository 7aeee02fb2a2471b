"""Trying where events go, as `tracebus doctor` does: a small run is sent, and read back where that can be."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, NamedTuple

from tracebus import EventBus
from tracebus._destinations import canonical
from tracebus.events import RunStarted
from tracebus.exceptions import InvalidLogError
from tracebus.exporting import resolve
from tracebus.logs import RunQuery, default_log_path, open_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus.events import Event
    from tracebus.logs import Log

__all__ = ["Trial", "default_log_url", "stored_runs", "try_exit"]

PATIENCE = 10.0
"""Seconds an exit has for the small run."""
_MANY = 10_000
_PRINTED = frozenset(("console", "structlog"))


class Trial(NamedTuple):
    """What came of it."""

    works: bool
    text: str
    reads_back: bool = False


def try_exit(url: str, events: Sequence[Event]) -> Trial:
    """Send *events* of one run to *url*; those of a log are read back.

    Raises:
        Exception: whatever the exit raises when it is opened.
    """
    exporters = resolve(url)
    if canonical(url).partition(":")[0] in _PRINTED:
        for exporter in exporters:
            exporter.close()
        return Trial(works=True, text="resolves: it prints in the program's own terminal")
    problem = _send(url, events)
    if problem is not None:
        return Trial(works=False, text=problem)
    with contextlib.suppress(InvalidLogError), _opened(url) as log:
        return _read_back(log, events)
    return Trial(works=True, text="a run was sent and taken")


def _send(url: str, events: Sequence[Event]) -> str | None:
    """Return what went wrong on the way, `None` where all arrived."""
    with _listening() as said:
        bus = EventBus()
        began = time.monotonic()
        for exporter in resolve(url):
            bus.attach(exporter, linger=0.0, max_attempts=1)
        for event in events:
            bus.publish(event)
        flushed = bus.flush(PATIENCE)
        rows = bus.statistics().exporters
        closed = bus.close(max(1.0, PATIENCE - (time.monotonic() - began)))
    lost = sum(row.lost + row.missed + row.details.get("lost", 0) for row in rows)
    if flushed and closed and not lost:
        return None
    errors = [str(row.last_error) for row in rows if row.last_error] or said
    return errors[-1] if errors else f"it took nothing within {PATIENCE:g} s"


def _read_back(log: Log, events: Sequence[Event]) -> Trial:
    run_id = events[0].root_run_id if isinstance(events[0], RunStarted) else ""
    found = len(log.read_run(run_id))
    if found != len(events):
        return Trial(works=False, text=f"of {len(events)} events written, {found} could be read back")
    return Trial(works=True, text="a run was written and read back", reads_back=True)


def stored_runs(url: str) -> str:
    """Return how many root runs the log at *url* holds, in words."""
    with _opened(url) as log:
        number = len(log.runs(RunQuery(roots_only=True, limit=_MANY)))
    return f"{number:,}{' or more' if number == _MANY else ''} root run{'' if number == 1 else 's'}"


def default_log_url() -> str:
    """Return the URL of the log that viewers read without being told another."""
    return f"sqlite:{default_log_path()}"


@contextlib.contextmanager
def _opened(url: str) -> Iterator[Log]:
    log = open_log(url)
    try:
        yield log
    finally:
        log.close()


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect what tracebus would log meanwhile: the report says it instead."""
    logger, said = logging.getLogger("tracebus"), list[str]()

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    handler, propagates = Collector(), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates
