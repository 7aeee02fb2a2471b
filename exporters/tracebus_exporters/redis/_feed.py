"""One reader a process, however many follow the log in it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING

from tracebus.events import Gap
from tracebus_exporters.redis._reader import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from tracebus.events import Event
    from tracebus_exporters.redis._settings import Keys, Settings

__all__ = ["follow"]

_logger = logging.getLogger("tracebus")

_BLOCK = 1000
"""Milliseconds the server is asked to wait; below the connection's timeout."""
_PAGE = 1000
_PENDING = 20_000
"""Events kept for a follower who is slow; one who is slower reads what it missed from the log."""
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class _Follower:
    """Pages on their way from the feed's thread to one event loop."""

    def __init__(self) -> None:
        self._pages: deque[tuple[int, list[Event]]] = deque(maxlen=_PENDING // _PAGE)
        self._arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def put(self, era: int, page: list[Event]) -> None:
        """Add *page*; called from the feed's thread."""
        self._pages.append((era, page))
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is listening any more
            self._loop.call_soon_threadsafe(self._arrived.set)

    async def page(self) -> tuple[int, list[Event]]:
        """Wait for the next page, and the number of the log it is from."""
        while not self._pages:
            self._arrived.clear()
            if not self._pages:
                await self._arrived.wait()
        return self._pages.popleft()


class _Feed:
    """The thread that reads on, for all followers of one log in this process."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys
        self._lock = threading.Lock()
        self._followers: weakref.WeakSet[_Follower] = weakref.WeakSet()
        self._thread: threading.Thread | None = None
        self.era = 0
        """Rises when the server was emptied and the log begins anew."""

    def add(self, follower: _Follower) -> None:
        """Hand pages to *follower* from now on."""
        with self._lock:
            self._followers.add(follower)
            if self._thread is None:
                self._thread = threading.Thread(target=self._read_on, name="tracebus-redis-feed", daemon=True)
                self._thread.start()

    def remove(self, follower: _Follower) -> None:
        """Hand it no more."""
        with self._lock:
            self._followers.discard(follower)

    def _read_on(self) -> None:
        """Hand on what arrives until nobody listens; wait longer and longer while the server is away."""
        reader = Reader(self._settings, self._keys)
        after: int | None = None
        pause = _FIRST_PAUSE
        while self._listened_to():
            try:
                after = reader.head() if after is None else after
                page = reader.read(after, _PAGE, _BLOCK)
            except Exception:
                _logger.debug("%s: following is interrupted", self._settings.url, exc_info=True)
                reader.close()
                threading.Event().wait(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)
                continue
            pause = _FIRST_PAUSE
            if page:
                self.era += page[0].seq <= after
                after = page[-1].seq
                self._hand_on(page)
        reader.close()

    def _listened_to(self) -> bool:
        with self._lock:
            if not self._followers:
                self._thread = None
            return self._thread is not None

    def _hand_on(self, page: list[Event]) -> None:
        with self._lock:
            followers = list(self._followers)
        for follower in followers:
            follower.put(self.era, page)


_feeds: dict[tuple[int, Settings], _Feed] = {}
_feeds_lock = threading.Lock()


@contextlib.contextmanager
def _following(settings: Settings, keys: Keys) -> Iterator[tuple[_Follower, int]]:
    """Take part in this process's feed of the log."""
    follower = _Follower()
    with _feeds_lock:
        feed = _feeds.setdefault((os.getpid(), settings), _Feed(settings, keys))
    era = feed.era
    feed.add(follower)
    try:
        yield follower, era
    finally:
        feed.remove(follower)


async def follow(settings: Settings, keys: Keys, after: int | None) -> AsyncGenerator[Event, None]:
    """Yield the events behind *after*, then new ones, without end; survive the server's absence.

    Raises:
        InvalidLogError: the server refuses us.
        ConnectionError: the server cannot be reached at the beginning.
    """
    reader = Reader(settings, keys)
    try:
        head = await asyncio.to_thread(reader.head)
        position = head if after is None else after
        with _following(settings, keys) as (follower, begun):
            era, behind = begun, True
            while True:
                if behind:
                    async for event in _stored(reader, position):
                        position = event.seq
                        yield event
                now, page = await follower.page()
                if now != era:
                    era, position = now, 0
                fresh = [event for event in page if event.seq > position]
                # The feed went on without us where it does not continue here; the log has the rest.
                behind = bool(fresh) and _begin(fresh[0]) > position
                if not behind:
                    for event in fresh:
                        position = event.seq
                        yield event
    finally:
        # Not waited for: a thread that still reads holds the connection for a moment.
        asyncio.get_running_loop().run_in_executor(None, reader.close)


async def _stored(reader: Reader, position: int) -> AsyncGenerator[Event, None]:
    """Yield what the log holds behind *position*, trying until the server answers."""
    pause = _FIRST_PAUSE
    while True:
        try:
            page = await asyncio.to_thread(reader.read, position, _PAGE)
        except ConnectionError:
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)
            continue
        if not page:
            return
        for event in page:
            yield event
        position = page[-1].seq


def _begin(event: Event) -> int:
    """Return the position before *event*."""
    return event.seq - (event.missed if isinstance(event, Gap) else 1)
