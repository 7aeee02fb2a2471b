"""What a model answered, out of an `LLMResult`."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from tracebus.capture import clean_text
from tracebus.sources.reading._glued import unglued
from tracebus.sources.reading._model_info import responding_model
from tracebus.sources.reading._usage import NOTHING_USED, first_usage, is_from_cache, usage_told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import LLMResult

_FINISH_KEYS = ("finish_reason", "stop_reason", "stopReason", "done_reason")
_GEMINI_REASONS = (
    "FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "LANGUAGE",
    "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL",
)  # fmt: skip
"""Gemini's `FinishReason` by number, as langchain-google-genai may leave it."""
_STATUS_REASONS = {"completed": "stop", "incomplete": "incomplete", "failed": "error", "cancelled": "error"}
"""What OpenAI's Responses API calls the end of a response; it knows no finish reason."""
_ID_KEYS = ("id", "response_id", "request_id")


def chat_result_fields(
    messages: Sequence[BaseMessage],
    generations: Sequence[Any] = (),
    llm_output: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the fields of `RunEnded` that a chat model's answer fills, outputs excepted.

    *generations* are the `ChatGeneration`s the messages came in, *llm_output* what the whole answer says
    of itself, where the source has them.
    """
    used = [getattr(message, "usage_metadata", None) for message in messages]
    answers = [[message.response_metadata or {}] for message in messages]
    for answer, generation in zip(answers, generations, strict=False):
        answer.append(getattr(generation, "generation_info", None) or {})
    cached = bool(used) and is_from_cache(used[0])
    return {
        "usage": NOTHING_USED if cached else first_usage(used) or usage_told(_flat(answers, llm_output)),
        "cached": cached,
        **_described(answers, [bool(getattr(message, "tool_calls", None)) for message in messages]),
        **_response_id(messages, answers),
    }


def llm_result_fields(response: LLMResult) -> dict[str, Any]:
    """Return the fields of `RunEnded` that a text completion's answer fills, outputs excepted."""
    whole = response.llm_output or {}
    answers = [[generation.generation_info or {}, whole] for generation in result_generations(response)]
    fields = {"usage": usage_told([whole, *_flat(answers, None)]), **_described(answers)}
    return {**fields, "response_id": response_id} if (response_id := _first([whole], _ID_KEYS)) else fields


def completions(response: LLMResult) -> list[str]:
    """Return the texts of an answer."""
    return [generation.text for generation in result_generations(response)]


def result_generations(response: LLMResult) -> list[Any]:
    """Return the generations of an answer, flat."""
    return [generation for row in response.generations for generation in row]


def _flat(
    answers: Sequence[Sequence[Mapping[str, Any]]], whole: Mapping[str, Any] | None
) -> list[Mapping[str, Any] | None]:
    return [*(info for answer in answers for info in answer), whole]


def _described(
    answers: Sequence[Sequence[Mapping[str, Any]]], calling: Sequence[bool] = ()
) -> dict[str, Any]:
    """Return one finish reason per answer, and the responding model, out of the answers' metadata.

    *calling* tells of each answer whether it calls tools.
    """
    reasons = [_finish_reason(answer) for answer in answers]
    for index, calls in enumerate(calling):
        if calls and index < len(reasons) and reasons[index] == "stop" and _has_status(answers[index]):
            reasons[index] = "tool_calls"
    model = next((found for a in answers for info in a if (found := responding_model(info))), None)
    apart = (one for reason in reasons if reason is not None for one in unglued(reason))
    return {"finish_reasons": tuple(apart), "model": model}


def _finish_reason(answer: Sequence[Mapping[str, Any]]) -> str | None:
    for info in answer:
        for key in _FINISH_KEYS:
            if found := _reason_word(info.get(key)):
                return found
    for info in answer:
        if (status := info.get("status")) not in _STATUS_REASONS:
            continue
        details = info.get("incomplete_details")
        why = details.get("reason") if isinstance(details, dict) else None
        return clean_text(why) if isinstance(why, str) and why else _STATUS_REASONS[status]
    return None


def _has_status(answer: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether the end of *answer* is said by a status alone, which does not tell of tool calls."""
    return not any(info.get(key) for info in answer for key in _FINISH_KEYS)


def _reason_word(value: object) -> str | None:
    """Return a finish reason as a word: Gemini's package may leave a member of an enum, or its number."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, int) and not isinstance(value, bool):
        return _GEMINI_REASONS[value] if 0 < value < len(_GEMINI_REASONS) else str(value)
    return clean_text(value).removeprefix("FinishReason.") if isinstance(value, str) and value else None


def _response_id(
    messages: Sequence[BaseMessage], answers: Sequence[Sequence[Mapping[str, Any]]]
) -> dict[str, Any]:
    """Return the provider's id of the response; LangChain's own `lc_run-…` ids are none."""
    candidates = [_first(answer, _ID_KEYS) for answer in answers] + [message.id for message in messages]
    for found in candidates:
        if found and not found.startswith(("run-", "lc_")):
            return {"response_id": clean_text(found)}
    return {}


def _first(answer: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> str | None:
    for info in answer:
        for key in keys:
            if isinstance(value := info.get(key), str) and value:
                return clean_text(value)
    return None


def completion_fields(output: Any) -> tuple[Any, dict[str, Any]]:
    """Return outputs and further fields of a text completion as `astream_events` reports its end."""
    if not isinstance(output, dict):
        return {"completions": [output if isinstance(output, str) else getattr(output, "text", output)]}, {}
    rows = output.get("generations") or ()
    generations = [one if isinstance(one, dict) else one.__dict__ for row in rows for one in row]
    answers = [[generation.get("generation_info") or {}] for generation in generations]
    fields = {"usage": usage_told([output.get("llm_output"), *_flat(answers, None)]), **_described(answers)}
    return {"completions": [generation.get("text") for generation in generations]}, fields
