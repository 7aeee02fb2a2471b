"""Calls that return LangChain's v3 stream objects: the runs begin, go on and end while these are read.

LangChain's v3 streams (`ChatModelStream`, `GraphRunStream`) are no iterators to be stepped inside a
scope: they have many faces, each of which drives the run, in whatever context the reader is in. So
the program gets the very object LangChain made, and what observes travels with the call: a handler of
its own in the config's callbacks, which every run below inherits.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables.config import var_child_runnable_config

from tracebus.sources.callbacks._handler import TracebusHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tracebus.sources.callbacks._handler import Listener
    from tracebus.sources.tracking._call import Call

KNOWN_VERSIONS = ("v1", "v2", "v3")
"""Versions of the event streams that are read."""
_STEPPED_VERSIONS = (None, "v1", "v2")
"""Versions of the event streams that are iterators, as every other stream of LangChain's is."""
_READING = ("__iter__", "__aiter__", "__next__", "__anext__", "__await__")
_SILENT = ("langgraph.pregel._remote_run_stream",)
_PLAIN = (str, bytes, dict, list, tuple, set, frozenset)


def works_later(method: str, arguments: Mapping[str, Any]) -> bool:
    """Tell whether *method*, so called, returns an object that works when it is read."""
    return "stream" in method and arguments.get("version") not in _STEPPED_VERSIONS


def is_stream_object(result: Any) -> bool:
    """Recognise what can be read but is neither data nor an iterator."""
    kind = type(result)
    if issubclass(kind, _PLAIN) or hasattr(kind, "__len__") or hasattr(kind, "model_fields"):
        return False
    return any(hasattr(kind, way) for way in _READING)


def carrying(
    recorders: tuple[Listener, ...], call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return a call's arguments with a handler for *recorders* in the config, the second of them."""
    positional = len(args) > 1
    config = args[1] if positional else kwargs.get("config")
    given = None if config is None else config.get("callbacks")
    inherited = _inherited() if given is None else given
    if _observes(inherited, recorders):
        return args, kwargs
    own = {**(config or {}), "callbacks": _joined(inherited, TracebusHandler(recorders, call))}
    return ((args[0], own, *args[2:]), kwargs) if positional else (args, {**kwargs, "config": own})


def is_not_told_of(stream: Any, *, carried: bool) -> bool:
    """Tell whether nothing of what *stream* does when it is read will be heard of.

    LangChain's own kinds of objects, of a method that was not known to return such; and the v3 streams
    of remote graphs, which fire no callbacks, where `_remote_stream` did not find what it knows.
    """
    module = type(stream).__module__
    if module in _SILENT and not hasattr(stream, "_told_by_tracebus"):
        return True
    return not carried and module.startswith(("langchain", "langgraph"))


def when_dropped(stream: Any, forgotten: Callable[[], None]) -> None:
    """Call *forgotten* once nobody can read *stream* any more."""
    try:
        finalizer = weakref.finalize(stream, forgotten)
    except TypeError:
        return  # cannot be watched: its runs end when LangChain says so, or the bus closes
    finalizer.atexit = False


def _inherited() -> Any:
    ambient = var_child_runnable_config.get()
    return None if ambient is None else ambient.get("callbacks")


def _observes(callbacks: Any, recorders: tuple[Listener, ...]) -> bool:
    """Tell whether the run around the call is observed by *recorders*, as those below it then are."""
    handlers = callbacks if isinstance(callbacks, list) else getattr(callbacks, "inheritable_handlers", ())
    return any(
        isinstance(handler, TracebusHandler) and set(recorders) <= set(handler.recorders)
        for handler in handlers
    )


def _joined(callbacks: Any, handler: TracebusHandler) -> Any:
    """Return *callbacks*, in any of the forms LangChain takes, and *handler*; the first is not changed."""
    if isinstance(callbacks, BaseCallbackManager):
        manager = callbacks.copy()
        manager.add_handler(handler, inherit=True)
        return manager
    return [*(callbacks or ()), handler]
