"""v3 streams of LangGraph's `RemoteGraph`: what the server sends is recorded as the program reads it.

No subscription is opened for us. The SDK's stream passes every event by two methods, one for what the program
has subscribed to and one for the run's lifecycle, which is always read; both are made to tell us.
"""

from __future__ import annotations

import functools
import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tracebus._when_imported import when_imported
from tracebus.events import Outcome
from tracebus.sources.attaching._later import when_dropped
from tracebus.sources.attaching._observed_call import ObservedCall
from tracebus.sources.attaching._remote_graph import RemoteRun
from tracebus.sources.callbacks._handler import TracebusHandler, guarded, report
from tracebus.sources.callbacks._scope import current_handler
from tracebus.sources.reading._messages import captured
from tracebus.sources.reading._odd import run_key
from tracebus.sources.tracking._call import Call, current_call
from tracebus.sources.tracking._outcomes import outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["tell_of_remote_streams"]

_MODULE = "langgraph.pregel._remote_run_stream"
_SYNC, _ASYNC = "_RemoteGraphRunStream", "_AsyncRemoteGraphRunStream"
_TOLD = "_told_by_tracebus"
_OVER = ("completed", "failed")


class RemoteStream(RemoteRun):
    """The run that one such stream starts and reads. Its events may come from several threads."""

    def __init__(self, handler: TracebusHandler, stream: Any) -> None:
        sdk, start = stream._sdk, stream._start_kwargs  # noqa: SLF001  # nothing else has them
        graph = SimpleNamespace(name=sdk.assistant_id, assistant_id=sdk.assistant_id, config=None)
        config = {**(start["config"] or {}), "metadata": start["metadata"]}
        config["configurable"] = {**(config.get("configurable") or {}), "thread_id": sdk.thread_id}
        super().__init__(handler, graph, start["input"], config, {"version": "v2"})
        self._seen: set[str] = set()
        self._lock = threading.RLock()
        self._reads = self._over = self._ended = False
        self._state: Any = None
        _tap(sdk, "_apply_lifecycle_event", self.hear_of_life)
        _tap(sdk, "_fetch_state", self.hear_state)

    def listen(self, stream: Any) -> None:
        """Hear of what the program subscribes to, now that the SDK's stream is open."""
        _tap(stream._sdk._controller, "_observe_event", self.hear)  # noqa: SLF001  # as above

    @guarded
    def hear(self, event: Mapping[str, Any]) -> None:
        """Take an event of those the program reads."""
        with self._lock:
            self._reads = True
            if self._is_new(event):
                self.take(event)
            if _is_over(event):
                self._over = True
                self._end()

    @guarded
    def hear_of_life(self, event: Mapping[str, Any]) -> None:
        """Take an event of the run's lifecycle, which may be ahead of what the program reads."""
        with self._lock:
            if _is_over(event):
                self._over = True
                if not self._reads and _error_in(event):
                    self.take(event)
            elif self._is_new(event):
                self.take(event)

    @guarded
    def hear_state(self, state: Any) -> None:
        """Take the thread's state, which the program asked for."""
        with self._lock:
            self._state = state.get("values") if isinstance(state, dict) else None
            if self._over and not self._reads:
                self._end()

    @guarded
    def closed(self, error: BaseException | None, outcome: Outcome | None = None) -> None:
        """The program reads no further."""
        with self._lock:
            if error is not None and not self._over:
                outcome = outcome_of(error)
            self._end(outcome, error)

    def _is_new(self, event: Mapping[str, Any]) -> bool:
        event_id = str(event.get("event_id"))
        if event_id in self._seen:
            return False
        self._seen.add(event_id)
        return True

    def _end(self, outcome: Outcome | None = None, error: BaseException | None = None) -> None:
        if self._ended:
            return
        self._ended = True
        if outcome is Outcome.ERROR and error is not None:
            self.fail(error)
            return
        for recorder, reader in self._readers:
            reader.finish(None)
            said = Outcome.INTERRUPTED if reader.interrupts else Outcome.OK
            failed = reader.error
            fate = Outcome.ERROR if failed is not None else said
            if not self._over and (fate is Outcome.OK or outcome is Outcome.CANCELLED):
                fate = outcome or Outcome.ABANDONED
            outputs = self._state if reader.state is None else reader.state
            if (run := recorder.tracker.get(run_key(self._id))) is not None:
                kept = None if outputs is None else captured(outputs, run.capture)
                recorder.tracker.end(run.key, fate, outputs=kept, error=failed)


def tell_of_remote_streams() -> None:
    """Have v3 streams of remote graphs tell whoever observes, as soon as the program has imported them."""
    when_imported(_MODULE, _tell)


