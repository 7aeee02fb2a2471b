from __future__ import annotations

import asyncio
import copy
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.tools import tool
from pydantic import BaseModel, ValidationError

from tracebus.testing import (
    Pacing,
    ScriptedChatModel,
    ScriptedLLM,
    ScriptedToolCall,
    Turn,
    count_tokens,
    split_tokens,
)

RICH = Turn(
    text="It goes at noon, from the old square.",
    reasoning="Which line is meant?",
    tool_calls=[
        ScriptedToolCall("search", {"query": "line 7, timetable"}, id="a"),
        ScriptedToolCall("now", id="b"),
    ],
    cache_read=2,
    response_id="resp-1",
)


def joined(chunks):
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return whole


@given(st.text())
def test_tokens_joined_are_the_text(text):
    """Cutting text into tokens loses nothing."""
    assert "".join(split_tokens(text)) == text


@pytest.mark.parametrize("reasoning_in", ["blocks", "additional_kwargs"])
async def test_all_four_ways_give_the_same_answer(reasoning_in):
    """Invoke, stream, ainvoke and astream of one turn say, call and count the same."""
    model = ScriptedChatModel(script=[RICH], reasoning_in=reasoning_in)
    answers = [
        model.invoke("when?"),
        joined(list(model.stream("when?"))),
        await model.ainvoke("when?"),
        joined([chunk async for chunk in model.astream("when?")]),
    ]
    for answer in answers:
        assert answer.text == RICH.text
        assert answer.id == "resp-1"
        assert [(call["name"], call["args"], call["id"]) for call in answer.tool_calls] == [
            ("search", {"query": "line 7, timetable"}, "a"),
            ("now", {}, "b"),
        ]
        assert answer.content == answers[0].content
        assert answer.additional_kwargs == answers[0].additional_kwargs
        assert answer.usage_metadata == answers[0].usage_metadata
        assert answer.response_metadata == {"model_name": "scripted-1", "finish_reason": "tool_calls"}


def test_reasoning_is_found_by_langchain_in_both_places():
    """LangChain's own content blocks show the reasoning, wherever the model puts it."""
    for where in ("blocks", "additional_kwargs"):
        answer = ScriptedChatModel(script=[RICH], reasoning_in=where).invoke("when?")
        reasoning = [block for block in answer.content_blocks if block["type"] == "reasoning"]
        assert [block["reasoning"] for block in reasoning] == [RICH.reasoning]


def test_tool_call_arguments_come_in_fragments():
    """A streamed tool call names itself first and gives its arguments piece by piece."""
    fragments = [c for chunk in ScriptedChatModel(script=[RICH]).stream("x") for c in chunk.tool_call_chunks]
    assert (fragments[0]["name"], fragments[0]["id"], fragments[0]["args"]) == ("search", "a", "")
    assert all(fragment["name"] is None for fragment in fragments[1:] if fragment["index"] == 0)
    assert len([fragment for fragment in fragments if fragment["index"] == 0]) > 2


def test_usage_counts_inclusive_totals_with_details():
    """Reasoning is part of the output, cached tokens are part of the input."""
    usage = ScriptedChatModel(script=[RICH]).invoke([HumanMessage("when does it go?")]).usage_metadata
    assert usage["input_tokens"] == 3 + count_tokens("when does it go?")
    assert usage["input_token_details"] == {"cache_read": 2}
    assert usage["output_token_details"] == {"reasoning": count_tokens(RICH.reasoning)}
    assert usage["output_tokens"] > count_tokens(RICH.reasoning) + count_tokens(RICH.text)
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_usage_can_be_given_or_withheld():
    """A turn's own usage is passed on as it is; a model that reports none gives none."""
    own = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    assert ScriptedChatModel(script=[Turn("x", usage=own)]).invoke("q").usage_metadata == own
    silent = ScriptedChatModel(script=["x"], report_usage=False)
    assert silent.invoke("q").usage_metadata is None
    assert joined(list(silent.stream("q"))).usage_metadata is None


def test_answers_follow_the_script_and_start_again():
    """Turns are used in order, then from the beginning."""
    model = ScriptedChatModel(script=["one", "two"])
    assert [model.invoke("x").text for _ in range(3)] == ["one", "two", "one"]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copied_model_goes_on_by_itself(again):
    """Chains are copied and pickled; a copy has its own place in the script."""
    model = ScriptedChatModel(script=["one", "two"])
    model.invoke("x")
    other = again(model)
    assert model.invoke("x").text == "two"
    assert other.invoke("x").text == "two"


