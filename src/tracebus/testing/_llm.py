"""A text completion model that follows a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from pydantic import PrivateAttr, field_validator

from tracebus.testing._script import (
    NO_PACING,
    Pacing,
    Script,
    Turn,
    TurnCounter,
    checked_script,
    raise_error_of,
    turn_of,
)
from tracebus.testing._tokens import count_tokens, split_tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun

__all__ = ["ScriptedLLM"]


class ScriptedLLM(BaseLLM):
    """A completion model (prompt in, text out) with no network, the same every time.

    It says a turn's text and raises a turn's error; reasoning and tool calls are for chat models.
    """

    script: Any
    """A `tracebus.testing.Script`: answers in order, or a function of `[prompt]`."""
    model: str = "scripted-text-1"
    pacing: Pacing = NO_PACING
    report_usage: bool = True

    _turns: TurnCounter = PrivateAttr(default_factory=TurnCounter)

    @field_validator("script")
    @classmethod
    def _check_script(cls, script: Any) -> Script:
        return checked_script(script)

    @property
    def _llm_type(self) -> str:
        return "scripted-llm"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model}

    def get_token_ids(self, text: str) -> list[int]:
        """Number the tokens of *text* from 0, so that `get_num_tokens` needs no tokeniser."""
        return list(range(count_tokens(text)))

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,  # noqa: ARG002  LangChain's signature
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002  likewise
        **kwargs: Any,  # noqa: ARG002  likewise
    ) -> LLMResult:
        turns = [self._answer(prompt) for prompt in prompts]
        self.pacing.pause(max((self.pacing.total(count_tokens(turn.text)) for turn in turns), default=0))
        return self._result(prompts, turns)

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,  # noqa: ARG002  LangChain's signature
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002  likewise
        **kwargs: Any,  # noqa: ARG002  likewise
    ) -> LLMResult:
        turns = [self._answer(prompt) for prompt in prompts]
        seconds = max((self.pacing.total(count_tokens(turn.text)) for turn in turns), default=0)
        await self.pacing.apause(seconds)
        return self._result(prompts, turns)

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,  # noqa: ARG002  LangChain's signature
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ARG002  likewise
    ) -> Iterator[GenerationChunk]:
        turn = self._answer(prompt)
        for index, chunk in enumerate(self._chunks(turn)):
            self.pacing.pause(self.pacing.before(index))
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk
        raise_error_of(turn)

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,  # noqa: ARG002  LangChain's signature
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ARG002  likewise
    ) -> AsyncIterator[GenerationChunk]:
        turn = self._answer(prompt)
        for index, chunk in enumerate(self._chunks(turn)):
            await self.pacing.apause(self.pacing.before(index))
            if run_manager:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk
        raise_error_of(turn)

    def _answer(self, prompt: str) -> Turn:
        return turn_of(self.script, self._turns.take(), [prompt])

    def _chunks(self, turn: Turn) -> list[GenerationChunk]:
        chunks = [GenerationChunk(text=token) for token in split_tokens(turn.text)]
        return chunks if turn.error is None else chunks[: turn.error_after]

    def _result(self, prompts: list[str], turns: list[Turn]) -> LLMResult:
        for turn in turns:
            raise_error_of(turn)
        output: dict[str, Any] = {"model_name": self.model}
        if self.report_usage:
            output["token_usage"] = _usage(prompts, turns)
        return LLMResult(
            generations=[
                [Generation(text=turn.text, generation_info={"finish_reason": _reason(turn)})]
                for turn in turns
            ],
            llm_output=output,
        )


def _reason(turn: Turn) -> str:
    return turn.finish_reason or "stop"


def _usage(prompts: list[str], turns: list[Turn]) -> dict[str, int]:
    read = sum(map(count_tokens, prompts))
    written = sum(count_tokens(turn.text) for turn in turns)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
