"""The W3C trace context (`traceparent`) active around a chain, read when its root run starts.

tracebus itself knows no tracing library. Whoever does (the OpenTelemetry exporter) registers a
reader here; the sources ask it once per root run, in the user's own context, and put the answer
into `RunStarted.traceparent`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["read", "register", "unregister"]

_logger = logging.getLogger("tracebus")

_readers: tuple[Callable[[], str | None], ...] = ()


def register(reader: Callable[[], str | None]) -> None:
    """Ask *reader* for the active W3C `traceparent` at every start of a root run.

    It is called synchronously on the user's path, so it must be cheap; registering it twice counts
    once. A reader that raises is logged and not asked again.
    """
    global _readers  # noqa: PLW0603 -- copy on write, so that `read` needs no lock
    if reader not in _readers:
        _readers += (reader,)


def unregister(reader: Callable[[], str | None]) -> None:
    """Ask *reader* no more."""
    global _readers  # noqa: PLW0603 -- copy on write, so that `read` needs no lock
    _readers = tuple(known for known in _readers if known is not reader)


def read() -> str | None:
    """Return the active `traceparent`, or `None` where no reader knows one."""
    for reader in _readers:
        try:
            if (traceparent := reader()) is not None:
                return traceparent
        except Exception:
            _logger.exception("the ambient trace context reader %r failed and is asked no more", reader)
            unregister(reader)
    return None
