"""What LangGraph has no callback for: cached nodes, `update_state`, a tool's output deltas.

Its own methods are made to tell whoever observes; to the program they are as before.
"""

from __future__ import annotations

import functools
import sys
from contextvars import ContextVar
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from langchain_core.runnables.config import var_child_runnable_config

from tracebus._when_imported import when_imported
from tracebus.capture import CapturedPayload
from tracebus.events import Outcome, RunKind
from tracebus.sources.callbacks._handler import TracebusHandler, report
from tracebus.sources.callbacks._scope import current_handler
from tracebus.sources.reading._chunks import streamed_chunk
from tracebus.sources.reading._messages import as_plain, captured
from tracebus.sources.reading._odd import run_key
from tracebus.sources.tracking._call import current_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from tracebus.sources.callbacks._handler import Listener
    from tracebus.sources.tracking._open_run import OpenRun

__all__ = ["tell_of_silent_graphs"]

_LOOPS, _GRAPHS, _TOOLS = "langgraph.pregel._loop", "langgraph.pregel.main", "langgraph.prebuilt.tool_node"
_CALLBACKS = "langgraph.callbacks"
_RETURNED = "__return__"
_INTERNAL = ("__", "branch:")
"""How the channels begin that are LangGraph's own."""
DELTA = "tool_output_delta"
"""What a part of a tool's output that is no text is called, as a custom event."""


def tell_of_silent_graphs() -> None:
    """Have LangGraph tell, as soon as the program has imported what it takes."""
    when_imported(_LOOPS, _tell_of_cached)
    when_imported(_GRAPHS, _tell_of_updates)
    when_imported(_TOOLS, _tell_of_deltas)


def _tell_of_cached() -> None:
    _wrap(_LOOPS, "SyncPregelLoop", "match_cached_writes", _telling_cached)
    _wrap(_LOOPS, "AsyncPregelLoop", "amatch_cached_writes", _atelling_cached)
    if find_spec(_CALLBACKS) is None:  # which say it in newer ones
        for method in ("tick", "after_tick"):
            _wrap(_LOOPS, "PregelLoop", method, _telling_pause)


def _tell_of_updates() -> None:
    _wrap(_GRAPHS, "Pregel", "bulk_update_state", _telling_update)
    _wrap(_GRAPHS, "Pregel", "abulk_update_state", _atelling_update)


def _tell_of_deltas() -> None:
    _wrap(_TOOLS, "ToolRuntime", "emit_output_delta", _telling_delta)


def _wrap(module: str, kind: str, method: str, telling: Callable[[Any], Any]) -> None:
    """Put *telling* around a method; a version that has no such method tells nothing."""
    owner: Any = getattr(sys.modules.get(module), kind, None)
    original = getattr(owner, method, None)
    if original is not None and not hasattr(original, "__wrapped__"):
        setattr(owner, method, telling(original))


def _observing(manager: Any, run_id: UUID | None) -> Iterator[tuple[Listener, OpenRun]]:
    """Yield the recorders that *manager*'s handlers tell, and the run of *run_id* as each has it."""
    if run_id is None:
        return
    for handler in getattr(manager, "handlers", ()):
        if isinstance(handler, TracebusHandler):
            for recorder in handler.recorders:
                run = recorder.tracker.get(run_key(run_id))
                if run is not None and run.owner is handler:
                    yield recorder, run


# -- pauses of a LangGraph without callbacks of its own (1.0, 1.1) -------------------------------------

_PAUSED = ("interrupt_before", "interrupt_after")
"""What the loop calls its state when it stops before or after a node."""


