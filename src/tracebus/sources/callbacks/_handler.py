"""The callback handler LangChain calls."""

from __future__ import annotations

import functools
import logging
import sys
from typing import TYPE_CHECKING, Any, Protocol

from langchain_core.callbacks import BaseCallbackHandler

from tracebus.events import RunKind
from tracebus.sources.callbacks._inline import ASKS_WITH_CARE, in_place
from tracebus.sources.callbacks._records import Records
from tracebus.sources.reading._classify import UNSAID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from tracebus.sources.tracking._call import Call

_logger = logging.getLogger("tracebus")

_reported: set[tuple[str, type[BaseException]]] = set()

_DISPATCHES = ("handle_event", "ahandle_event", "on_chat_model_start")
"""LangChain's functions that call the handlers of one event; the last, asynchronous, calls each by itself."""
_CHAT_MODEL = RunKind.CHAT_MODEL
_HOPS = 12
"""At most so many frames lie between these and `TracebusHandler.repeats`."""


def report(told: Any, method: str, error: Exception) -> None:
    """Count a bug of ours on the bus of each of *told*'s recorders, and log it once per place."""
    for recorder in told.recorders:
        recorder.tracker.count("callback_errors")
    if (method, type(error)) not in _reported:
        _reported.add((method, type(error)))
        _logger.warning("tracebus failed in %s; what it missed is counted", method, exc_info=error)


def _telling(what: Callable[..., None]) -> Any:
    """Return a callback that tells every recorder *what*, a method of `Records`, with what LangChain passed.

    Typed as anything: untyped keyword arguments are LangChain's, and every version adds some. Nothing
    of ours that goes wrong reaches the user's program.
    """
    method = what.__name__

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


class Listener(Records, Protocol):
    """A recorder, with the handler that tells it alone."""

    @property
    def handler(self) -> TracebusHandler:
        """That handler."""
        ...


