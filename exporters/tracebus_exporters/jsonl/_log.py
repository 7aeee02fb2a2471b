"""The file of JSON Lines as a log."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from tracebus.events import Gap, encode_json, settle_all
from tracebus.exceptions import InvalidLogError
from tracebus.logs import (
    Losses,
    Options,
    Retention,
    find_run_by_scan,
    find_runs_by_scan,
    follow_by_polling,
    parse_duration,
    parse_log_url,
    parse_size,
    read_run_by_scan,
    require_writable,
)
from tracebus_exporters.jsonl._file import append_lines, locked, opened
from tracebus_exporters.jsonl._parts import PartWriter, is_part, needed_parts
from tracebus_exporters.jsonl._tail import PRUNED, Tail, event_in, require_log

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from pathlib import Path

    from tracebus.events import Event
    from tracebus.logs import RunQuery, RunSummary

__all__ = ["JsonlLog", "from_url"]

_PRUNE_EVERY = 10_000
_EVERYTHING = Retention()


class JsonlLog:
    """A file of JSON Lines. Keeps the contract of `tracebus.logs.Log`.

    A line takes one position, a `Gap`'s line as many as it misses; a line that is no event is
    counted as a gap of one.

    Args:
        path: the file; it is created readable for this user alone.
        retention: how much to keep; looked after while appending.
        clock: nanoseconds since the epoch; ages are by the events' own times.
        parts: write long texts and messages once, to which later lines refer; with `False` every line is
            a whole event, for `jq` and `grep`, and a long agent's file grows with the square of its steps.
    """

    exit_timeout = 60.0
    """Seconds the end of a process waits: what is stored on this machine arrives if it takes longer."""

    def __init__(
        self,
        path: Path,
        *,
        retention: Retention = _EVERYTHING,
        clock: Callable[[], int] = time.time_ns,
        parts: bool = True,
    ) -> None:
        self.path = path
        self._refers_back = parts
        self._parts = PartWriter()
        self.retention = retention
        self._clock = clock
        self._tail = Tail(path)
        self._losses = Losses()
        self._until_prune = _PRUNE_EVERY

    def __repr__(self) -> str:
        return f"JsonlLog({str(self.path)!r})"

    @property
    def url(self) -> str:
        """The URL that opens this log again."""
        return f"jsonl:{self.path}"

    def append(self, events: Sequence[Event], /) -> int:
        """Write *events* with one write and return the position of the last event of the log."""
        settle_all(events)
        with locked(self.path) as file:
            require_log(file, self.path)
            data, new = self._parts.lines(file, events) if self._refers_back else (_lines(events), set())
            append_lines(file, data)
            self._parts.written(file, data, new)
            position = self._tail.head(file)
        self._until_prune -= len(events)
        if self._until_prune <= 0:
            self._until_prune = _PRUNE_EVERY
            self.prune(self.retention)
        return position

    def read(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return up to *limit* events with positions above *after*, oldest first."""
        return self._tail.read(after, limit)

    async def follow(self, after: int | None = None) -> AsyncGenerator[Event, None]:
        """Yield the events with positions above *after*, then new ones as they arrive, without end."""
        tail = Tail(self.path)
        begin = self.head() if after is None else after
        async for event in follow_by_polling(tail.read, begin, changed=tail.changed):
            yield event

    def head(self) -> int:
        """Return the position of the newest event, 0 for an empty log."""
        with opened(self.path) as file:
            return 0 if file is None else self._tail.head(file)

    def runs(self, query: RunQuery, /) -> list[RunSummary]:
        """Return the runs *query* asks for, the latest started first. Reads the whole file."""
        return find_runs_by_scan(self, query)

    def find_run(self, run_id: str, /) -> RunSummary | None:
        """Return the run of this id, or of the one id that begins with it. Reads the whole file."""
        return find_run_by_scan(self, run_id)

    def read_run(self, root_run_id: str, /) -> list[Event]:
        """Return every stored event of the root run and of the runs below it. Reads the whole file."""
        return read_run_by_scan(self, root_run_id)

    def lost(self) -> frozenset[str]:
        """Return nothing: a plain file does not know which of its writers still live."""
        return frozenset()

    def prune(self, retention: Retention, /) -> int:
        """Remove the oldest events until *retention* holds; return how many were removed.

        The rest is copied to a new file, whose first line says how many positions are gone.
        """
        with opened(self.path) as found:
            if found is None:
                return 0
        with locked(self.path) as file:
            keep = _kept_from(file, retention, self._clock())
            gone = self._tail.position_at(file, keep)
            before = self._tail.first_position(file)
            if gone <= before:
                return 0
            _replace(self.path, file, keep, gone)
        return gone - before

    def export(self, batch: Sequence[Event], /) -> None:
        """Append *batch*, after a `Gap` for what was given up while the file could not be written."""
        self._losses.store(batch, self.append)

    def check(self) -> None:
        """Refuse a place where nothing can be stored, before anything is; create nothing.

        Raises:
            InvalidLogError: it cannot be written, or is somebody else's file.
        """
        require_writable(self.path, "jsonl")
        if not self.path.is_file():
            return  # not there, or a device or a pipe, where reading may wait for ever
        with opened(self.path) as file:
            if file is not None:
                require_log(file, self.path)

    def flush(self, timeout: float, /) -> None:
        """Nothing is held back: what `append` returned from is in the file."""

    def close(self) -> None:
        """Nothing is held: the file is opened for each call."""

    def after_fork(self) -> None:
        """Make the lock anew: the thread that held it may not exist in this process."""
        self._tail = Tail(self.path)
        self._parts = PartWriter()


