"""What a model's answer says of itself, in the providers' many places and words."""

from __future__ import annotations

from enum import Enum, IntEnum

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, Generation, LLMResult
from langchain_core.prompts import ChatPromptTemplate

from tracebus import observe
from tracebus.events import RunKind, RunStarted, TokenUsage
from tracebus.sources._results import chat_result_fields, llm_result_fields
from tracebus.testing import collect

_OPENAI = {
    "prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2},
}  # fmt: skip
_FROM_OPENAI = TokenUsage(
    input_tokens=12, output_tokens=5, total_tokens=17, cache_read_tokens=4, input_audio_tokens=0,
    reasoning_tokens=2,
)  # fmt: skip
_PLAIN = TokenUsage(input_tokens=12, output_tokens=5, total_tokens=17)


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"token_usage": _OPENAI}, _FROM_OPENAI),  # OpenAI's words, in most packages
        ({"usage": {"input_tokens": 12, "output_tokens": 5}}, _PLAIN),  # Anthropic's
        (
            {
                "usage": {
                    "input_tokens": 2,
                    "output_tokens": 5,
                    "cache_read_input_tokens": 6,
                    "cache_creation_input_tokens": 4,
                }
            },  # without what the cache held, which LangChain's totals have
            TokenUsage(
                input_tokens=12,
                output_tokens=5,
                total_tokens=17,
                cache_read_tokens=6,
                cache_creation_tokens=4,
            ),
        ),
        ({"usage_metadata": {"prompt_token_count": 12, "candidates_token_count": 5}}, _PLAIN),  # Vertex
        ({"usage": {"inputTokens": 12, "outputTokens": 5, "totalTokens": 17}}, _PLAIN),  # Bedrock Converse
        (
            {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 12, "outputTokenCount": 5}},
            _PLAIN,
        ),
        ({"token_count": {"input_tokens": 12, "output_tokens": 5}}, _PLAIN),  # Cohere
        ({"prompt_eval_count": 12, "eval_count": 5}, _PLAIN),  # Ollama
        ({"token_usage": {"input_token_count": 12, "generated_token_count": 5}}, _PLAIN),  # watsonx
        ({"token_usage": {"prompt_tokens": 12}}, TokenUsage(input_tokens=12)),
        ({"token_usage": {}}, None),
        ({"token_usage": "many"}, None),
        ({"usage": {"prompt_tokens": "12"}}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("place", ["response_metadata", "generation_info", "llm_output", "completion"])
def test_usage_is_read_wherever_it_stands(told, usage, place):
    """Models without `usage_metadata` tell their usage in one of four places, in words of their own."""
    if place == "completion":
        generations = [[Generation(text="x")]]
        found = llm_result_fields(LLMResult(generations=generations, llm_output=told))
    else:
        message = AIMessage("x", response_metadata=told if place == "response_metadata" else {})
        generation = ChatGeneration(message=message)
        generation.generation_info = told if place == "generation_info" else None
        found = chat_result_fields([message], [generation], told if place == "llm_output" else None)
    assert found["usage"] == usage


def test_usage_metadata_has_the_first_word():
    """What LangChain counted itself is not counted again."""
    message = AIMessage("x", response_metadata={"token_usage": _OPENAI})
    message.usage_metadata = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    assert chat_result_fields([message])["usage"].input_tokens == 1


class _Gemini(IntEnum):
    STOP = 1


class _Other(Enum):
    MAX_TOKENS = "2"


@pytest.mark.parametrize(
    ("metadata", "reasons"),
    [
        ({"finish_reason": "stop"}, ("stop",)),
        ({"stop_reason": "end_turn"}, ("end_turn",)),
        ({"done_reason": "length"}, ("length",)),
        ({"finish_reason": 2}, ("MAX_TOKENS",)),
        ({"finish_reason": 99}, ("99",)),
        ({"finish_reason": _Gemini.STOP}, ("STOP",)),
        ({"finish_reason": _Other.MAX_TOKENS}, ("MAX_TOKENS",)),
        ({"finish_reason": "FinishReason.SAFETY"}, ("SAFETY",)),
        ({"status": "completed"}, ("stop",)),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            ("max_output_tokens",),
        ),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, ("content_filter",)),
        ({"status": "incomplete"}, ("incomplete",)),
        ({"status": "failed"}, ("error",)),
        ({"status": "in_progress"}, ()),
        ({"status": 200}, ()),
        ({"finish_reason": None}, ()),
        ({"finish_reason": True}, ()),
    ],
)
def test_finish_reasons_are_read_wherever_they_stand(metadata, reasons):
    """Words, members of enums and their numbers, and the status of OpenAI's Responses API."""
    assert chat_result_fields([AIMessage("x", response_metadata=metadata)])["finish_reasons"] == reasons


def test_a_completed_response_that_calls_tools_ended_for_that():
    """The Responses API says `completed` of both; the message tells them apart."""
    call = {"type": "tool_call", "name": "f", "args": {}, "id": "c"}
    message = AIMessage("", tool_calls=[call], response_metadata={"status": "completed"})
    assert chat_result_fields([message])["finish_reasons"] == ("tool_calls",)
    said = AIMessage(
        "", tool_calls=[call], response_metadata={"status": "completed", "finish_reason": "stop"}
    )
    assert chat_result_fields([said])["finish_reasons"] == ("stop",)


def test_a_templates_own_variables_are_told():
    """Partial variables of a prompt are on its start, those that functions make excepted."""
    template = ChatPromptTemplate(
        [("user", "{tone} {day} {q}")], partial_variables={"tone": "kind", "day": lambda: "Monday"}
    )
    with observe(template) as prompt, collect(prompt.bus) as recorder:
        prompt.invoke({"q": "hi"})
    (start,) = (event for event in recorder.events if isinstance(event, RunStarted))
    assert (start.kind, start.partial_variables) == (RunKind.PROMPT, {"tone": "kind"})
    assert start.inputs == {"q": "hi"}
