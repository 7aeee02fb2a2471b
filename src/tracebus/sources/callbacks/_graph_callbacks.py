"""LangGraph's own callbacks: that a graph pauses, and that it goes on.

LangGraph calls them on handlers of its `GraphCallbackHandler` class that stand in the call's own
`config["callbacks"]`. Ours gets that class as soon as the program has imported it, and comes into the
config of an outermost graph, where only LangChain's configure hook has put it, when that hook is asked.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from langchain_core.tracers import BaseTracer

from tracebus._when_imported import when_imported
from tracebus.sources.callbacks._handler import TracebusHandler, hear_all_of

if TYPE_CHECKING:
    from types import CodeType, FrameType

__all__ = ["begins_graph", "codes", "into_config_of_graph", "listen_to_graphs", "seconds_given"]

_CALLBACKS, _GRAPHS = "langgraph.callbacks", "langgraph.pregel.main"
_METHODS = ("stream", "astream")
"""Of `Pregel`: by these it runs, whichever way it is called."""
_BETWEEN = 3
"""Frames from who asks the hook to these: `_configure`, `configure`, `get_callback_manager_for_config`."""

_WITHIN = 8
"""Frames from `begins_graph` to them, where a graph begins its own run; its nodes begin further in."""

codes: list[CodeType] = []
"""The code of these, once LangGraph is imported. A list: to find code in a set takes a hash of all of it."""


def listen_to_graphs() -> None:
    """Become one of LangGraph's handlers, once the program has imported what it takes."""
    # LangGraph's `TracePolicy` shapes what tracers are told, and tells all others the raw payload.
    BaseTracer.register(TracebusHandler)
    when_imported(_CALLBACKS, _become_one)
    when_imported(_GRAPHS, _find_codes)


def into_config_of_graph(handler: TracebusHandler, asking: FrameType | None) -> None:
    """Put *handler* into the config of the call that a graph, if it is one *asking*, has just begun."""
    for _ in range(_BETWEEN):
        asking = None if asking is None else asking.f_back
    if asking is None or asking.f_code not in codes:
        return
    config: dict[str, Any] = asking.f_locals.get("config") or {}
    callbacks = config.get("callbacks")
    if callbacks is None or (isinstance(callbacks, list) and handler not in callbacks):
        config["callbacks"] = [*(callbacks or ()), handler]


def begins_graph() -> bool:
    """Tell whether the run that LangChain tells of at this moment is a graph's own.

    Older LangGraphs mark nothing by which a graph with a name could be told from a chain.
    """
    return bool(codes) and _beginning(sys._getframe(1)) is not None  # noqa: SLF001  # as above


def seconds_given() -> float:
    """Return how many seconds each step of the graph that begins at this moment may take; 0 where any."""
    frame = _beginning(sys._getframe(1))  # noqa: SLF001  # as above
    graph = None if frame is None else frame.f_locals.get("self")
    seconds = getattr(graph, "step_timeout", None)
    return float(seconds) if isinstance(seconds, int | float) else 0.0


def _beginning(frame: FrameType | None) -> FrameType | None:
    for _ in range(_WITHIN):
        if frame is None:
            break
        code = frame.f_code
        if code.co_name in _METHODS and code in codes:
            return frame
        frame = frame.f_back
    return None


def _become_one() -> None:
    graph_handler: Any = getattr(sys.modules.get(_CALLBACKS), "GraphCallbackHandler", None)
    if graph_handler is not None and graph_handler not in TracebusHandler.__mro__:
        hear_all_of(graph_handler)
        TracebusHandler.__bases__ = (graph_handler,)  # of the handlers there are as well


def _find_codes() -> None:
    graph = getattr(sys.modules.get(_GRAPHS), "Pregel", None)
    found = (getattr(getattr(graph, name, None), "__code__", None) for name in _METHODS)
    codes[:] = [code for code in found if code is not None]
