"""A run that is cancelled, or left to itself, when its one viewer leaves."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from tracebus.events import ErrorInfo, Outcome, RunEnded, RunKind, RunStarted
from tracebus_exporters.web.watching._hub import Hub
from tracebus_exporters.web.watching._source import BusSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tracebus.bus import EventBus
    from tracebus_exporters.web.watching._content import View

__all__ = ["Session"]

_logger = logging.getLogger("tracebus.web")

_CLOSE_TIMEOUT = 5.0

# A task nobody holds may be collected before it is done.
_background: set[asyncio.Task[Any]] = set()


class Session:
    """One run and its one viewer."""

    def __init__(
        self,
        bus: EventBus,
        root_id: str,
        run: AsyncIterator[Any],
        frames: Callable[[Hub], AsyncIterator[bytes]],
        *,
        frame: float,
        view: View,
        cancel: bool,
    ) -> None:
        self._bus = bus
        self._root_id = root_id
        self._run = run
        self._frames = frames
        self._frame = frame
        self._view = view
        self._cancel = cancel

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the viewer's frames; leaving early cancels the run or leaves it to itself."""
        hub = Hub(BusSource(self._bus), frame=self._frame, view=self._view)
        await hub.start()
        task = _keep(asyncio.create_task(self._consume()))
        try:
            async for frame in self._frames(hub):
                yield frame
        finally:
            # Not awaited here: a client that went away has this very task cancelled.
            if self._cancel:
                task.cancel()
            _keep(asyncio.create_task(_close(task, hub)))

    async def _consume(self) -> None:
        """Run the chain to its end; the events tell how it went."""
        try:
            async for _ in self._run:
                pass
        except Exception as error:
            _logger.info("a streamed run failed", exc_info=True)
            if not self._bus.statistics().published:
                self._never_began(error)
        finally:
            await self._bus.aclose(_CLOSE_TIMEOUT)

    def _never_began(self, error: Exception) -> None:
        """Tell the viewer of a failure before the first callback, such as an input of the wrong type."""
        ids: dict[str, Any] = {"run_id": self._root_id, "root_run_id": self._root_id, "time": time.time_ns()}
        described = ErrorInfo(type=type(error).__qualname__, message=str(error))
        self._bus.publish(RunStarted(kind=RunKind.UNKNOWN, name="run", **ids))
        self._bus.publish(RunEnded(outcome=Outcome.ERROR, error=described, **ids))


async def _close(task: asyncio.Task[None], hub: Hub) -> None:
    await asyncio.gather(task, return_exceptions=True)
    await hub.close()


def _keep(task: asyncio.Task[Any]) -> asyncio.Task[Any]:
    _background.add(task)
    task.add_done_callback(_background.discard)
    return task
