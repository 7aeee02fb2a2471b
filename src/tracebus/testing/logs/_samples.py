"""Runs to store, and what the checks have in common."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from tracebus.events import (
    ErrorInfo,
    Gap,
    ModelInfo,
    Outcome,
    RunEnded,
    RunKind,
    RunStarted,
    RunStreamed,
    TokenUsage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tracebus.events import Event
    from tracebus.logs import Log

__all__ = ["PATIENCE", "START", "LogCheck", "OpenLog", "anonymous", "names", "opened", "pages", "sample_run"]

OpenLog: TypeAlias = "Callable[[], Log]"
"""Opens the log under test; every call gives a new object onto the same store."""

LogCheck: TypeAlias = "Callable[[OpenLog], None]"

START = 1_800_000_000_000_000_000
PATIENCE = 20.0
"""Seconds to wait for what must come; only a broken log waits that long."""


def sample_run(
    run_id: str,
    *,
    time: int = START,
    tokens: int = 3,
    outcome: Outcome = Outcome.OK,
    name: str = "answer",
    model: str = "sample-1",
    seconds: float = 1.0,
    **start: Any,
) -> list[Event]:
    """Return the events of a chain *run_id* with one streaming model run below it.

    Args:
        run_id: the root's id; the model run's is `{run_id}-model`.
        time: when it starts, nanoseconds since the epoch.
        tokens: chunks the model streams, and output tokens it reports, beside 10 input tokens.
        outcome: how the chain ends; the model run always ends well.
        name: the chain's name.
        model: the name of the model that answers.
        seconds: how long the chain takes.
        start: further fields of the chain's `RunStarted`.
    """
    child: dict[str, Any] = {
        "run_id": f"{run_id}-model",
        "parent_run_id": run_id,
        "root_run_id": run_id,
    }
    end = time + int(seconds * 1e9)
    error = ErrorInfo(type="ValueError", message="no") if outcome is Outcome.ERROR else None
    start = {"kind": RunKind.CHAIN, "inputs": {"question": "why?"}} | start
    return [
        RunStarted(time=time, run_id=run_id, root_run_id=run_id, name=name, **start),
        RunStarted(time=time + 1, kind=RunKind.CHAT_MODEL, name="model", **child),
        *(RunStreamed(time=time + 2 + n, text=f"word{n} ", **child) for n in range(tokens)),
        RunEnded(
            time=end - 1,
            outcome=Outcome.OK,
            usage=TokenUsage(input_tokens=10, output_tokens=tokens, total_tokens=10 + tokens),
            model=ModelInfo(name=model),
            **child,
        ),
        RunEnded(time=end, run_id=run_id, root_run_id=run_id, outcome=outcome, error=error),
    ]


@contextlib.contextmanager
def opened(open_log: OpenLog) -> Iterator[Log]:
    log = open_log()
    try:
        yield log
    finally:
        log.close()


def pages(log: Log, limit: int) -> Iterator[Event]:
    after = 0
    while page := log.read(after, limit):
        yield from page
        after = page[-1].seq


def anonymous(events: Sequence[Event]) -> list[Event]:
    """Return *events* without their positions."""
    return [msgspec.structs.replace(event, seq=0) for event in events]


def names(events: Sequence[Event]) -> list[str]:
    return [event.root_run_id for event in events if not isinstance(event, Gap)]
