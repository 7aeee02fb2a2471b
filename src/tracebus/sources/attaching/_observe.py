"""`observe`: any Runnable, watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from langchain_core.runnables import Runnable

from tracebus.sources.attaching._observed import Observed
from tracebus.sources.attaching._watching import watched
from tracebus.sources.attaching._wiring import bus_for, recorder_for
from tracebus.sources.reading._odd import as_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.bus import EventBus
    from tracebus.capture import Capture
    from tracebus.exporting import Destination
    from tracebus.watching import Budget, Loops

__all__ = ["observe"]

Input = TypeVar("Input")
Output = TypeVar("Output")


def observe(
    runnable: Runnable[Input, Output],
    *,
    to: Destination | Iterable[Destination] = (),
    bus: EventBus | None = None,
    capture: Capture | None = None,
    name: str | None = None,
    budget: Budget | None = None,
    loops: Loops | None = None,
) -> Observed[Input, Output]:
    """Return *runnable* as it is, but watched: same values, exceptions, streams and order.

    What it returns offers the wrapped object's whole interface; Runnables its methods return
    (`bind_tools`, `with_retry`, `|` …) are watched too. As a context manager it closes the bus it
    made, or flushes the one it was given.

    Args:
        runnable: a chain, model, tool, retriever, graph: any LangChain Runnable.
        to: exporters, functions of a batch, or URLs; see `tracebus.exporting.resolve`. Without it
            and without *bus*, events go to `TRACEBUS_TO` or the embedded log.
        bus: record into this bus.
        capture: what of the content is captured; the default policy captures all but secrets.
        name: what the root runs are called, instead of the Runnable's own name.
        budget: what each root run may use; nothing is stopped, see `tracebus.Budget`. Without it
            `TRACEBUS_BUDGET` counts.
        loops: what counts as running in circles, for all root runs on the bus; without it `TRACEBUS_LOOPS`
            or the default of `tracebus.watching.Loops` counts.

    Raises:
        TypeError: *runnable* is no Runnable.
        UnknownExporterError: a URL in *to* that nobody answers for.
        ClosedBusError: *bus* is closed.
    """
    if not isinstance(runnable, Runnable):
        raise TypeError(
            f"observe() takes a LangChain Runnable, not {type(runnable).__name__}; "
            "wrap a function in RunnableLambda first"
        )
    target, owned = bus_for(to, bus)
    recorder = recorder_for(target, capture)
    called = None if name is None else as_name(name)
    begins = watched(target, recorder.tracker, budget, loops, each=True)
    return Observed(runnable, target, recorder, name=called, owned=owned, begins=begins)
