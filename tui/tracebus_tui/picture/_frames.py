"""The frames: one task that draws at its pace, and at once when a key asks for it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus_tui.picture._pace import Pace

_APART = 1 / 60
"""Seconds between two frames at least, however fast keys come."""


class Frames:
    """Calls *draw* again and again, on the event loop that runs it.

    Args:
        pace: says when.
        draw: draws a frame.
        turning: tells whether a spinner or a clock is in sight.
        refused: tells whether the terminal still has pictures to draw.
    """

    def __init__(
        self, pace: Pace, draw: Callable[[], None], turning: Callable[[], bool], refused: Callable[[], bool]
    ) -> None:
        self.pace = pace
        self._draw = draw
        self._turning = turning
        self._refused = refused
        self._asked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._dozing = False

    async def run(self) -> None:
        """Draw until cancelled."""
        self._loop = asyncio.get_running_loop()
        core = time.thread_time()
        while True:
            began = time.monotonic()
            self._asked.clear()
            self._draw()
            before, core = core, time.thread_time()
            self.pace.spent(began, core - before, refused=self._refused())
            rest = self.pace.rest(began, turning=self._turning())
            self._dozing = rest > 1 / self.pace.fps
            await self._until(began + rest)
            self._dozing = False
            await asyncio.sleep(max(0.0, began + _APART - time.monotonic()))

    def hurry(self) -> None:
        """Draw the next frame now: something happened that must be seen at once."""
        self.pace.wake(time.monotonic())
        self._asked.set()

    def arrived(self) -> None:
        """Note that events have come; from any thread, at next to no cost while frames come anyway."""
        if self._dozing and self._loop is not None:
            self._dozing = False
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody looks any more
                self._loop.call_soon_threadsafe(self.hurry)

    async def _until(self, due: float) -> None:
        """Wait for *due* or somebody in a hurry; without an exception, which would be garbage each time."""
        alarm = asyncio.get_running_loop().call_later(max(0.0, due - time.monotonic()), self._asked.set)
        try:
            await self._asked.wait()
        finally:
            alarm.cancel()
