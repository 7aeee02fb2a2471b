"""The embedded log as one object."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

from tracebus.exceptions import InvalidLogError
from tracebus.logs import (
    Losses,
    Options,
    Retention,
    default_log_path,
    follow_by_polling,
    parse_duration,
    parse_log_url,
    parse_size,
    require_writable,
)
from tracebus_exporters.sqlite._connection import open_for_reading
from tracebus_exporters.sqlite._producer import BEAT_EVERY
from tracebus_exporters.sqlite._reader import Reader
from tracebus_exporters.sqlite._retention import Pruner
from tracebus_exporters.sqlite._writer import Writer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from pathlib import Path

    from tracebus.events import Event
    from tracebus.logs import RunQuery, RunSummary

__all__ = ["DEFAULT_RETENTION", "SqliteLog", "from_url"]

_logger = logging.getLogger("tracebus")

DEFAULT_RETENTION = Retention(max_size=1_000_000_000, max_age=30 * 86_400.0)
_PRUNE_EVERY = 10_000
"""Events appended by this process between two looks at what should go."""

_left_to_parent: list[object] = []
"""Connections inherited by a fork. Closing one in the child would remove files the parent uses."""


class SqliteLog:
    """The embedded log: one SQLite database in WAL mode. Keeps the contract of `tracebus.logs.Log`.

    Args:
        path: the database file; it and missing directories are created for this user alone.
        retention: how much to keep; looked after while appending.
        clock: nanoseconds since the epoch, by which producers are found to be gone.
    """

    exit_timeout = 60.0
    """Seconds the end of a process waits: what is stored on this machine arrives if it takes longer."""

    def __init__(
        self,
        path: Path,
        *,
        retention: Retention = DEFAULT_RETENTION,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.path = path
        self.retention = retention
        self._clock = clock
        self._writer = Writer(path, clock)
        self._reader = Reader(path, clock)
        self._pid = os.getpid()
        self._pruner = Pruner(retention)
        self._losses = Losses()
        self._until_prune = 0
        self._stop_beating: threading.Event | None = None
        # For a log that is forgotten. Not at exit: the bus may have something to store then.
        weakref.finalize(self, _release, self._writer, self._reader).atexit = False

    def __repr__(self) -> str:
        return f"SqliteLog({str(self.path)!r})"

    @property
    def url(self) -> str:
        """The URL that opens this log again."""
        return f"sqlite:{self.path}"

    def append(self, events: Sequence[Event], /) -> int:
        """Store *events* in one transaction and return the position of the last event of the log."""
        self._check_process()
        position = self._writer.append(events)
        self._keep_beating()
        self._until_prune -= len(events)
        if self._until_prune <= 0 and not self._prune_a_slice(self._pruner):
            self._until_prune = _PRUNE_EVERY
        return position

    def read(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return up to *limit* events with positions above *after*, oldest first."""
        self._check_process()
        return self._reader.read(after, limit)

    async def follow(self, after: int | None = None) -> AsyncGenerator[Event, None]:
        """Yield the events with positions above *after*, then new ones as they arrive, without end."""
        self._check_process()
        reader = Reader(self.path, self._clock)
        try:
            begin = reader.head() if after is None else after
            events = follow_by_polling(reader.read, begin, changed=reader.changed)
            async for event in events:
                yield event
        finally:
            reader.close()

    def head(self) -> int:
        """Return the position of the newest event, 0 for an empty log."""
        self._check_process()
        return self._reader.head()

    def runs(self, query: RunQuery, /) -> list[RunSummary]:
        """Return the runs *query* asks for, the latest started first."""
        self._check_process()
        return self._reader.runs(query)

    def find_run(self, run_id: str, /) -> RunSummary | None:
        """Return the run of this id, or of the one id that begins with it."""
        self._check_process()
        return self._reader.find_run(run_id)

    def read_run(self, root_run_id: str, /) -> list[Event]:
        """Return every stored event of the root run *root_run_id* and of the runs below it."""
        self._check_process()
        return self._reader.read_run(root_run_id)

    def lost(self) -> frozenset[str]:
        """Return the ids of the runs that are open while the process that wrote them is gone."""
        self._check_process()
        return self._reader.lost()

    def prune(self, retention: Retention, /) -> int:
        """Remove the oldest events until *retention* holds; return how many were removed."""
        self._check_process()
        if not self._writer.opened and not self.path.exists():
            return 0
        removed, pruner = 0, Pruner(retention)
        while step := self._prune_a_slice(pruner):
            removed += step
        return removed

    def export(self, batch: Sequence[Event], /) -> None:
        """Append *batch*, after a `Gap` for what was given up while the log could not be written."""
        self._losses.store(batch, self.append)

    def check(self) -> None:
        """Refuse a place where nothing can be stored, before anything is; create nothing.

        Raises:
            InvalidLogError: it cannot be written, or what is there is no log of ours.
        """
        require_writable(self.path, "sqlite")
        if (connection := open_for_reading(self.path)) is not None:
            connection.close()

    def flush(self, timeout: float, /) -> None:
        """Nothing is held back: what `append` returned from is stored."""

    def close(self) -> None:
        """Say that this process writes no more, and release the file."""
        self._check_process()
        if self._stop_beating is not None:
            self._stop_beating.set()
            self._stop_beating = None
        self._writer.close()
        self._reader.close()

    def after_fork(self) -> None:
        """Leave the connections to the parent process; the child opens its own."""
        self._pid = os.getpid()
        self._stop_beating = None
        _left_to_parent.extend((self._writer.abandon(), self._reader.abandon()))

    def _prune_a_slice(self, pruner: Pruner) -> int:
        return self._writer.transact(lambda connection: pruner.step(connection, self._clock()))

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            self.after_fork()

    def _keep_beating(self) -> None:
        if self._stop_beating is None:
            self._stop_beating = threading.Event()
            threading.Thread(
                target=_beat,
                args=(weakref.ref(self._writer), self._stop_beating),
                name="tracebus-sqlite-heartbeat",
                daemon=True,
            ).start()


