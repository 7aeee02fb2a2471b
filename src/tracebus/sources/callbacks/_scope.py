"""Registers our handler with LangChain: one configure hook, scoped by a context variable.

`register_configure_hook` appends to a global list, so it is called once per process
(langchain#32300). LangChain only ever calls `.get()` on what is registered; ours answers with the
handler of the innermost scope joined with the process-wide one, or with `None`, whereupon nothing
is added to anybody's callbacks.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakValueDictionary

from langchain_core.tracers.context import register_configure_hook

from tracebus.sources.callbacks._graph_callbacks import codes, into_config_of_graph
from tracebus.sources.callbacks._handler import Listener, TracebusHandler
from tracebus.sources.tracking._runner import note_runner, noted

if TYPE_CHECKING:
    from contextvars import Token

    from langchain_core.callbacks import BaseCallbackHandler

    from tracebus.capture import Capture
    from tracebus.sources.tracking._tracker import RunTracker

T = TypeVar("T")


scoped: ContextVar[TracebusHandler | None] = ContextVar("tracebus_scope", default=None)
"""The innermost scope's handler, be it left or not."""
_process: TracebusHandler | None = None
_installed: Listener | None = None
_witness: Listener | None = None


class _Hook:
    """What LangChain takes for a `ContextVar` of a handler."""

    def get(self) -> TracebusHandler | None:
        """Return the handler to add to the run that is being configured, if any."""
        handler = scoped.get()
        if _left_out_of_order:
            handler = _without_left(handler)
        if _process is not None:
            handler = _process if handler is None else _joined(_process, handler.recorders)
        if handler is not None:
            note_runner()  # LangChain asks where it is about to begin a run
            if codes:
                into_config_of_graph(handler, sys._getframe(1))  # noqa: SLF001  # no other way to the config
        elif noted.get() is not None:
            note_runner()
        return handler


def current_handler() -> TracebusHandler | None:
    """Return the handler that runs starting here are observed by, if any."""
    return _HOOK.get()


def enter(recorder: Listener) -> Token[TracebusHandler | None]:
    """Observe with *recorder* from here on in this context; give the token to `leave`."""
    return scoped.set(handler_with(recorder))


def handler_with(recorder: Listener) -> TracebusHandler:
    """Return the handler of *recorder* and the scopes around."""
    current = _in_force()
    return recorder.handler if current is None else _joined(current, (recorder,))


def leave(token: Token[TracebusHandler | None]) -> None:
    """Undo `enter`."""
    reset(scoped, token)


def reset(variable: ContextVar[T], token: Token[T]) -> bool:
    """Undo the setting of *variable* that gave *token*; return whether that could be done from here.

    It cannot in another context: a generator or coroutine that is closed by somebody else, or by the
    garbage collector. There the setting harms nobody, and ends with the context it was made in.
    """
    try:
        variable.reset(token)
    except ValueError:
        return False
    return True


class Scope:
    """One `with observing()`: may be left in another context than the one it was entered in."""

    __slots__ = ("_handler", "_token")

    def __init__(self, recorder: Listener) -> None:
        self._handler = _within(_in_force(), recorder)
        self._token = scoped.set(self._handler)

    def leave(self) -> None:
        """Observe no longer, in whatever context and order that is said."""
        global _left_out_of_order  # noqa: PLW0603  # spares every run a look at what is hardly ever there
        self._handler.left = True
        if scoped.get() is not self._handler or not reset(scoped, self._token):
            _left_out_of_order = True


_left_out_of_order = False
"""Whether a scope was ever left in another context, or before one inside it: a context still holds it."""


def _in_force() -> TracebusHandler | None:
    """Return the handler of the innermost scope that has not been left."""
    handler = scoped.get()
    return _without_left(handler) if _left_out_of_order else handler


def _without_left(handler: TracebusHandler | None) -> TracebusHandler | None:
    """Return *handler*, or what is to take its place since its scope or one around it was left."""
    if handler is None or handler.outer is None:
        return None if handler is not None and handler.left else handler
    outer = _without_left(handler.outer)
    if handler.left:
        return outer
    if outer is not handler.outer:
        if handler.instead is None or handler.instead.outer is not outer:
            handler.instead = _within(outer, handler.recorders[-1])
        return handler.instead
    return handler


def _within(outer: TracebusHandler | None, recorder: Listener) -> TracebusHandler:
    """Return a new handler for a scope of *recorder*'s inside *outer*'s."""
    kept = () if outer is None else _of_other_buses(outer, (recorder,))
    handler = TracebusHandler((*kept, recorder))
    handler.outer = outer
    return handler


def observe_process(recorder: Listener | None) -> None:
    """Observe the whole process with *recorder*, or with nothing."""
    global _installed  # noqa: PLW0603 -- one per process is what it means
    _installed = recorder
    _combine()


def witness_process(recorder: Listener | None) -> None:
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
    handler = _in_force()
    if handler is not None:
        for recorder in handler.recorders:
            if recorder.tracker is tracker:
                return recorder.capture
    return None


# Weak, so that a union lives while a scope or a run uses it and keeps no bus alive.
_unions: WeakValueDictionary[tuple[TracebusHandler, tuple[Listener, ...]], TracebusHandler] = (
    WeakValueDictionary()
)


def _joined(outer: TracebusHandler, inner: tuple[Listener, ...]) -> TracebusHandler:
    """Return a handler for *inner*'s recorders and those of *outer*'s that serve other buses."""
    if all(recorder in outer.recorders for recorder in inner):
        return outer
    key = (outer, inner)
    if (known := _unions.get(key)) is not None:
        return known
    union = _unions[key] = TracebusHandler(_of_other_buses(outer, inner) + inner)
    return union


def _of_other_buses(outer: TracebusHandler, inner: tuple[Listener, ...]) -> tuple[Listener, ...]:
    buses = {id(recorder.tracker) for recorder in inner}
    return tuple(recorder for recorder in outer.recorders if id(recorder.tracker) not in buses)


_HOOK = _Hook()


def _register() -> None:
    hook: Any = _HOOK
    register_configure_hook(cast("ContextVar[BaseCallbackHandler | None]", hook), inheritable=True)


_register()