def _tell() -> None:
    module = sys.modules.get(_MODULE)
    for name, enter, leave in ((_SYNC, "__enter__", "__exit__"), (_ASYNC, "__aenter__", "__aexit__")):
        kind: Any = getattr(module, name, None)
        if kind is None or hasattr(kind.__init__, "__wrapped__"):
            continue
        asynchronous = name == _ASYNC
        kind.__init__ = _noting(kind.__init__)
        setattr(kind, enter, (_aentering if asynchronous else _entering)(getattr(kind, enter)))
        setattr(kind, leave, (_aleaving if asynchronous else _leaving)(getattr(kind, leave)))
        if asynchronous:
            kind.__aiter__ = _hearing(kind.__aiter__)  # has a subscription of its own
        kind.abort = (_aleaving if asynchronous else _leaving)(kind.abort, Outcome.CANCELLED)


def _noting(init: Callable[..., None]) -> Callable[..., None]:
    """Return `__init__` so that it notes who observes: the program may read elsewhere."""

    @functools.wraps(init)
    def noted(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        if (handler := current_handler()) is not None:
            call = current_call.get() or Call(None)
            setattr(self, _TOLD, TracebusHandler(handler.recorders, call))
            if current_call.get() is None:
                when_dropped(self, ObservedCall(handler.recorders[-1], call).forgotten)

    return noted


def _begun(stream: Any) -> RemoteStream | None:
    handler = getattr(stream, _TOLD, None)
    if not isinstance(handler, TracebusHandler):
        return None
    try:
        told = RemoteStream(handler, stream)
    except Exception as error:  # noqa: BLE001  # the user's program is sacred: what we do wrong ends here
        report(handler, "RemoteStream", error)
        return None
    setattr(stream, _TOLD, told)
    return told


def _listening(told: RemoteStream | None, stream: Any) -> None:
    if told is not None:
        try:
            told.listen(stream)
        except Exception as error:  # noqa: BLE001  # as above
            report(told, "RemoteStream.listen", error)


def _entering(enter: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(enter)
    def entered(self: Any) -> Any:
        told = _begun(self)
        try:
            result = enter(self)
        except BaseException as error:
            _left(self, error)
            raise
        _listening(told, self)
        return result

    return entered


def _aentering(enter: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(enter)
    async def entered(self: Any) -> Any:
        told = _begun(self)
        try:
            result = await enter(self)
        except BaseException as error:
            _left(self, error)
            raise
        _listening(told, self)
        return result

    return entered


def _leaving(leave: Callable[..., Any], outcome: Outcome | None = None) -> Callable[..., Any]:
    @functools.wraps(leave)
    def left(self: Any, *exc_info: Any) -> Any:
        try:
            return leave(self, *exc_info)
        finally:
            _left(self, exc_info[1] if exc_info else None, outcome)

    return left


def _aleaving(leave: Callable[..., Any], outcome: Outcome | None = None) -> Callable[..., Any]:
    @functools.wraps(leave)
    async def left(self: Any, *exc_info: Any) -> Any:
        try:
            return await leave(self, *exc_info)
        finally:
            _left(self, exc_info[1] if exc_info else None, outcome)

    return left


class _Heard:
    """An async iterator of events that tells of each, and is *wrapped* in all else."""

    def __init__(self, wrapped: Any, hear: Callable[[Any], None]) -> None:
        self._wrapped = wrapped
        self._hear = hear

    def __aiter__(self) -> _Heard:
        return self

    async def __anext__(self) -> Any:
        event = await anext(self._wrapped)
        self._hear(event)
        return event

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)


def _hearing(aiter_of: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(aiter_of)
    def heard(self: Any) -> Any:
        events = aiter_of(self)
        told = getattr(self, _TOLD, None)
        if isinstance(told, RemoteStream) and not isinstance(events, _Heard):
            events = self._events_aiter = _Heard(events, told.hear)
        return events

    return heard


def _left(stream: Any, error: BaseException | None, outcome: Outcome | None = None) -> None:
    told = getattr(stream, _TOLD, None)
    if isinstance(told, RemoteStream):
        told.closed(error, outcome)


def _tap(owner: Any, method: str, hear: Callable[[Any], None]) -> None:
    """Have *owner* tell *hear* of what it passes to, or gets from, its own *method*."""
    original = getattr(owner, method)

    @functools.wraps(original)
    def tapped(*args: Any) -> Any:
        result = original(*args)
        if not args and hasattr(result, "__await__"):
            return _awaited(result, hear)
        hear(args[0] if args else result)
        return result

    setattr(owner, method, tapped)


async def _awaited(result: Any, hear: Callable[[Any], None]) -> Any:
    value = await result
    hear(value)
    return value


def _is_over(event: Mapping[str, Any]) -> bool:
    params = event.get("params") or {}
    about = params.get("data") or {}
    return event.get("method") == "lifecycle" and not params.get("namespace") and about.get("event") in _OVER


def _error_in(event: Mapping[str, Any]) -> bool:
    return ((event.get("params") or {}).get("data") or {}).get("event") == "failed"
