"""What `EventBus.attach` returns."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from tracebus.bus._lifecycle import see_off

if TYPE_CHECKING:
    from tracebus.bus._statistics import ExporterStatistics
    from tracebus.bus._worker import Worker

__all__ = ["ExporterHandle"]


class ExporterHandle:
    """An exporter at work on a bus."""

    def __init__(self, worker: Worker, siblings: list[Worker]) -> None:
        self._worker = worker
        self._siblings = siblings

    def __repr__(self) -> str:
        return f"<ExporterHandle {self.name!r}>"

    @property
    def name(self) -> str:
        """The exporter's name in statistics and log messages."""
        return self._worker.name

    def statistics(self) -> ExporterStatistics:
        """Return the exporter's numbers as they stand."""
        return self._worker.statistics()

    def flush(self, timeout: float = 5.0) -> bool:
        """Have the exporter take what is published so far; return whether it did within *timeout* seconds."""
        if self._worker.is_current_thread:
            return False
        return self._worker.request_flush(time.monotonic() + timeout).wait()

    def detach(self, timeout: float = 5.0) -> bool:
        """Deliver what is published so far, flush and close the exporter, and take it off the bus.

        Returns whether that was done within *timeout* seconds. What was not counts as lost. An
        exporter may detach itself; it then ends after the call of `export` it is in, and this
        returns False at once.
        """
        deadline = time.monotonic() + timeout
        with suppress(ValueError):  # detached before
            self._siblings.remove(self._worker)
        see_off((self._worker,), deadline)
        return self._worker.ended_well(deadline)
