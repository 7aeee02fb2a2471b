"""A chat model that follows a script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, cast

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata, add_ai_message_chunks
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr, field_validator

from tracebus.testing._script import (
    NO_PACING,
    Pacing,
    Script,
    ScriptedToolCall,
    Turn,
    TurnCounter,
    checked_script,
    raise_error_of,
    turn_of,
)
from tracebus.testing._tokens import count_tokens, split_tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.language_models.base import LangSmithParams
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool

__all__ = ["ScriptedChatModel"]

_FRAGMENT = 12  # characters of a tool call's arguments in one chunk


class ScriptedChatModel(BaseChatModel):
    """A streaming chat model that needs no network and answers the same every time.

    ::

        model = ScriptedChatModel(script=[
            Turn(reasoning="Let me look.", tool_calls=[ScriptedToolCall("search", {"q": "bus"})]),
            "It goes at noon.",
            ConnectionError("provider unreachable"),
        ])
    """

    script: Any
    """A `tracebus.testing.Script`: answers in order, or a function of the messages."""
    model: str = "scripted-1"
    provider: str = "scripted"
    """LangChain's `ls_provider`."""
    pacing: Pacing = NO_PACING
    report_usage: bool = True
    reasoning_in: Literal["blocks", "additional_kwargs"] = "blocks"
    """Where reasoning stands: LangChain's standard content blocks, or `reasoning_content` in
    `additional_kwargs` as several providers' packages have it."""
    streaming: bool = False
    """Make `invoke` stream inside, as providers' models do when asked to."""
    temperature: float | None = None
    max_tokens: int | None = None

    _turns: TurnCounter = PrivateAttr(default_factory=TurnCounter)

    @field_validator("script")
    @classmethod
    def _check_script(cls, script: Any) -> Script:
        return checked_script(script)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Send the tools' schemas with every request; the script decides which are called."""
        chosen = {} if tool_choice is None else {"tool_choice": tool_choice}
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **chosen, **kwargs)

    def get_token_ids(self, text: str) -> list[int]:
        """Number the tokens of *text* from 0, so that `get_num_tokens` needs no tokeniser."""
        return list(range(count_tokens(text)))

    @property
    def _llm_type(self) -> str:
        return "scripted-chat-model"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        parameters = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        return {"model": self.model} | {k: v for k, v in parameters.items() if v is not None}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = self.provider
        params["ls_model_name"] = kwargs.get("model") or self.model
        return params

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002  LangChain's signature
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002  likewise
        **kwargs: Any,
    ) -> ChatResult:
        turn, chunks = self._answer(messages, kwargs)
        self.pacing.pause(self.pacing.total(len(chunks)))
        return _result(turn, chunks)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002  LangChain's signature
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002  likewise
        **kwargs: Any,
    ) -> ChatResult:
        turn, chunks = self._answer(messages, kwargs)
        await self.pacing.apause(self.pacing.total(len(chunks)))
        return _result(turn, chunks)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002  LangChain's signature
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002  likewise
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        turn, chunks = self._answer(messages, kwargs)
        for index, chunk in enumerate(_until_error(turn, chunks)):
            self.pacing.pause(self.pacing.before(index))
            yield ChatGenerationChunk(message=chunk)
        raise_error_of(turn)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002  LangChain's signature
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002  likewise
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        turn, chunks = self._answer(messages, kwargs)
        for index, chunk in enumerate(_until_error(turn, chunks)):
            await self.pacing.apause(self.pacing.before(index))
            yield ChatGenerationChunk(message=chunk)
        raise_error_of(turn)

    def _answer(
        self, messages: Sequence[BaseMessage], kwargs: dict[str, Any]
    ) -> tuple[Turn, list[AIMessageChunk]]:
        """Return the turn that answers *messages*, and its stream."""
        number = self._turns.take()
        turn = turn_of(self.script, number, messages)
        chunks = [*self._spoken(turn), *_tool_call_chunks(turn, number)]
        chunks.append(self._last(turn, messages, kwargs))
        for chunk in chunks:
            chunk.id = turn.response_id
        return turn, chunks

    def _spoken(self, turn: Turn) -> Iterator[AIMessageChunk]:
        """Give what the turn thinks and says, a token a chunk."""
        in_blocks = bool(turn.reasoning) and self.reasoning_in == "blocks"
        for token in split_tokens(turn.reasoning):
            if in_blocks:
                yield AIMessageChunk(content=[{"type": "reasoning", "reasoning": token, "index": 0}])
            else:
                yield AIMessageChunk(content="", additional_kwargs={"reasoning_content": token})
        for token in split_tokens(turn.text):
            yield AIMessageChunk(
                content=[{"type": "text", "text": token, "index": 1}] if in_blocks else token
            )

    def _last(self, turn: Turn, messages: Sequence[BaseMessage], kwargs: dict[str, Any]) -> AIMessageChunk:
        """Give the chunk that says how much was used and why the answer ended."""
        reason = turn.finish_reason or ("tool_calls" if turn.tool_calls else "stop")
        return AIMessageChunk(
            content="",
            chunk_position="last",
            response_metadata={"model_name": kwargs.get("model") or self.model, "finish_reason": reason},
            usage_metadata=_usage(turn, messages) if self.report_usage else None,
        )


def _until_error(turn: Turn, chunks: list[AIMessageChunk]) -> list[AIMessageChunk]:
    return chunks if turn.error is None else chunks[:-1][: turn.error_after]


def _result(turn: Turn, chunks: list[AIMessageChunk]) -> ChatResult:
    """Join the stream to what `invoke` returns."""
    raise_error_of(turn)
    whole = add_ai_message_chunks(*chunks)
    message = AIMessage(
        content=whole.content,
        tool_calls=whole.tool_calls,
        additional_kwargs=whole.additional_kwargs,
        response_metadata=whole.response_metadata,
        usage_metadata=whole.usage_metadata,
        id=turn.response_id,
    )
    return ChatResult(generations=[ChatGeneration(message=message)])


def _tool_call_chunks(turn: Turn, number: int) -> Iterator[AIMessageChunk]:
    """Give each call's name and id first, then its arguments in pieces, as providers do."""
    for index, call in enumerate(turn.tool_calls):
        call_id = call.id or f"call_{number}_{index}"
        yield _fragment(index, name=call.name, call_id=call_id)
        args = json.dumps(dict(call.args))
        for start in range(0, len(args), _FRAGMENT):
            yield _fragment(index, args=args[start : start + _FRAGMENT])


def _fragment(
    index: int, *, name: str | None = None, args: str = "", call_id: str | None = None
) -> AIMessageChunk:
    return AIMessageChunk(
        content="",
        tool_call_chunks=[tool_call_chunk(index=index, name=name, args=args, id=call_id)],
    )


def _usage(turn: Turn, messages: Sequence[BaseMessage]) -> UsageMetadata:
    if turn.usage is not None:
        return cast("UsageMetadata", dict(turn.usage))
    reasoning = count_tokens(turn.reasoning)
    read = sum(3 + count_tokens(str(message.text)) for message in messages)
    written = reasoning + count_tokens(turn.text) + sum(map(_call_tokens, turn.tool_calls))
    usage = UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
    if turn.cache_read:
        usage["input_token_details"] = {"cache_read": min(turn.cache_read, read)}
    if reasoning:
        usage["output_token_details"] = {"reasoning": reasoning}
    return usage


def _call_tokens(call: ScriptedToolCall) -> int:
    return count_tokens(call.name) + count_tokens(json.dumps(dict(call.args)))
