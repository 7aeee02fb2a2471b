"""Observing everything inside a `with`, or the whole process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tracebus.sources.attaching._watching import watched
from tracebus.sources.attaching._wiring import bus_for, observe_process_into, recorder_for
from tracebus.sources.callbacks import _scope

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from tracebus.bus import EventBus
    from tracebus.capture import Capture
    from tracebus.exporting import Destination
    from tracebus.watching import Budget, Loops

__all__ = ["install", "observing", "uninstall"]

CLOSE_TIMEOUT = 5.0
"""Seconds an owned bus gets to bring its events out when a `with` ends."""


class observing:  # noqa: N801 -- used like a function, as `contextlib.suppress` is
    """Observe every Runnable called inside the `with` (or `async with`), which yields the bus.

    The bus and what is attached to it is closed at the end if it was made here, flushed otherwise.
    Threads started inside observe too where they copy the context, as LangChain's own do. It may be left
    in another context than it was entered in (a fixture, a dependency of a web framework, another task).

    Args:
        to: exporters, functions of a batch, or URLs; see `tracebus.exporting.resolve`. Without it
            and without *bus*, events go to `TRACEBUS_TO` or the embedded log.
        bus: record into this bus; it stays open at the end.
        capture: what of the content is captured; the default policy captures all but secrets.
        budget: what each root run on the bus may use; see `tracebus.Budget`. `TRACEBUS_BUDGET` where not
            given.
        loops: what counts as running in circles; `TRACEBUS_LOOPS` or the default where not given.

    Raises:
        UnknownExporterError: a URL in *to* that nobody answers for.
        ClosedBusError: *bus* is closed.
    """

    def __init__(
        self,
        *,
        to: Destination | Iterable[Destination] = (),
        bus: EventBus | None = None,
        capture: Capture | None = None,
        budget: Budget | None = None,
        loops: Loops | None = None,
    ) -> None:
        self.bus, self._owned = bus_for(to, bus)
        self._recorder = recorder_for(self.bus, capture)
        watched(self.bus, self._recorder.tracker, budget, loops)
        self._scopes: list[_scope.Scope] = []

    def __enter__(self) -> EventBus:
        self._scopes.append(_scope.Scope(self._recorder))
        return self.bus

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._scopes.pop().leave()
        if self._owned and not self._scopes:
            self.bus.close(CLOSE_TIMEOUT)
        else:
            self.bus.flush(CLOSE_TIMEOUT)

    async def __aenter__(self) -> EventBus:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._scopes.pop().leave()
        if self._owned and not self._scopes:
            await self.bus.aclose(CLOSE_TIMEOUT)
        else:
            await self.bus.aflush(CLOSE_TIMEOUT)


_lock = threading.Lock()
_installed: tuple[EventBus, bool] | None = None


def install(
    *,
    to: Destination | Iterable[Destination] = (),
    bus: EventBus | None = None,
    capture: Capture | None = None,
    budget: Budget | None = None,
    loops: Loops | None = None,
) -> EventBus:
    """Observe every Runnable of the process from now on, and return the bus.

    Installing again replaces what was installed before. Takes and raises what `observing` does.
    """
    global _installed  # noqa: PLW0603 -- one per process is what it means
    uninstall()
    with _lock:
        target, owned = bus_for(to, bus)
        recorder = recorder_for(target, capture)
        _scope.observe_process(recorder)
        watched(target, recorder.tracker, budget, loops)
        observe_process_into(target)
        _installed = (target, owned)
        return target


def uninstall() -> None:
    """Stop observing the process, and close the bus if `install` made it."""
    global _installed
    with _lock:
        before, _installed = _installed, None
        _scope.observe_process(None)
        observe_process_into(None)
    if before is not None:
        bus, owned = before
        if owned:
            bus.close(CLOSE_TIMEOUT)
        else:
            bus.flush(CLOSE_TIMEOUT)