class TracebusHandler(BaseCallbackHandler):
    """Tells every callback to one or more recorders, and nothing to the user's program.

    Exceptions of ours end here: logged once per place, counted on the bus, never raised.
    """

    raise_error = False

    def __init__(self, recorders: tuple[Listener, ...], call: Call | None = None) -> None:
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

    def repeats(self) -> bool:
        """Tell whether LangChain calls this handler twice for one event, and see that it does so no more.

        It does where a handler stands in a Runnable's own config and in the call's: it joins the two lists.
        """
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # the list is that of the code that calls us
        for _ in range(_HOPS):
            if frame is None:
                return False
            if frame.f_code.co_name in _DISPATCHES and self._is_repeated_in(frame.f_locals):
                return True
            frame = frame.f_back
        return False

    def _is_repeated_in(self, variables: Mapping[str, Any]) -> bool:
        handlers = variables.get("handlers") or getattr(variables.get("self"), "handlers", None)
        if not isinstance(handlers, list):
            return False
        places = [place for place, handler in enumerate(handlers) if handler is self]
        for place in places[1:]:
            handlers[place] = TracebusHandler(())  # which tells nobody: LangChain is going through the list
        return len(places) > 1

    # These come for every run, or every token: to pass keywords on as they come costs more than all else.
    def on_chain_start(
        self,
        serialized: Any,
        inputs: Any,
        *,
        run_id: Any,
        parent_run_id: Any = None,
        tags: Any = None,
        metadata: Any = None,
        name: Any = None,
        run_type: Any = UNSAID,
        kind: Any = None,
        **_: Any,
    ) -> None:
        """Tell that a chain, prompt, parser, graph or node begins."""
        try:
            for recorder in self.recorders:
                recorder.start(
                    self, serialized, inputs, run_id, parent_run_id, tags, metadata, name, run_type, kind
                )
        except Exception as error:  # noqa: BLE001  # as in `_telling`
            report(self, "start", error)

    def on_chain_end(
        self,
        outputs: Any,
        *,
        run_id: Any,
        inputs: Any = None,
        parent_run_id: Any = None,  # noqa: ARG002  # named, it costs less than among the others
        tags: Any = None,  # noqa: ARG002  # likewise
        **_: Any,
    ) -> None:
        """Tell that one is over."""
        try:
            for recorder in self.recorders:
                recorder.end(self, outputs, run_id, inputs)
        except Exception as error:  # noqa: BLE001  # as in `_telling`
            report(self, "end", error)

    def on_chat_model_start(
        self,
        serialized: Any,
        messages: Any,
        *,
        run_id: Any,
        parent_run_id: Any = None,
        tags: Any = None,
        metadata: Any = None,
        name: Any = None,
        invocation_params: Any = None,
        batch_size: Any = 1,
        options: Any = None,  # noqa: ARG002  # likewise
        **_: Any,
    ) -> None:
        """Tell that a chat model begins."""
        try:
            inputs = {"messages": list(messages[0]) if messages else []}
            for recorder in self.recorders:
                recorder.start(
                    self,
                    serialized,
                    inputs,
                    run_id,
                    parent_run_id,
                    tags,
                    metadata,
                    name,
                    UNSAID,
                    _CHAT_MODEL,
                    invocation_params,
                    None,
                    batch_size,
                )
        except Exception as error:  # noqa: BLE001  # as in `_telling`
            report(self, "start", error)

    def on_llm_end(
        self,
        response: Any,
        *,
        run_id: Any,
        parent_run_id: Any = None,  # noqa: ARG002  # likewise
        tags: Any = None,  # noqa: ARG002  # likewise
        **_: Any,
    ) -> None:
        """Tell of a model's answer."""
        try:
            for recorder in self.recorders:
                recorder.end_model(self, response, run_id)
        except Exception as error:  # noqa: BLE001  # as in `_telling`
            report(self, "end_model", error)

    # LangChain passes the token by the keyword `token=` from sync code, positionally from async.
    def on_llm_new_token(
        self,
        token: Any,
        *,
        run_id: Any,
        chunk: Any = None,
        parent_run_id: Any = None,  # noqa: ARG002  # likewise
        tags: Any = None,  # noqa: ARG002  # likewise
        **_: Any,
    ) -> None:
        """Tell of text, reasoning or a piece of a tool call."""
        try:
            for recorder in self.recorders:
                recorder.token(self, token, run_id, chunk)
        except Exception as error:  # noqa: BLE001  # as in `_telling`
            report(self, "token", error)

    on_llm_start = _telling(Records.start_completion)
    on_tool_start = _telling(Records.start_tool)
    on_retriever_start = _telling(Records.start_retriever)

    on_stream_event = _telling(Records.protocol_event)
    on_retry = _telling(Records.retry)
    on_custom_event = _telling(Records.custom)
    on_text = _telling(Records.text)
    on_agent_action = _telling(Records.agent_action)
    on_agent_finish = _telling(Records.agent_finish)

    # LangGraph's: see `_graph_callbacks`.
    on_interrupt = _telling(Records.interrupted)
    on_resume = _telling(Records.resumed)

    on_retriever_end = _telling(Records.end_retriever)
    on_tool_end = _telling(Records.end_tool)

    on_chain_error = _telling(Records.fail)
    on_tool_error = _telling(Records.fail)
    on_retriever_error = _telling(Records.fail)
    on_llm_error = _telling(Records.fail_model)


def hear_all_of(base: type) -> None:
    """Have our handler tell of the callbacks of *base*, a handler class of LangChain's, newer than we are."""
    for name in dir(base):
        if name.startswith("on_") and name not in vars(TracebusHandler):
            setattr(TracebusHandler, name, functools.partialmethod(_telling(Records.unknown), name))


KNOWN_CALLBACKS = frozenset(name for name in vars(TracebusHandler) if name.startswith("on_"))
hear_all_of(BaseCallbackHandler)
