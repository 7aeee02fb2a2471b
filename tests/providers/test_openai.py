"""The real OpenAI chat client against its own wire format."""

from __future__ import annotations

import json

import openai_wire as wire
import pytest
from asking import MODES, STREAMS, ask, calls_in, get_weather, only_end, streamed
from wire import as_json

from tracebus import observe
from tracebus.events import ModelInfo, Outcome, RunKind, TokenUsage


@pytest.mark.parametrize("mode", MODES)
async def test_a_plain_answer(watch, server, openai_model, mode):
    """Usage, model, id, finish reason and text of an answer given at once."""
    server.script(wire.chat("Hello!", used=wire.usage(19, 10)))
    result = await ask(watch, openai_model(temperature=0.5), mode)
    assert result.content == "Hello!"
    (started,) = watch.started
    assert started.kind is RunKind.CHAT_MODEL
    assert (started.model.provider, started.model.name) == ("openai", "gpt-4o-mini")
    assert started.model.parameters["temperature"] == 0.5
    assert started.inputs["messages"][0]["content"] == "hi"
    end = only_end(watch)
    assert end.outcome is Outcome.OK
    assert end.usage == TokenUsage(input_tokens=19, output_tokens=10, total_tokens=29)
    assert end.model == ModelInfo(name=wire.MODEL)
    assert end.response_id == wire.CHAT_ID
    assert end.finish_reasons == ("stop",)
    assert end.outputs["messages"][0]["content"] == "Hello!"
    assert not end.cached
    assert not streamed(watch)


@pytest.mark.parametrize("mode", MODES)
async def test_usage_details(watch, server, openai_model, mode):
    """Cached, reasoning and audio tokens are parts of the inclusive totals."""
    used = wire.usage(2_006, 300, cached=1_920, reasoning=256, audio_in=3, audio_out=4)
    server.script(wire.chat("x", used=used))
    await ask(watch, openai_model(), mode)
    assert only_end(watch).usage == TokenUsage(
        input_tokens=2_006,
        output_tokens=300,
        total_tokens=2_306,
        cache_read_tokens=1_920,
        reasoning_tokens=256,
        input_audio_tokens=3,
        output_audio_tokens=4,
    )


@pytest.mark.parametrize("mode", MODES)
async def test_several_generations_are_used_once(watch, server, openai_model, mode):
    """With n=2 the request's usage is counted once, and both answers are there."""
    server.script(wire.chat("one", "two", used=wire.usage(9, 24)))
    await ask(watch, openai_model(n=2), mode)
    end = only_end(watch)
    assert end.usage == TokenUsage(input_tokens=9, output_tokens=24, total_tokens=33)
    assert [message["content"] for message in end.outputs["messages"]] == ["one", "two"]
    assert end.finish_reasons == ("stop", "stop")


@pytest.mark.parametrize("mode", MODES)
async def test_tool_calls(watch, server, openai_model, mode):
    """A requested tool call is in the output, with the reason for stopping."""
    server.script(
        wire.chat(
            tool_calls=[wire.tool_call("get_weather", '{"city": "Oslo"}', "call_1")],
            finish="tool_calls",
            used=wire.usage(82, 17),
        )
    )
    await ask(watch, openai_model().bind_tools([get_weather]), mode)
    end = only_end(watch)
    assert end.finish_reasons == ("tool_calls",)
    assert end.outputs["messages"][0]["tool_calls"] == [
        {"name": "get_weather", "args": {"city": "Oslo"}, "id": "call_1", "type": "tool_call"}
    ]
    assert end.usage.total_tokens == 99
    assert watch.started[0].model.parameters["tools"][0]["function"]["name"] == "get_weather"


@pytest.mark.parametrize("tier", ["flex", "priority"])
async def test_usage_details_of_a_service_tier(watch, server, openai_model, tier):
    """On the flex and priority tiers the client prefixes its details; they mean the same."""
    used = wire.usage(2_006, 300, cached=1_920, reasoning=256)
    server.script(wire.chat("x", used=used, service_tier=tier))
    await ask(watch, openai_model(), "invoke")
    usage = only_end(watch).usage
    assert (usage.input_tokens, usage.output_tokens) == (2_006, 300)
    assert (usage.cache_read_tokens, usage.reasoning_tokens) == (1_920, 256)


