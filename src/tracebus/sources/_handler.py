"""The callback handler LangChain calls."""

from __future__ import annotations

import functools
import logging
import sys
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler

from tracebus.events import RunKind
from tracebus.sources._inline import in_place

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tracebus.sources._recorder import Recorder

_logger = logging.getLogger("tracebus")

_reported: set[tuple[str, type[BaseException]]] = set()


def _guarded(tell: Callable[..., None]) -> Callable[..., None]:
    """Let no exception of *tell*, a callback, reach the user's program."""

    @functools.wraps(tell)
    def guarded(self: TracebusHandler, *args: Any, **kwargs: Any) -> None:
        try:
            tell(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  # the user's program is sacred: what we do wrong ends here
            _report(self, tell.__name__, error)

    return guarded


def _report(handler: TracebusHandler, name: str, error: Exception) -> None:
    """Count a bug of ours on every bus, and log it once per place."""
    for recorder in handler.recorders:
        recorder.tracker.count("callback_errors")
    if (name, type(error)) not in _reported:
        _reported.add((name, type(error)))
        _logger.warning("tracebus failed in %s; what it missed is counted", name, exc_info=error)


class TracebusHandler(BaseCallbackHandler):
    """Tells every callback to one or more recorders, and nothing to the user's program.

    Exceptions of ours end here: logged once per place, counted on the bus, never raised.
    """

    raise_error = False

    def __init__(self, recorders: tuple[Recorder, ...]) -> None:
        self.recorders = recorders

    @property
    def run_inline(self) -> bool:  # type: ignore[override]  # a class attribute of LangChain's, never assigned
        """Whether LangChain calls this handler in place: see `_inline`."""
        return in_place(sys._getframe(1), TracebusHandler)  # noqa: SLF001  # the answer depends on who asks

    def __repr__(self) -> str:
        return f"<TracebusHandler of {len(self.recorders)} recorder(s)>"

    def __copy__(self) -> TracebusHandler:
        return self

    def __deepcopy__(self, memo: Any) -> TracebusHandler:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickled config goes to another process, where this one's bus does not exist.
        return (TracebusHandler, ((),))

    # Untyped keyword arguments are LangChain's: every version adds some.

    @_guarded
    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        """Tell of a chain, prompt, parser, graph or node that begins."""
        for recorder in self.recorders:
            recorder.start_chain(self, serialized, inputs, **kwargs)

    @_guarded
    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        """Tell of a chat model that begins."""
        inputs = {"messages": list(messages[0]) if messages else []}
        for recorder in self.recorders:
            recorder.start(self, RunKind.CHAT_MODEL, serialized, inputs, **kwargs)

    @_guarded
    def on_llm_start(self, serialized: Any, prompts: Any, **kwargs: Any) -> None:
        """Tell of a text completion model that begins."""
        for recorder in self.recorders:
            recorder.start(self, RunKind.LLM, serialized, {"prompts": list(prompts)}, **kwargs)

    @_guarded
    def on_tool_start(
        self, serialized: Any, input_str: str, *, inputs: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Tell of a tool that begins."""
        given = {"input": input_str} if inputs is None else inputs
        for recorder in self.recorders:
            recorder.start(self, RunKind.TOOL, serialized, given, **kwargs)

    @_guarded
    def on_retriever_start(self, serialized: Any, query: str, **kwargs: Any) -> None:
        """Tell of a retriever that begins."""
        for recorder in self.recorders:
            recorder.start(self, RunKind.RETRIEVER, serialized, {"query": query}, **kwargs)

    # LangChain passes the token by the keyword `token=` from sync code, positionally from async.
    @_guarded
    def on_llm_new_token(self, token: Any, *, run_id: UUID, chunk: Any = None, **_: Any) -> None:
        """Tell of a token."""
        for recorder in self.recorders:
            recorder.token(self, run_id, token, getattr(chunk, "message", None))

    @_guarded
    def on_stream_event(self, event: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of an event of LangChain's v3 streaming."""
        for recorder in self.recorders:
            recorder.protocol_event(self, run_id, event)

    @_guarded
    def on_chain_end(self, outputs: Any, *, run_id: UUID, inputs: Any = None, **_: Any) -> None:
        """Tell of a chain's end."""
        for recorder in self.recorders:
            recorder.ended(self, run_id, outputs, inputs=inputs)

    @_guarded
    def on_retriever_end(self, documents: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of a retriever's end."""
        for recorder in self.recorders:
            recorder.ended(self, run_id, {"documents": list(documents)})

    @_guarded
    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of a tool's end."""
        for recorder in self.recorders:
            recorder.tool_ended(self, run_id, output)

    @_guarded
    def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of a model's end."""
        for recorder in self.recorders:
            recorder.model_ended(self, run_id, response)

    @_guarded
    def on_llm_error(self, error: BaseException, *, run_id: UUID, response: Any = None, **_: Any) -> None:
        """Tell of a model that failed, perhaps after having generated something."""
        for recorder in self.recorders:
            recorder.model_failed(self, run_id, error, response)

    @_guarded
    def on_chain_error(self, error: BaseException, *, run_id: UUID, inputs: Any = None, **_: Any) -> None:
        """Tell of a chain that failed."""
        for recorder in self.recorders:
            recorder.failed(self, run_id, error, inputs=inputs)

    @_guarded
    def on_tool_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Tell of a tool that failed."""
        for recorder in self.recorders:
            recorder.failed(self, run_id, error)

    @_guarded
    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Tell of a retriever that failed."""
        for recorder in self.recorders:
            recorder.failed(self, run_id, error)

    @_guarded
    def on_retry(self, retry_state: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of a provider client's own retry."""
        for recorder in self.recorders:
            recorder.retry(self, run_id, retry_state)

    @_guarded
    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of what the program dispatched itself."""
        for recorder in self.recorders:
            recorder.custom(self, run_id, name, data)

    @_guarded
    def on_text(self, text: str, *, run_id: UUID, **_: Any) -> None:
        """Tell of a legacy chain's text."""
        for recorder in self.recorders:
            recorder.custom(self, run_id, "text", text)

    @_guarded
    def on_agent_action(self, action: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of a legacy agent's decision."""
        for recorder in self.recorders:
            recorder.custom(self, run_id, "agent_action", action)

    @_guarded
    def on_agent_finish(self, finish: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of a legacy agent's answer."""
        for recorder in self.recorders:
            recorder.custom(self, run_id, "agent_finish", finish)
