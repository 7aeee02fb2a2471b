"""Redis Streams as one log."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tracebus.events import RunEnded, RunStarted
from tracebus.logs import summarise, the_only_run
from tracebus_exporters.redis._feed import follow
from tracebus_exporters.redis._reader import Reader
from tracebus_exporters.redis._retention import prune
from tracebus_exporters.redis._settings import Keys, Settings, settings_from
from tracebus_exporters.redis._writer import Writer, explained

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from tracebus.events import Event
    from tracebus.logs import Retention, RunQuery, RunSummary

__all__ = ["RedisLog", "from_url"]

_PATIENCE = 2.0
"""Seconds `close` tries to store what the server did not take before."""

_left_to_parent: list[object] = []


class RedisLog:
    """A log in a Redis server. Keeps the contract of `tracebus.logs.Log`.

    `append` returns once the server has the events; `export` also while it is away, holding them
    back here up to a limit. What the limit costs is counted and becomes a `Gap` in the log. Each
    batch is stored once, also when the connection broke before the server's answer.

    Events of different runs in one batch are stored run by run.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = Keys(settings.name)
        self._writer = Writer(settings, self._keys)
        self._reader = Reader(settings, self._keys)
        self._pid = os.getpid()

    def __repr__(self) -> str:
        return f"RedisLog({self.url!r})"

    @property
    def url(self) -> str:
        """The URL that opens this log again, without the password."""
        return self._settings.url

    @property
    def waiting(self) -> int:
        """How many events are held back while the server is away."""
        return self._writer.waiting

    def statistics(self) -> dict[str, int]:
        """Return how many events are held back, and how many were given up."""
        return {"waiting": self._writer.waiting, "lost": self._writer.lost}

    def append(self, events: Sequence[Event], /) -> int:
        """Store *events* and return the position of the last event of the log."""
        self._check_process()
        return self._writer.append(events)

    def read(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return up to *limit* events with positions above *after*, oldest first."""
        self._check_process()
        return self._reader.read(after, limit)

    async def follow(self, after: int | None = None) -> AsyncGenerator[Event, None]:
        """Yield the events with positions above *after*, then new ones as they arrive, without end."""
        self._check_process()
        async for event in follow(self._settings, self._keys, after):
            yield event

    def head(self) -> int:
        """Return the position of the newest event, 0 for an empty log."""
        self._check_process()
        return self._reader.head()

    def runs(self, query: RunQuery, /) -> list[RunSummary]:
        """Return the runs *query* asks for, the latest started first."""
        found = [run for run in self._summaries() if query.matches(run)]
        found.sort(key=lambda run: (run.started or 0, run.first_seq), reverse=True)
        return self._counted(found if query.limit is None else found[: query.limit])

    def find_run(self, run_id: str, /) -> RunSummary | None:
        """Return the run of this id, or of the one id that begins with it, or else ends with it."""
        every = {run.run_id: run for run in self._summaries()}
        found = [run for name, run in every.items() if name.startswith(run_id)]
        found = found or [run for name, run in every.items() if name.endswith(run_id)]
        run = every.get(run_id) or the_only_run(run_id, found)
        return None if run is None else self._counted([run])[0]

    def read_run(self, root_run_id: str, /) -> list[Event]:
        """Return every stored event of the root run *root_run_id* and of the runs below it."""
        self._check_process()
        return self._reader.read_run(root_run_id)

    def lost(self) -> frozenset[str]:
        """Return the ids of the runs that are open while the process that wrote them is gone."""
        self._check_process()
        return self._lost(*self._reader.index())

    def prune(self, retention: Retention, /) -> int:
        """Remove the oldest events until *retention* holds; return how many were removed."""
        self._check_process()
        with explained(self._settings):
            return prune(self._reader.client, self._keys, retention)

    def export(self, batch: Sequence[Event], /) -> None:
        """Store *batch*, later where the server is away."""
        self._check_process()
        self._writer.hand_over(batch)

    def flush(self, timeout: float, /) -> None:
        """Store what was held back.

        Raises:
            ConnectionError: the server did not come back within *timeout* seconds.
        """
        self._check_process()
        with explained(self._settings):
            self._writer.drain(time.monotonic() + timeout)

    def close(self) -> None:
        """Say that this process writes no more, and disconnect."""
        self._check_process()
        self._writer.close(_PATIENCE)
        self._reader.close()

    def after_fork(self) -> None:
        """Leave connections and backlog to the parent process."""
        self._pid = os.getpid()
        _left_to_parent.extend((self._writer.abandon(), self._reader))
        self._reader = Reader(self._settings, self._keys)

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            self.after_fork()

    def _summaries(self) -> list[RunSummary]:
        self._check_process()
        events, producers = self._reader.index()
        return list(summarise(events, self._lost(events, producers)))

    def _lost(self, events: Sequence[Event], producers: dict[str, str]) -> frozenset[str]:
        """Return the runs among *events* that are open while their process gives no sign of life."""
        still_open: set[str] = set()
        ended: set[str] = set()
        for event in events:
            if isinstance(event, RunStarted) and event.run_id not in ended:
                still_open.add(event.run_id)
            elif isinstance(event, RunEnded):
                ended.add(event.run_id)
                still_open.discard(event.run_id)
        alive = self._reader.alive(producers[run_id] for run_id in still_open)
        return frozenset(run_id for run_id in still_open if producers[run_id] not in alive)

    def _counted(self, found: list[RunSummary]) -> list[RunSummary]:
        """Return *found* with the root runs' events counted: the index knows starts and ends only."""
        roots = [run.run_id for run in found if run.run_id == run.root_run_id]
        about = dict(zip(roots, self._reader.about(roots), strict=True))
        return [
            replace(run, events=counts[0] or run.events, last_seq=max(run.last_seq, counts[1]))
            if (counts := about.get(run.run_id))
            else run
            for run in found
        ]


def from_url(url: str) -> RedisLog:
    """Return the log `redis://HOST[:PORT][/DB]` names; nothing is connected yet.

    Raises:
        InvalidLogError: there is no host, or an option is unknown or makes no sense.
    """
    return RedisLog(settings_from(url))
