"""The open runs at one position of a log, by which a tree is corrected after a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import RunStarted


class OpenRuns(Protocol):
    """The open runs at one position of a log: what `EventBus.snapshot()` returns."""

    @property
    def seq(self) -> int:
        """The position: everything up to it is accounted for."""

    @property
    def open(self) -> Sequence[RunStarted]:
        """The starts of the runs open there."""