def _release(writer: Writer, reader: Reader) -> None:
    """Close the connections of a log that nobody has any more, unless they are another process's."""
    if writer.pid != os.getpid():
        _left_to_parent.extend((writer.abandon(), reader.abandon()))
        return
    try:
        writer.close()
    except (OSError, InvalidLogError) as error:
        _logger.debug("the log could not be told that this process is done: %s", error)
    reader.close()


def _beat(writer: weakref.ref[Writer], stop: threading.Event) -> None:
    """Give signs of life until told to stop or until the log is forgotten."""
    while not stop.wait(BEAT_EVERY):
        found = writer()
        if found is None:
            return
        try:
            found.beat()
        except (OSError, InvalidLogError) as error:
            _logger.debug("the log could not be told that this process lives: %s", error)
        del found


def from_url(url: str) -> SqliteLog:
    """Return the log `sqlite:`, `sqlite:PATH` or `sqlite:PATH?max_size=…&max_age=…` names.

    Raises:
        InvalidLogError: an option is unknown or its value makes no sense.
    """
    parsed = parse_log_url(url)
    options = Options(url, parsed.options)
    retention = Retention(
        max_size=options.take("max_size", _or_off(parse_size), DEFAULT_RETENTION.max_size),
        max_age=options.take("max_age", _or_off(parse_duration), DEFAULT_RETENTION.max_age),
    )
    options.nothing_left()
    return SqliteLog((parsed.path() or default_log_path()).absolute(), retention=retention)


def _or_off(parse: Callable[[str], float]) -> Callable[[str], int | None]:
    """Return *parse* with `off` understood as no limit."""
    return lambda text: None if text == "off" else int(parse(text))
