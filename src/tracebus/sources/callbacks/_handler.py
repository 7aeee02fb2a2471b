"""The callback handler LangChain calls."""

from __future__ import annotations

import functools
import logging
import sys
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler

from tracebus.sources.callbacks._inline import ASKS_WITH_CARE, in_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.sources.callbacks._recorder import Recorder
    from tracebus.sources.tracking._call import Call

_logger = logging.getLogger("tracebus")

_reported: set[tuple[str, type[BaseException]]] = set()


def report(told: Any, method: str, error: Exception) -> None:
    """Count a bug of ours on the bus of each of *told*'s recorders, and log it once per place."""
    for recorder in told.recorders:
        recorder.tracker.count("callback_errors")
    if (method, type(error)) not in _reported:
        _reported.add((method, type(error)))
        _logger.warning("tracebus failed in %s; what it missed is counted", method, exc_info=error)


def _telling(method: str) -> Any:
    """Return a callback that tells every recorder by *method*, with what LangChain passed.

    Typed as anything: untyped keyword arguments are LangChain's, and every version adds some. Nothing
    of ours that goes wrong reaches the user's program.
    """

    def tell(self: TracebusHandler, *args: Any, **kwargs: Any) -> None:
        try:
            for recorder in self.recorders:
                getattr(recorder, method)(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  # the user's program is sacred: what we do wrong ends here
            report(self, method, error)

    return tell


def guarded(method: Callable[..., None]) -> Callable[..., None]:
    """Return *method*, of an object with `recorders`, so that what goes wrong in it ends there."""

    @functools.wraps(method)
    def run(self: Any, *args: Any) -> None:
        try:
            method(self, *args)
        except Exception as error:  # noqa: BLE001  # as above
            report(self, method.__qualname__, error)

    return run


class TracebusHandler(BaseCallbackHandler):
    """Tells every callback to one or more recorders, and nothing to the user's program.

    Exceptions of ours end here: logged once per place, counted on the bus, never raised.
    """

    raise_error = False

    def __init__(self, recorders: tuple[Recorder, ...], call: Call | None = None) -> None:
        self.recorders = recorders
        self.call = call
        """The one call this handler travels with, where it is not a scope's."""
        self.left = False
        """The scope it was made for has been left."""
        self.outer: TracebusHandler | None = None
        """What observed around that scope."""
        self.instead: TracebusHandler | None = None
        """What takes its place once a scope around its own was left before it."""

    @property
    def run_inline(self) -> bool:  # type: ignore[override]  # a class attribute of LangChain's, never assigned
        """Whether LangChain calls this handler in place: see `_inline`."""
        asking = sys._getframe(1)  # noqa: SLF001  # the answer depends on who asks
        return asking.f_code.co_name not in ASKS_WITH_CARE or in_place(asking, TracebusHandler)

    def __repr__(self) -> str:
        return f"<TracebusHandler of {len(self.recorders)} recorder(s)>"

    def __copy__(self) -> TracebusHandler:
        return self

    def __deepcopy__(self, memo: Any) -> TracebusHandler:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickled config goes to another process, where this one's bus does not exist.
        return (TracebusHandler, ((),))

    on_chain_start = _telling("start")
    on_chat_model_start = _telling("start_chat_model")
    on_llm_start = _telling("start_completion")
    on_tool_start = _telling("start_tool")
    on_retriever_start = _telling("start_retriever")

    on_llm_new_token = _telling("token")
    on_stream_event = _telling("protocol_event")
    on_retry = _telling("retry")
    on_custom_event = _telling("custom")
    on_text = _telling("text")
    on_agent_action = _telling("agent_action")
    on_agent_finish = _telling("agent_finish")

    # LangGraph's: see `_graph_callbacks`.
    on_interrupt = _telling("interrupted")
    on_resume = _telling("resumed")

    on_chain_end = _telling("end")
    on_retriever_end = _telling("end_retriever")
    on_tool_end = _telling("end_tool")
    on_llm_end = _telling("end_model")

    on_chain_error = _telling("fail")
    on_tool_error = _telling("fail")
    on_retriever_error = _telling("fail")
    on_llm_error = _telling("fail_model")


def hear_all_of(base: type) -> None:
    """Have our handler tell of the callbacks of *base*, a handler class of LangChain's, newer than we are."""
    for name in dir(base):
        if name.startswith("on_") and name not in vars(TracebusHandler):
            setattr(TracebusHandler, name, functools.partialmethod(_telling("unknown"), name))


KNOWN_CALLBACKS = frozenset(name for name in vars(TracebusHandler) if name.startswith("on_"))
hear_all_of(BaseCallbackHandler)
