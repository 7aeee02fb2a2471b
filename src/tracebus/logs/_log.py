"""The contract every durable log keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from tracebus.events import Event
    from tracebus.logs._runs import RunQuery, RunSummary

__all__ = ["Log", "Retention"]


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How much a log keeps; `None` is no limit."""

    max_size: int | None = None
    """Bytes on disk or in the server's memory; the oldest events go first."""
    max_age: float | None = None
    """Seconds since an event was stored."""


@runtime_checkable
class Log(Protocol):
    """A store of events that can be written, read again and followed live.

    A position is an integer: the `seq` of an event in this log. The log gives it, whatever `seq`
    the event had before; positions are contiguous from 1, so a jump means events are missing, and a
    reader who meets one gets a `Gap` first. An appended `Gap` takes as many positions as it misses.

    The order of one root run's events is the order they were appended in.

    A log is an `Exporter`: `export` appends. One object may write from one thread and be read from
    others. Nothing is opened or created before the first call that needs it.
    """

    @property
    def url(self) -> str:
        """The URL that opens this log again, without a password."""
        ...

    def append(self, events: Sequence[Event], /) -> int:
        """Store *events*, all or none, and return the position of the last event of the log.

        What has been returned from survives the end of this process.

        Raises:
            InvalidLogError: the URL names no log that can be written.
            OSError: the disk is full, the place is read-only, the server is away.
        """
        ...

    def read(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return up to *limit* events with positions above *after*, oldest first.

        `after=0` begins with the oldest event the log still holds. With another position, a first
        `Gap` counts what the log no longer has. An empty list means there is nothing further yet.

        Raises:
            InvalidLogError: what the URL names is no log, or is damaged.
        """
        ...

    def follow(self, after: int | None = None) -> AsyncGenerator[Event, None]:
        """Yield the events with positions above *after*, then new ones as they arrive, without end.

        `None` begins with the next event to arrive, 0 with the oldest the log holds.
        """
        ...

    def head(self) -> int:
        """Return the position of the newest event, 0 for an empty log."""
        ...

    def runs(self, query: RunQuery, /) -> list[RunSummary]:
        """Return the runs *query* asks for, the latest started first."""
        ...

    def find_run(self, run_id: str, /) -> RunSummary | None:
        """Return the run of this id, or of the one id that begins with it, or else ends with it.

        Raises:
            InvalidLogError: several runs' ids do.
        """
        ...

    def read_run(self, root_run_id: str, /) -> list[Event]:
        """Return every stored event of the root run *root_run_id* and of the runs below it."""
        ...

    def lost(self) -> frozenset[str]:
        """Return the ids of the runs that are open while the process that wrote them is gone."""
        ...

    def prune(self, retention: Retention, /) -> int:
        """Remove the oldest events until *retention* holds; return how many were removed."""
        ...

    def export(self, batch: Sequence[Event], /) -> None:
        """Append *batch*."""
        ...

    def flush(self, timeout: float, /) -> None:
        """Bring what was appended to where it survives this process, within *timeout* seconds."""
        ...

    def close(self) -> None:
        """Release what the log holds. Idempotent; the next call that needs the log opens it again."""
        ...