@pytest.mark.parametrize("mode", STREAMS)
async def test_a_streamed_answer_with_usage(watch, server, openai_model, mode):
    """Each piece of text is an event; usage comes with the last chunk."""
    server.script(
        wire.chat_stream(*wire.text_deltas("Hel", "lo", "!"), used=wire.usage(19, 10, cached=16, reasoning=4))
    )
    result = await ask(watch, openai_model(stream_usage=True), mode)
    assert "".join(chunk.content for chunk in result) == "Hello!"
    assert server.requests[0][1]["stream_options"] == {"include_usage": True}
    assert [event.text for event in streamed(watch)] == ["Hel", "lo", "!"]
    end = only_end(watch)
    assert end.usage == TokenUsage(
        input_tokens=19,
        output_tokens=10,
        total_tokens=29,
        cache_read_tokens=16,
        reasoning_tokens=4,
        input_audio_tokens=0,
        output_audio_tokens=0,
    )
    assert end.finish_reasons == ("stop",)
    assert end.model == ModelInfo(name=wire.MODEL)
    assert end.outputs["messages"][0]["content"] == "Hello!"


@pytest.mark.parametrize("mode", STREAMS)
async def test_usage_nobody_reported_is_unknown(watch, server, openai_model, mode):
    """A stream without usage has none: not zero."""
    server.script(wire.chat_stream(*wire.text_deltas("Hello")))
    await ask(watch, openai_model(), mode)
    assert "stream_options" not in server.requests[0][1]
    end = only_end(watch)
    assert end.usage is None
    assert end.outcome is Outcome.OK


@pytest.mark.parametrize("mode", STREAMS)
async def test_streamed_tool_calls(watch, server, openai_model, mode):
    """Fragments carry index, id, name and pieces of the arguments; together they are the call."""
    server.script(
        wire.chat_stream(
            *wire.tool_deltas(
                [
                    ("call_1", "get_weather", ['{"ci', 'ty": "Os', 'lo"}']),
                    ("call_2", "get_weather", ['{"city": "Rom"}']),
                ]
            ),
            used=wire.usage(80, 40),
        )
    )
    await ask(watch, openai_model(stream_usage=True).bind_tools([get_weather]), mode)
    assert calls_in(streamed(watch)) == {
        0: {"id": "call_1", "name": "get_weather", "args": '{"city": "Oslo"}'},
        1: {"id": "call_2", "name": "get_weather", "args": '{"city": "Rom"}'},
    }
    end = only_end(watch)
    assert end.finish_reasons == ("tool_calls",)
    assert [call["args"] for call in end.outputs["messages"][0]["tool_calls"]] == [
        {"city": "Oslo"},
        {"city": "Rom"},
    ]
    assert end.usage == TokenUsage(input_tokens=80, output_tokens=40, total_tokens=120)


@pytest.mark.parametrize("mode", MODES)
async def test_the_responses_api(watch, server, openai_model, mode):
    """Reasoning models answer through another endpoint, whose usage has other names."""
    server.script(
        wire.responses(
            wire.reasoning_item("I think."),
            wire.message_item("42"),
            used=wire.response_usage(75, 1_186, cached=32, reasoning=1_024),
        )
    )
    model = openai_model(
        model="o4-mini", use_responses_api=True, reasoning={"effort": "medium", "summary": "auto"}
    )
    await ask(watch, model, mode)
    assert server.requests[0][0] == "/v1/responses"
    end = only_end(watch)
    assert end.usage == TokenUsage(
        input_tokens=75, output_tokens=1_186, total_tokens=1_261, cache_read_tokens=32, reasoning_tokens=1_024
    )
    assert end.model == ModelInfo(name=wire.RESPONSE_MODEL)
    assert end.response_id == wire.RESPONSE_ID
    assert "42" in json.dumps(end.outputs)
    assert end.outcome is Outcome.OK


