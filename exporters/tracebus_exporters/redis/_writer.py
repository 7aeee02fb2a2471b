"""Sending batches, in order, each stored once whatever the connection does."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
import weakref
from typing import TYPE_CHECKING, Any

import redis

from tracebus.exceptions import InvalidLogError
from tracebus_exporters.redis._backlog import Backlog, Batch
from tracebus_exporters.redis._packing import NEWER, pack
from tracebus_exporters.redis._parts import StoredParts
from tracebus_exporters.redis._script import AFRESH, APPEND, HEARTBEAT, LOST_AFTER
from tracebus_exporters.redis._settings import Keys, Settings, connect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus.events import Event
    from tracebus.logs import Part

__all__ = ["AWAY", "REFUSED", "Writer", "explained"]

_logger = logging.getLogger("tracebus")

REFUSED = (
    redis.AuthenticationError,
    redis.exceptions.AuthorizationError,
    redis.exceptions.NoPermissionError,
)
"""What is raised where trying again does not help."""

AWAY = (redis.RedisError, OSError)
"""What else is raised: the server cannot be reached, is loading, full, or no longer the primary."""

_PATIENCE = 5.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


_SCRIPT = APPEND.replace("{NEWER}", "".join(f"\\{byte:03d}" for byte in NEWER))


class Writer:
    """The producer this process is: its backlog, its signs of life. Thread-safe."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys
        self._lock = threading.RLock()
        self._client: Any = None
        self._append: Any = None
        self.lost = 0
        """Events given up: above the limit of the backlog, or at the end."""
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None
        self._begin()

    def _begin(self) -> None:
        self.producer = uuid.uuid4().hex
        self._number = 0
        self._backlog = Backlog(self._settings.backlog)
        self._parts = StoredParts()
        self._pause = 0.0
        self._not_before = 0.0

    @property
    def waiting(self) -> int:
        """Events in the backlog."""
        return self._backlog.events

    def append(self, events: Sequence[Event]) -> int:
        """Store *events* and return the last position; raises where the server stays away."""
        with self._lock, explained(self._settings):
            self.drain(time.monotonic() + _PATIENCE)
            if not events:
                return int(self.client.get(self._keys.seq) or 0)
            batch = Batch(pack(events))
            deadline = time.monotonic() + _PATIENCE
            while True:
                try:
                    return self._send(batch)
                except REFUSED:
                    raise
                except AWAY:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(_FIRST_PAUSE)

    def hand_over(self, events: Sequence[Event]) -> None:
        """Store *events* now, or later where the server is away."""
        batch = Batch(pack(events))
        with self._lock, explained(self._settings):
            self.lost += self._backlog.add(batch)
            self._keep_beating()
            try:
                self._try()
            except REFUSED:
                self._backlog.take_back()  # who gave it to us will offer it again
                raise

    def drain(self, deadline: float) -> None:
        """Store the backlog; raises where that fails until *deadline* (`time.monotonic`)."""
        while True:
            with self._lock:
                try:
                    self._send_backlog()
                except REFUSED:
                    raise
                except AWAY:
                    if time.monotonic() >= deadline:
                        raise
                else:
                    return
            time.sleep(min(_FIRST_PAUSE, max(0.0, deadline - time.monotonic())))

    def close(self, patience: float) -> None:
        """Store what can be stored, say that this process is done, and disconnect."""
        with self._lock:
            self._stop.set()
            self._heart = None
            if self._client is None:
                return
            try:
                self.drain(time.monotonic() + patience)
                self._client.delete(self._keys.alive(self.producer))
            except AWAY as error:
                _logger.debug("%s: %d events are lost: %s", self._settings.url, self.waiting, error)
                self.lost += self.waiting
            finally:
                self._client.close()
                self._client = None
                self._begin()
                self._stop = threading.Event()

    def abandon(self) -> Any:
        """Forget everything: it belongs to the process we were forked from."""
        client, self._client = self._client, None
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._heart = None
        self.lost = 0
        self._begin()
        return client

    @property
    def client(self) -> Any:
        """The connection; made with the first use."""
        if self._client is None:
            self._client = connect(self._settings)
            self._append = self._client.register_script(_SCRIPT)
        return self._client

    def _try(self) -> None:
        """Send the backlog, unless the last attempt failed just now."""
        if time.monotonic() < self._not_before:
            return
        try:
            self._send_backlog()
        except REFUSED:
            raise
        except AWAY as error:
            self._pause = min(_LONGEST_PAUSE, self._pause * 2 or _FIRST_PAUSE)
            self._not_before = time.monotonic() + self._pause
            if self._pause == _FIRST_PAUSE:
                _logger.warning("%s is away; events are held back: %s", self._settings.url, error)
            return
        if self._pause:
            _logger.warning("%s is back", self._settings.url)
        self._pause = self._not_before = 0.0

    def _send_backlog(self) -> None:
        self._backlog.tell_dropped()
        while (batch := self._backlog.first) is not None:
            self._send(batch)
            self._backlog.sent()

    def _send(self, batch: Batch) -> int:
        client = self.client
        if not batch.number:
            self._number += 1
            batch.number = self._number
        position, new = self._run_script(client, batch)
        if position == AFRESH:  # what we stored before has expired, or the server has forgotten it
            self._parts.forget(batch.entries)
            position, new = self._run_script(client, batch)
        self._parts.stored(batch.entries, new, position)
        self._keep_beating()
        return position

    def _run_script(self, client: Any, batch: Batch) -> tuple[int, dict[str, dict[bytes, Part]]]:
        """Have the server store *batch*; return what it says, and which parts it was given."""
        keys = [
            self._keys.seq,
            self._keys.index,
            self._keys.producer(self.producer),
            self._keys.alive(self.producer),
        ]
        arguments: list[Any] = [
            self.producer,
            batch.number,
            int(self._settings.keep * 1000),
            self._settings.run_entries,
            self._settings.runs,
        ]
        new: dict[str, dict[bytes, Part]] = {}
        for entry in batch.entries:
            root = entry.root
            keys += (self._keys.run(root), self._keys.about(root))
            keys += (self._keys.parts(root), self._keys.stamps(root))
            arguments += (root, entry.span, entry.data, entry.index, int(entry.ends), entry.places)
            arguments += self._parts.arguments(entry, new)
        return int(self._append(keys=keys, args=arguments, client=client)), new

    def _keep_beating(self) -> None:
        if self._heart is None:
            self._heart = threading.Thread(
                target=_beat,
                args=(weakref.ref(self), self._stop),
                name="tracebus-redis-heartbeat",
                daemon=True,
            )
            self._heart.start()

    def beat(self, stop: threading.Event) -> float:
        """Give a sign of life and try the backlog again; return the seconds until the next."""
        with self._lock:
            if not stop.is_set():
                try:
                    self._try()
                    if not self._backlog:
                        alive = self._keys.alive(self.producer)
                        self.client.set(alive, 1, px=int(LOST_AFTER * 1000))
                except AWAY as error:
                    _logger.debug(
                        "%s could not be told that this process lives: %s", self._settings.url, error
                    )
        return min(HEARTBEAT, self._pause or HEARTBEAT)


def _beat(writer: weakref.ref[Writer], stop: threading.Event) -> None:
    """Give signs of life until told to stop, or until the log is forgotten."""
    pause = _FIRST_PAUSE
    while not stop.wait(pause):
        found = writer()
        if found is None:
            return
        pause = found.beat(stop)
        del found


@contextlib.contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Turn redis-py's errors into ones that name the URL.

    Raises:
        InvalidLogError: the server refuses us, or what is there is not ours.
        ConnectionError: the server is away.
    """
    try:
        yield
    except REFUSED as error:
        raise InvalidLogError(f"{settings.url}: {error}; give redis://USER:PASSWORD@HOST") from error
    except redis.ResponseError as error:
        raise InvalidLogError(f"{settings.url}: {error}") from error
    except AWAY as error:
        raise ConnectionError(f"{settings.url} cannot be reached: {error}") from error