def _lines(events: Sequence[Event]) -> bytes:
    return b"".join([encode_json(event) + b"\n" for event in events])


def from_url(url: str) -> JsonlLog:
    """Return the log `jsonl:PATH` or `jsonl:PATH?max_size=…&max_age=…` names.

    Raises:
        InvalidLogError: there is no path, or an option is unknown or makes no sense.
    """
    parsed = parse_log_url(url)
    options = Options(url, parsed.options)
    retention = Retention(
        max_size=options.take("max_size", parse_size, None),
        max_age=options.take("max_age", parse_duration, None),
    )
    parts = options.take("parts", lambda text: text not in {"off", "0", "no"}, True)
    options.nothing_left()
    path = parsed.path()
    if path is None:
        raise InvalidLogError(f"{url!r} names no file; write jsonl:PATH")
    if parsed.place == "-":
        raise InvalidLogError(
            f"{url!r}: standard output is no log; `tracebus show RUN --events` prints events"
        )
    return JsonlLog(path.absolute(), retention=retention, parts=parts)


def _kept_from(file: BinaryIO, retention: Retention, now: int) -> int:
    """Return the offset of the first line to keep."""
    size = os.fstat(file.fileno()).st_size
    surplus = 0 if retention.max_size is None else max(0, size - retention.max_size)
    oldest = 0 if retention.max_age is None else now - int(retention.max_age * 1e9)
    file.seek(0)
    offset = 0
    for line in file:
        if is_part(line):  # goes with what comes before it; those still needed are written again
            offset += len(line)
            continue
        event = event_in(line)
        old = event is not None and event.time < oldest
        if not (offset < surplus or old or PRUNED in line):
            break
        offset += len(line)
    return offset


def _replace(path: Path, file: BinaryIO, keep: int, gone: int) -> None:
    """Put a file in place that begins at the offset *keep*; writers who wait will find it."""
    head = msgspec.json.decode(encode_json(Gap(time=time.time_ns(), missed=gone))) | {"pruned": True}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as new:
        new.write(msgspec.json.encode(head) + b"\n")
        new.writelines(needed_parts(file, keep))
        file.seek(keep)
        while block := file.read(1024 * 1024):
            new.write(block)
    temporary.replace(path)
