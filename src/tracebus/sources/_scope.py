"""Where LangChain learns of us: one configure hook, scoped by a context variable.

`register_configure_hook` appends to a global list, so it is called once per process
(langchain#32300). LangChain only ever calls `.get()` on what is registered; ours answers with the
handler of the innermost scope joined with the process-wide one, or with `None`, whereupon nothing
is added to anybody's callbacks.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakValueDictionary

from langchain_core.tracers.context import register_configure_hook

from tracebus.sources._handler import TracebusHandler

if TYPE_CHECKING:
    from contextvars import Token

    from langchain_core.callbacks import BaseCallbackHandler

    from tracebus.capture import Capture
    from tracebus.sources._recorder import Recorder
    from tracebus.sources._tracker import RunTracker

_scoped: ContextVar[TracebusHandler | None] = ContextVar("tracebus_scope", default=None)
_process: TracebusHandler | None = None
_installed: Recorder | None = None
_witness: Recorder | None = None


class _Hook:
    """What LangChain takes for a `ContextVar` of a handler."""

    def get(self) -> TracebusHandler | None:
        """Return the handler to add to the run that is being configured, if any."""
        scoped = _scoped.get()
        if _process is None:
            return scoped
        return _process if scoped is None else _joined(_process, scoped.recorders)


def current_handler() -> TracebusHandler | None:
    """Return the handler that runs starting here are observed by, if any."""
    return _HOOK.get()


def enter(recorder: Recorder) -> Token[TracebusHandler | None]:
    """Observe with *recorder* from here on in this context; give the token to `leave`."""
    return _scoped.set(handler_with(recorder))


def handler_with(recorder: Recorder) -> TracebusHandler:
    """Return the handler of *recorder* and the scopes around."""
    current = _scoped.get()
    return recorder.handler if current is None else _joined(current, (recorder,))


def leave(token: Token[TracebusHandler | None]) -> None:
    """Undo `enter`."""
    _scoped.reset(token)


def observe_process(recorder: Recorder | None) -> None:
    """Observe the whole process with *recorder*, or with nothing."""
    global _installed  # noqa: PLW0603 -- one per process is what it means
    _installed = recorder
    _combine()


def witness_process(recorder: Recorder | None) -> None:
    """Observe the whole process with *recorder*, too, whatever else does: a test's recorder; or no longer."""
    global _witness  # noqa: PLW0603 -- likewise
    _witness = recorder
    _combine()


def _combine() -> None:
    """Put what observes the whole process into one handler."""
    global _process  # noqa: PLW0603 -- likewise
    if _installed is None or _witness is None:
        only = _installed or _witness
        _process = None if only is None else only.handler
    else:
        _process = _joined(_installed.handler, (_witness,))


def scoped_capture(tracker: RunTracker) -> Capture | None:
    """Return the capture policy of the innermost scope that observes into *tracker*'s bus."""
    handler = _scoped.get()
    if handler is not None:
        for recorder in handler.recorders:
            if recorder.tracker is tracker:
                return recorder.capture
    return None


# Weak, so that a union lives while a scope or a run uses it and keeps no bus alive.
_unions: WeakValueDictionary[tuple[TracebusHandler, tuple[Recorder, ...]], TracebusHandler] = (
    WeakValueDictionary()
)


def _joined(outer: TracebusHandler, inner: tuple[Recorder, ...]) -> TracebusHandler:
    """Return a handler for *inner*'s recorders and those of *outer*'s that serve other buses."""
    if all(recorder in outer.recorders for recorder in inner):
        return outer
    key = (outer, inner)
    if (known := _unions.get(key)) is not None:
        return known
    buses = {id(recorder.tracker) for recorder in inner}
    kept = tuple(recorder for recorder in outer.recorders if id(recorder.tracker) not in buses)
    union = _unions[key] = TracebusHandler(kept + inner)
    return union


_HOOK = _Hook()


def _register() -> None:
    hook: Any = _HOOK
    register_configure_hook(cast("ContextVar[BaseCallbackHandler | None]", hook), inheritable=True)


_register()
