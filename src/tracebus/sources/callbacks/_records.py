"""The protocol between the callback handler and a recorder: a method for every callback of LangChain's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from langchain_core.outputs import LLMResult

    from tracebus.capture import Capture
    from tracebus.events import RunKind
    from tracebus.sources.tracking._call import Call
    from tracebus.sources.tracking._tracker import RunTracker

__all__ = ["Records", "Speaker"]


class Speaker(Protocol):
    """Who tells of a run, and counts as its reporter."""

    call: Call | None
    """The observed call it belongs to, where it belongs to one."""


class Records(Protocol):
    """Takes what LangChain's callbacks say. *owner* is the handler that speaks; LangChain adds keywords."""

    @property
    def tracker(self) -> RunTracker:
        """The open runs of the bus it records into."""
        ...

    @property
    def capture(self) -> Capture:
        """What of payloads is taken."""
        ...

    def start(  # noqa: PLR0917  # by keyword it would cost more
        self,
        owner: Speaker,
        serialized: Mapping[str, Any] | None,
        inputs: Any,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        name: str | None = None,
        run_type: str | None = ...,
        kind: RunKind | None = None,
        invocation_params: Mapping[str, Any] | None = None,
        tool_call_id: str | None = None,
        batch_size: int = 1,
    ) -> None:
        """`on_chain_start`: chains, prompts, parsers, graphs, nodes; with *kind*, every other start."""

    def start_completion(self, owner: Speaker, serialized: Any, prompts: Any, **about: Any) -> None:
        """`on_llm_start`."""

    def start_tool(self, owner: Speaker, serialized: Any, input_str: str, **about: Any) -> None:
        """`on_tool_start`."""

    def start_retriever(self, owner: Speaker, serialized: Any, query: str, **about: Any) -> None:
        """`on_retriever_start`."""

    def token(self, owner: object, token: object, run_id: UUID, chunk: Any = None) -> None:
        """`on_llm_new_token`."""

    def protocol_event(self, owner: object, event: Mapping[str, Any], *, run_id: UUID, **_: Any) -> None:
        """`on_stream_event`, of v3 streams."""

    def retry(self, owner: object, retry_state: Any, *, run_id: UUID, **_: Any) -> None:
        """`on_retry`."""

    def custom(self, owner: object, name: str, data: Any, *, run_id: UUID, **_: Any) -> None:
        """`on_custom_event`."""

    def text(self, owner: object, text: str, *, run_id: UUID, **_: Any) -> None:
        """`on_text`."""

    def agent_action(self, owner: object, action: Any, *, run_id: UUID, **_: Any) -> None:
        """`on_agent_action`."""

    def agent_finish(self, owner: object, finish: Any, *, run_id: UUID, **_: Any) -> None:
        """`on_agent_finish`."""

    def interrupted(self, owner: object, event: Any, **_: Any) -> None:
        """`on_interrupt`, of LangGraph."""

    def resumed(self, owner: object, event: Any, **_: Any) -> None:
        """`on_resume`, of LangGraph."""

    def unknown(self, owner: object, callback: str, *args: Any, **_: Any) -> None:
        """Take a callback there is no method for."""

    def end(self, owner: object, outputs: Any, run_id: UUID, inputs: Any = None) -> None:
        """`on_chain_end`."""

    def end_retriever(self, owner: object, documents: Any, *, run_id: UUID, **_: Any) -> None:
        """`on_retriever_end`."""

    def end_tool(self, owner: object, output: Any, *, run_id: UUID, **_: Any) -> None:
        """`on_tool_end`."""

    def end_model(self, owner: object, response: LLMResult, run_id: UUID) -> None:
        """`on_llm_end`."""

    def fail_model(self, owner: object, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """`on_llm_error`."""

    def fail(self, owner: object, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """`on_chain_error`, `on_tool_error`, `on_retriever_error`."""
