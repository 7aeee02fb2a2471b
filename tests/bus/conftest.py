"""Events in one call, and buses that are closed after the test."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracebus.bus import EventBus
from tracebus.events import Outcome, RunEnded, RunKind, RunStarted, RunStreamed
from tracebus.testing import IncrementingClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

sys.path.insert(0, str(Path(__file__).parent))


class Make:
    """Short ways to write events."""

    def streamed(self, text: str = "x", run_id: str = "r") -> RunStreamed:
        return RunStreamed(time=1, run_id=run_id, root_run_id=run_id, text=text)

    def started(self, run_id: str, parent: str | None = None, **fields) -> RunStarted:
        return RunStarted(
            time=1,
            run_id=run_id,
            parent_run_id=parent,
            root_run_id="root",
            kind=RunKind.CHAIN,
            name=run_id,
            **fields,
        )

    def ended(self, run_id: str) -> RunEnded:
        return RunEnded(time=2, run_id=run_id, root_run_id="root", outcome=Outcome.OK)


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture
def new_bus() -> Iterator[Callable[..., EventBus]]:
    """Make buses that are closed after the test."""
    buses: list[EventBus] = []

    def new(capacity: int = 65_536) -> EventBus:
        buses.append(EventBus(capacity, clock=IncrementingClock()))
        return buses[-1]

    yield new
    for bus in buses:
        bus.close(5)


@pytest.fixture
def bus(new_bus) -> EventBus:
    return new_bus()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """An event something hangs on, set at the end of the test at the latest."""
    event = threading.Event()
    yield event
    event.set()
