"""The callback handler LangChain calls."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler

from tracebus.sources._passive import passive

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tracebus.sources._recorder import Recorder

_logger = logging.getLogger("tracebus")

_CALLBACKS = (
    "on_chain_start",
    "on_chain_end",
    "on_chain_error",
    "on_chat_model_start",
    "on_llm_start",
    "on_llm_new_token",
    "on_stream_event",
    "on_llm_end",
    "on_llm_error",
    "on_tool_start",
    "on_tool_end",
    "on_tool_error",
    "on_retriever_start",
    "on_retriever_end",
    "on_retriever_error",
    "on_custom_event",
    "on_retry",
    "on_text",
    "on_agent_action",
    "on_agent_finish",
)

_reported: set[tuple[str, type[BaseException]]] = set()


class TracebusHandler(BaseCallbackHandler):
    """Tells every callback to one or more recorders, and nothing to the user's program.

    Exceptions of ours end here: logged once per place, counted on the bus, never raised.
    """

    # Not inline, and yet without a thread hop: see `_passive`.
    run_inline = False
    raise_error = False

    def __init__(self, recorders: tuple[Recorder, ...]) -> None:
        self.recorders = recorders
        for name in _CALLBACKS:
            setattr(self, name, passive(_guarded(self, name, getattr(self, name))))

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

    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        """Tell of a chain, prompt, parser, graph or node that begins."""
        for recorder in self.recorders:
            recorder.chain_started(self, serialized, inputs, **kwargs)

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        """Tell of a chat model that begins."""
        for recorder in self.recorders:
            recorder.chat_model_started(self, serialized, messages, **kwargs)

    def on_llm_start(self, serialized: Any, prompts: Any, **kwargs: Any) -> None:
        """Tell of a text completion model that begins."""
        for recorder in self.recorders:
            recorder.llm_started(self, serialized, prompts, **kwargs)

    def on_tool_start(self, serialized: Any, input_str: str, **kwargs: Any) -> None:
        """Tell of a tool that begins."""
        for recorder in self.recorders:
            recorder.tool_started(self, serialized, input_str, **kwargs)

    def on_retriever_start(self, serialized: Any, query: str, **kwargs: Any) -> None:
        """Tell of a retriever that begins."""
        for recorder in self.recorders:
            recorder.retriever_started(self, serialized, query, **kwargs)

    # LangChain passes the token by the keyword `token=` from sync code, positionally from async.
    def on_llm_new_token(self, token: Any, *, run_id: UUID, chunk: Any = None, **_: Any) -> None:
        """Tell of a token."""
        for recorder in self.recorders:
            recorder.token(self, run_id, token, getattr(chunk, "message", None))

    def on_stream_event(self, event: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of an event of LangChain's v3 streaming."""
        for recorder in self.recorders:
            recorder.protocol_event(self, run_id, event)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, inputs: Any = None, **_: Any) -> None:
        """Tell of a chain's end."""
        for recorder in self.recorders:
            recorder.ended(self, run_id, outputs, inputs=inputs)

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of a retriever's end."""
        for recorder in self.recorders:
            recorder.ended(self, run_id, {"documents": list(documents)})

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of a tool's end."""
        for recorder in self.recorders:
            recorder.tool_ended(self, run_id, output)

    def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of a model's end."""
        for recorder in self.recorders:
            recorder.model_ended(self, run_id, response)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, response: Any = None, **_: Any) -> None:
        """Tell of a model that failed, perhaps after having generated something."""
        for recorder in self.recorders:
            recorder.model_failed(self, run_id, error, response)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, inputs: Any = None, **_: Any) -> None:
        """Tell of a chain that failed."""
        for recorder in self.recorders:
            recorder.failed(self, run_id, error, inputs=inputs)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Tell of a tool that failed."""
        for recorder in self.recorders:
            recorder.failed(self, run_id, error)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Tell of a retriever that failed."""
        for recorder in self.recorders:
            recorder.failed(self, run_id, error)

    def on_retry(self, retry_state: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of a provider client's own retry."""
        for recorder in self.recorders:
            recorder.retry(self, run_id, retry_state)

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of what the program dispatched itself."""
        for recorder in self.recorders:
            recorder.custom(self, run_id, name, data)

    def on_text(self, text: str, *, run_id: UUID, **_: Any) -> None:
        """Tell of a legacy chain's text."""
        for recorder in self.recorders:
            recorder.custom(self, run_id, "text", text)

    def on_agent_action(self, action: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of a legacy agent's decision."""
        for recorder in self.recorders:
            recorder.custom(self, run_id, "agent_action", action)

    def on_agent_finish(self, finish: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell of a legacy agent's answer."""
        for recorder in self.recorders:
            recorder.custom(self, run_id, "agent_finish", finish)


def _guarded(handler: TracebusHandler, name: str, tell: Callable[..., None]) -> Callable[..., None]:
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            tell(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 -- the user's program is sacred: what we do wrong ends here
            _report(handler, name, error)

    guarded.__name__ = name
    return guarded


def _report(handler: TracebusHandler, name: str, error: Exception) -> None:
    """Count a bug of ours on every bus, and log it once per place."""
    for recorder in handler.recorders:
        recorder.tracker.count("callback_errors")
    if (name, type(error)) not in _reported:
        _reported.add((name, type(error)))
        _logger.warning("tracebus failed in %s; what it missed is counted", name, exc_info=error)