@pytest.mark.parametrize("mode", STREAMS)
async def test_the_responses_api_streamed(watch, server, openai_model, mode):
    """Reasoning and text stream apart from one another; usage comes at the end."""
    server.script(
        wire.responses_stream(
            ["Let me ", "think."], ["4", "2"], used=wire.response_usage(10, 50, cached=2, reasoning=40)
        )
    )
    model = openai_model(
        model="o4-mini", use_responses_api=True, reasoning={"effort": "medium", "summary": "auto"}
    )
    await ask(watch, model, mode)
    assert "".join(event.text for event in streamed(watch)) == "42"
    assert "".join(event.reasoning for event in streamed(watch)) == "Let me think."
    end = only_end(watch)
    assert end.usage == TokenUsage(
        input_tokens=10, output_tokens=50, total_tokens=60, cache_read_tokens=2, reasoning_tokens=40
    )
    assert end.model == ModelInfo(name=wire.RESPONSE_MODEL)
    assert end.response_id == wire.RESPONSE_ID


@pytest.mark.parametrize("mode", MODES)
async def test_the_responses_api_calls_tools(watch, server, openai_model, mode):
    """A tool call through the Responses API is a tool call like any other."""
    server.script(
        wire.responses(
            wire.call_item("get_weather", '{"city": "Oslo"}', "call_9"), used=wire.response_usage(20, 5)
        )
    )
    await ask(watch, openai_model(use_responses_api=True).bind_tools([get_weather]), mode)
    (call,) = only_end(watch).outputs["messages"][0]["tool_calls"]
    assert (call["name"], call["args"], call["id"]) == ("get_weather", {"city": "Oslo"}, "call_9")


async def test_the_api_key_is_nowhere(watch, server, openai_model):
    """Neither the start nor the end of a run holds the client's key."""
    server.script(wire.chat("x"))
    await ask(watch, openai_model(api_key="sk-hunter2"), "invoke")
    assert "hunter2" not in repr(watch.events)


@pytest.mark.parametrize("mode", MODES)
async def test_text_completions(watch, server, openai_llm, mode):
    """The legacy completion client's usage stands elsewhere in its result."""
    server.script(wire.completion("a test", used=wire.usage(5, 7)))
    await ask(watch, openai_llm(), mode)
    (started,) = watch.started
    assert started.kind is RunKind.LLM
    assert started.inputs == {"prompts": ["hi"]}
    end = only_end(watch)
    assert end.outputs == {"completions": ["a test"]}
    assert end.usage == TokenUsage(input_tokens=5, output_tokens=7, total_tokens=12)
    assert end.finish_reasons == ("stop",)


async def test_a_batch_of_text_completions_counts_once(watch, server, openai_llm):
    """Two prompts go out in one request, whose usage stands on the first run and nowhere else."""
    body = wire.completion_body("one", used=wire.usage(10, 14), finish="stop")
    body["choices"].append({**body["choices"][0], "text": "two", "index": 1})
    server.script(as_json(body))
    assert observe(openai_llm(), bus=watch.bus).batch(["a", "b"]) == ["one", "two"]
    watch.wait_until_all_ended(runs=2)
    ends = [watch.ends[event.run_id] for event in watch.started]
    assert [end.outputs for end in ends] == [{"completions": ["one"]}, {"completions": ["two"]}]
    assert ends[0].usage == TokenUsage(input_tokens=10, output_tokens=14, total_tokens=24)
    assert ends[1].usage is None


@pytest.mark.parametrize("mode", STREAMS)
async def test_text_completions_streamed(watch, server, openai_llm, mode):
    """The legacy client streams text and drops the usage: unknown, not zero."""
    server.script(wire.completion_stream("a ", "test"))
    await ask(watch, openai_llm(), mode)
    assert [event.text for event in streamed(watch)] == ["a ", "test"]
    end = only_end(watch)
    assert end.outputs == {"completions": ["a test"]}
    assert end.usage is None
