"""Runs of LangGraph's `RemoteGraph`, which fires no callbacks: its `stream` and `astream` are made to report.

`invoke` and `ainvoke` call these, and so does a graph that has one as a node, whose program no wrapper of
ours ever sees. So the class itself is made to tell whoever observes; to the program it is as before.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tracebus._when_imported import when_imported
from tracebus.events import Outcome, RunKind
from tracebus.sources.callbacks._handler import TracebusHandler, guarded, report
from tracebus.sources.callbacks._scope import current_handler
from tracebus.sources.reading._messages import captured
from tracebus.sources.reading._odd import run_key
from tracebus.sources.stream_events._forms import Part, part_of
from tracebus.sources.stream_events._graph_parts import GraphPartReader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

_MODULE = "langgraph.pregel.remote"


class RemoteRun:
    """One call of a remote graph, told to everything that *handler* records into."""

    def __init__(
        self, handler: TracebusHandler, graph: Any, value: Any, config: Any, how: Mapping[str, Any]
    ) -> None:
        self._handler = handler
        self._id = uuid4()
        self._last: Any = None
        self._modes = how.get("stream_mode") or "updates"
        self._how = how
        about, configurable = _config_of(graph, config)
        namespace = configurable.get("checkpoint_ns")
        caller = tuple(namespace.split("|")) if isinstance(namespace, str) and namespace else ()
        handler.on_chain_start(
            None,
            value,
            run_id=self._id,
            parent_run_id=getattr(about.get("callbacks"), "parent_run_id", None),
            kind=RunKind.GRAPH,
            name=about.get("run_name") or graph.name,
            tags=about.get("tags"),
            metadata={**(about.get("metadata") or {}), **_identified(graph, configurable)},
        )
        self._readers = [
            (recorder, GraphPartReader(recorder.tracker, run.capture, root=run, caller=caller))
            for recorder in handler.recorders
            if (run := recorder.tracker.get(run_key(self._id))) is not None and run.owner is handler
        ]

    @guarded
    def take(self, chunk: Any) -> None:
        """Tell of what the graph has streamed."""
        part = self._part(chunk)
        if part is None:
            self._last = chunk
            return
        self._last = part.data
        for _, reader in self._readers:
            reader.read(part)

    @guarded
    def end(self) -> None:
        """Tell that the stream is over."""
        for recorder, reader in self._readers:
            reader.finish(None)
            outputs = self._last if reader.state is None else reader.state
            outcome = Outcome.INTERRUPTED if reader.interrupts else Outcome.OK
            if (run := recorder.tracker.get(run_key(self._id))) is not None:
                kept = None if outputs is None else captured(outputs, run.capture)
                recorder.tracker.end(run.key, outcome, outputs=kept)

    @guarded
    def fail(self, error: BaseException) -> None:
        """Tell that the call was left by *error*."""
        for _, reader in self._readers:
            reader.finish(error)
        self._handler.on_chain_error(error, run_id=self._id)

    @property
    def recorders(self) -> Any:
        """Who is told."""
        return self._handler.recorders

    def _part(self, chunk: Any) -> Part | None:
        """Return *chunk*, in whichever form this call's arguments give it, as a part."""
        if self._how.get("version") == "v2" or not isinstance(self._modes, str):
            return part_of(chunk)
        if self._how.get("subgraphs"):
            return Part(self._modes, tuple(chunk[0]), chunk[1])
        return Part(self._modes, (), chunk)


def tell_of_remote_graphs() -> None:
    """Have `RemoteGraph` tell whoever observes, as soon as the program has imported it."""
    when_imported(_MODULE, _tell)


def _tell() -> None:
    remote: Any = getattr(sys.modules.get(_MODULE), "RemoteGraph", None)
    if remote is not None and not hasattr(remote.stream, "__wrapped__"):
        remote.stream = _telling(remote.stream)
        remote.astream = _atelling(remote.astream)


def _begun(graph: Any, value: Any, config: Any, how: Mapping[str, Any]) -> RemoteRun | None:
    handler = _observer(config)
    if handler is None:
        return None
    try:
        return RemoteRun(handler, graph, value, config, how)
    except Exception as error:  # noqa: BLE001  # the user's program is sacred: what we do wrong ends here
        report(handler, "RemoteRun", error)
        return None


def _telling(stream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(stream)
    def told(self: Any, input: Any, config: Any = None, **how: Any) -> Generator[Any, None, None]:  # noqa: A002  # LangChain's name
        chunks = stream(self, input, config, **how)
        run = _begun(self, input, config, how)
        if run is None:
            yield from chunks
            return
        try:
            for chunk in chunks:
                run.take(chunk)
                yield chunk
        except BaseException as error:
            run.fail(error)
            raise
        finally:
            chunks.close()
        run.end()

    return told


def _atelling(astream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(astream)
    async def told(self: Any, input: Any, config: Any = None, **how: Any) -> AsyncGenerator[Any, None]:  # noqa: A002  # LangChain's name
        chunks = astream(self, input, config, **how)
        run = _begun(self, input, config, how)
        try:
            async for chunk in chunks:
                if run is not None:
                    run.take(chunk)
                yield chunk
        except BaseException as error:
            if run is not None:
                run.fail(error)
            raise
        finally:
            await chunks.aclose()
        if run is not None:
            run.end()

    return told


def _observer(config: Any) -> TracebusHandler | None:
    """Return the handler the call is observed by: the scope's, or that of the run around."""
    if (scoped := current_handler()) is not None:
        return scoped
    callbacks = config.get("callbacks") if isinstance(config, Mapping) else None
    handlers = callbacks if isinstance(callbacks, list) else getattr(callbacks, "handlers", ())
    return next((one for one in handlers if isinstance(one, TracebusHandler)), None)


def _config_of(graph: Any, config: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the call's config joined with the graph's own, and what is configurable in it."""
    bound = getattr(graph, "config", None) or {}
    given = config if isinstance(config, Mapping) else {}
    about = {**bound, **{name: value for name, value in given.items() if value}}
    configurable = {**(bound.get("configurable") or {}), **(given.get("configurable") or {})}
    return about, configurable


def _identified(graph: Any, configurable: Mapping[str, Any]) -> dict[str, Any]:
    thread = configurable.get("thread_id")
    return {"assistant_id": graph.assistant_id, **({} if thread is None else {"thread_id": thread})}