def _telling_pause(step: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(step)
    def told(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return step(self, *args, **kwargs)
        finally:
            if getattr(self, "status", None) in _PAUSED:
                manager = getattr(self, "manager", None)
                for _, graph in _observing(manager, getattr(manager, "run_id", None)):
                    graph.interrupted = True

    return told


# -- nodes answered by a cache -----------------------------------------------------------------------


def _telling_cached(match: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(match)
    def told(self: Any) -> Any:
        matched = match(self)
        if matched:
            _cached(self, matched)
        return matched

    return told


def _atelling_cached(match: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(match)
    async def told(self: Any) -> Any:
        matched = await match(self)
        if matched:
            _cached(self, matched)
        return matched

    return told


def _cached(loop: Any, tasks: Sequence[Any]) -> None:
    """Record nodes, or tasks, that a cache answered: they begin and end at once."""
    manager = loop.manager
    for recorder, graph in _observing(manager, getattr(manager, "run_id", None)):
        try:
            for task in tasks:
                _record_cached(recorder, graph, task)
        except Exception as error:  # noqa: BLE001  # the user's program is sacred: what we do wrong ends here
            report(graph.owner, "_record_cached", error)


def _record_cached(recorder: Listener, graph: OpenRun, task: Any) -> None:
    config = task.config or {}
    metadata = {"langgraph_node": task.name, **(config.get("metadata") or {})}
    run = recorder.tracker.start(
        str(uuid4()),
        graph.key,
        kind=RunKind.NODE,
        name=str(task.name),
        owner=graph.owner,
        capture=graph.capture,
        tags=tuple(map(str, config.get("tags") or ())),
        metadata=CapturedPayload(metadata, graph.capture, as_plain),
        inputs=captured(task.input, graph.capture),
    )
    if run is not None:
        outputs = captured(_written(task.writes), graph.capture)
        recorder.tracker.end(run.key, Outcome.OK, outputs=outputs, cached=True)


def _written(writes: Sequence[tuple[str, Any]]) -> Any:
    """Return what a node returned, out of what is written to the graph's channels."""
    told = dict(writes)
    if _RETURNED in told:
        return told[_RETURNED]
    return {name: value for name, value in told.items() if not name.startswith(_INTERNAL)}


# -- states changed by hand --------------------------------------------------------------------------

_updating: ContextVar[bool] = ContextVar("tracebus_updating", default=False)
"""An update of a sub-graph's state is one of the graph around."""


class _Update:
    """One `update_state`, as a run of its own: `with` it, and put the config it gives into `result`."""

    result: Any = None

    def __init__(self, handler: TracebusHandler, graph: Any, config: Any, supersteps: Any) -> None:
        self._handler = handler
        self._id = uuid4()
        configurable = (config or {}).get("configurable") or {}
        about = {
            name: configurable[name] for name in ("thread_id", "checkpoint_ns") if configurable.get(name)
        }
        call = current_call.set(None)  # its name is that of the graph's own runs
        try:
            handler.on_chain_start(
                None,
                _given(supersteps),
                run_id=self._id,
                kind=RunKind.CHAIN,
                name="update_state",
                metadata={"graph": str(graph.name), **about},
            )
        finally:
            current_call.reset(call)

    def __enter__(self) -> None:
        self._inside = _updating.set(True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _updating.reset(self._inside)
        if error is not None:
            self._handler.on_chain_error(error, run_id=self._id)
        else:
            configurable = (self.result or {}).get("configurable") or {}
            self._handler.on_chain_end(dict(configurable), run_id=self._id)


def _given(supersteps: Any) -> Any:
    updates = [
        {"values": update.values, **({"as_node": update.as_node} if update.as_node else {})}
        for superstep in supersteps
        for update in superstep
    ]
    return updates[0] if len(updates) == 1 else {"updates": updates}


def _begun(graph: Any, config: Any, supersteps: Any) -> _Update | None:
    handler = None if _updating.get() else current_handler()
    if handler is None:
        return None
    try:
        return _Update(handler, graph, config, supersteps)
    except Exception as error:  # noqa: BLE001  # as above
        report(handler, "update_state", error)
        return None


def _telling_update(update: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(update)
    def told(self: Any, config: Any, supersteps: Any) -> Any:
        run = _begun(self, config, supersteps)
        if run is None:
            return update(self, config, supersteps)
        with run:
            run.result = update(self, config, supersteps)
        return run.result

    return told


def _atelling_update(update: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(update)
    async def told(self: Any, config: Any, supersteps: Any) -> Any:
        run = _begun(self, config, supersteps)
        if run is None:
            return await update(self, config, supersteps)
        with run:
            run.result = await update(self, config, supersteps)
        return run.result

    return told


# -- what a tool puts out while it runs --------------------------------------------------------------


def _telling_delta(emit: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(emit)
    def told(self: Any, delta: Any) -> None:
        emit(self, delta)
        manager = (var_child_runnable_config.get() or {}).get("callbacks")
        for recorder, tool in _observing(manager, getattr(manager, "parent_run_id", None)):
            try:
                if isinstance(delta, str):
                    recorder.tracker.streamed(tool, streamed_chunk(tool, delta, None))
                else:
                    recorder.tracker.custom(tool, DELTA, captured(delta, tool.capture))
            except Exception as error:  # noqa: BLE001  # as above
                report(tool.owner, DELTA, error)

    return told
