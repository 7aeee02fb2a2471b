"""One call made through `astream_events`, and the events its callbacks record."""

from __future__ import annotations

from collections import deque
from importlib.metadata import version
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from msgspec.structs import force_setattr

from tracebus.capture import CapturedError
from tracebus.events import Outcome, RunStarted
from tracebus.sources.attaching._filters import FILTERS, Filter, is_filtered
from tracebus.sources.attaching._iterators import ScopedAsyncIterator
from tracebus.sources.attaching._later import works_later
from tracebus.sources.attaching._observed_call import ObservedCall
from tracebus.sources.callbacks._handler import TracebusHandler
from tracebus.sources.callbacks._recorder import Recorder
from tracebus.sources.stream_events._reader import StreamReader
from tracebus.sources.tracking._call import Call
from tracebus.sources.tracking._fate import fate_of
from tracebus.sources.tracking._outcomes import outcome_of
from tracebus.sources.tracking._tracker import RunTracker

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Mapping

    from langchain_core.runnables import Runnable

    from tracebus.capture import Capture
    from tracebus.events import RunEvent
    from tracebus.sources.tracking._open_run import OpenRun


class DrivenCall:
    """A call whose stream of dictionaries drives it, and whose events come from callbacks.

    Dictionaries of runs no callback told of are read for what they say: those of a Runnable that runs
    elsewhere (`RemoteRunnable`).
    """

    def __init__(self, capture: Capture, arguments: Mapping[str, Any]) -> None:
        self.emitted: deque[RunEvent] = deque()
        """The events so far; whoever reads them takes them out."""
        self._arguments = {"version": "v2", **arguments}
        self._shown: _Shown | None = None
        if is_filtered(arguments):
            self._shown = _Shown(self.emitted, self._filter(arguments))
        self._told: set[str] = set()
        self._tracker = RunTracker(self._emit, reap=False)
        self._recorder = Recorder(self._tracker, capture)
        self._reader = StreamReader(self._tracker, capture)

    def _filter(self, arguments: Mapping[str, Any]) -> Filter | None:
        """Return what chooses the runs where the stream itself does not; it is spared the arguments then."""
        if not works_later("astream_events", self._arguments):
            return None
        self._arguments = {name: value for name, value in self._arguments.items() if name not in FILTERS}
        return Filter(arguments)

    async def start(self, runnable: Runnable[Any, Any], value: Any, config: Any) -> AsyncIterable[Any]:
        """Return the stream to be read: each item goes to `read`, its end to `finish`.

        Raises:
            TypeError: the stream is to be of v3, and the installed LangChain has none.
        """
        call = ObservedCall(self._recorder, Call(None, value))
        args, arguments = (value, config), dict(self._arguments)
        if not works_later("astream_events", arguments):
            stream: Any = runnable.astream_events(*args, **arguments)
            return ScopedAsyncIterator(stream, call)
        given, arguments = call.carried_by(args, arguments)
        with call.step():
            later: Any = runnable.astream_events(*given, **arguments)
            if not isawaitable(later):
                had = version("langchain-core")
                raise TypeError(
                    f"langchain-core {had} has no v3 streams for {type(runnable).__name__}: "
                    'ask for version="v2", or install langchain-core 1.4 (and langgraph 1.2) or newer'
                )
            opened: AsyncIterable[Any] = await later
        return opened

    def read(self, item: Any) -> None:
        """Take in one item of the stream."""
        run_id = item.get("run_id") if isinstance(item, dict) else None
        if self._shown is not None and run_id is not None:
            self._shown.show(str(run_id))
        if (run_id is None and self._told) or str(run_id) in self._told:
            return
        self._reader.read(item)

    def finish(self, error: BaseException | None) -> None:
        """Close what the stream left open: it is over, by *error* or by exhaustion."""
        for run in reversed(self._tracker.open_runs()):
            if isinstance(run.owner, TracebusHandler):
                self._close(run, error)
        self._reader.finish(error)

    def _emit(self, event: RunEvent, _bound: int | None) -> None:
        if isinstance(event, RunStarted):
            self._told.add(event.run_id)
        if self._shown is None:
            self.emitted.append(event)
        else:
            self._shown.take(event)

    def _close(self, run: OpenRun, error: BaseException | None) -> None:
        failed = error is not None and run.parent is None
        outcome = outcome_of(error) if error is not None and failed else fate_of(run, Outcome.OK)
        described = CapturedError(error, run.capture) if error and outcome is Outcome.ERROR else None
        self._tracker.end(run.key, outcome, error=described)


class _Shown:
    """The events of the runs a filtered stream shows; each hangs on the nearest run shown above it."""

    def __init__(self, emitted: deque[RunEvent], chosen: Filter | None) -> None:
        self._emitted = emitted
        self._filter = chosen
        self._parents: dict[str, str | None] = {}
        self._held: dict[str, list[RunEvent]] = {}
        self._shown: set[str] = set()

    def take(self, event: RunEvent) -> None:
        if isinstance(event, RunStarted):
            self._parents[event.run_id] = event.parent_run_id
            if self._filter is not None and self._filter.shows(event):
                self.show(event.run_id)
        if event.run_id in self._shown:
            self._emitted.append(self._rehung(event))
        else:
            self._held.setdefault(event.run_id, []).append(event)

    def show(self, run_id: str) -> None:
        self._shown.add(run_id)
        for event in self._held.pop(run_id, ()):
            self._emitted.append(self._rehung(event))

    def _rehung(self, event: RunEvent) -> RunEvent:
        above = [run_id for run_id in self._above(event.run_id) if run_id in self._shown]
        force_setattr(event, "parent_run_id", above[0] if above else None)
        force_setattr(event, "root_run_id", above[-1] if above else event.run_id)
        return event

    def _above(self, run_id: str) -> list[str]:
        found: list[str] = []
        parent = self._parents.get(run_id)
        while parent is not None:
            found.append(parent)
            parent = self._parents.get(parent)
        return found