def test_a_function_answers_the_messages():
    """A script that is a function sees the messages."""
    model = ScriptedChatModel(script=lambda messages: f"you said {messages[-1].text}")
    assert model.invoke("hello").text == "you said hello"


def test_an_error_in_the_middle_of_a_stream():
    """`error_after` chunks are given before the error; invoke gives the error alone."""
    model = ScriptedChatModel(script=[Turn("a b c d", error=ConnectionError("lost"), error_after=2)])
    seen = []
    with pytest.raises(ConnectionError, match="lost"):
        seen.extend(chunk.text for chunk in model.stream("x"))
    seen_before_error = []
    stream = model.stream("x")
    seen_before_error.append(next(stream).text)
    seen_before_error.append(next(stream).text)
    with pytest.raises(ConnectionError):
        next(stream)
    assert seen_before_error == ["a", " b"]
    with pytest.raises(ConnectionError):
        model.invoke("x")


def test_bound_tools_go_out_with_the_request():
    """`bind_tools` sends schemas in the form every provider's package starts from."""

    @tool
    def search(query: str) -> str:
        """Search."""
        return query

    bound = ScriptedChatModel(script=["x"]).bind_tools([search], tool_choice="any")
    assert bound.kwargs["tool_choice"] == "any"
    assert bound.kwargs["tools"][0]["function"]["name"] == "search"
    assert bound.invoke("x").text == "x"


def test_structured_output_through_a_tool_call():
    """`with_structured_output` parses the scripted call into the user's class."""

    class Stop(BaseModel):
        """A bus stop."""

        name: str

    model = ScriptedChatModel(script=[Turn(tool_calls=[ScriptedToolCall("Stop", {"name": "Old Square"})])])
    assert model.with_structured_output(Stop).invoke("x") == Stop(name="Old Square")


def test_streaming_flag_makes_invoke_stream():
    """With `streaming=True` invoke goes through the stream and returns the whole message."""
    model = ScriptedChatModel(script=[RICH], streaming=True)
    answer = model.invoke("x")
    assert isinstance(answer, AIMessage)
    assert answer.text == RICH.text


def test_ls_params_name_the_provider_and_the_model():
    """The metadata LangSmith-style tracers read names provider and model, also when overridden."""
    model = ScriptedChatModel(script=["x"], provider="acme", model="acme-1", temperature=0.2)
    params = model._get_ls_params()
    assert (params["ls_provider"], params["ls_model_name"], params["ls_temperature"]) == (
        "acme",
        "acme-1",
        0.2,
    )
    assert model._get_ls_params(model="acme-2")["ls_model_name"] == "acme-2"


@pytest.mark.parametrize("script", [[], "just text", 7])
def test_a_script_that_is_none_is_refused(script):
    """What is no script is refused where it is given, not at the first call."""
    with pytest.raises(ValidationError, match="a script is"):
        ScriptedChatModel(script=script)


async def test_a_slow_model_can_be_cancelled():
    """Pacing waits on the loop, so a caller can cancel before the first token."""
    model = ScriptedChatModel(script=["x"], pacing=Pacing(first_token=3600))
    task = asyncio.ensure_future(model.ainvoke("x"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_no_pacing_never_sleeps(monkeypatch):
    """Without pacing no clock is waited for."""
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"slept {seconds}"))
    model = ScriptedChatModel(script=["one two three"])
    assert (model | StrOutputParser()).invoke("x") == "one two three"
    assert "".join(chunk.text for chunk in model.stream("x")) == "one two three"


async def test_the_completion_model_answers_in_all_ways():
    """The non-chat model says its turns, reports usage, and raises its errors."""
    llm = ScriptedLLM(script=["a b", "c"])
    assert llm.invoke("p") == "a b"
    assert [chunk async for chunk in llm.astream("p")] == ["c"]
    assert list(llm.stream("p")) == ["a", " b"]
    result = await llm.agenerate(["p q"])
    assert result.llm_output["token_usage"] == {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}
    with pytest.raises(KeyError):
        ScriptedLLM(script=[KeyError("x")]).invoke("p")
