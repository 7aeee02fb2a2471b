"""The real Anthropic client against its own wire format."""

from __future__ import annotations

import anthropic_wire as wire
import pytest
from asking import MODES, STREAMS, ask, calls_in, get_weather, only_end, streamed

from tracebus.events import ModelInfo, Outcome, TokenUsage


@pytest.mark.parametrize("mode", MODES)
async def test_a_plain_answer(watch, server, anthropic_model, mode):
    """Usage, model, id, stop reason and text of an answer given at once."""
    server.script(wire.message(wire.text("Hello!"), used=wire.usage(25, 15)))
    await ask(watch, anthropic_model(), mode)
    (started,) = watch.started
    assert (started.model.provider, started.model.name) == ("anthropic", "claude-loopback-1")
    assert started.model.parameters["max_tokens"] == 1_024
    end = only_end(watch)
    assert (end.usage.input_tokens, end.usage.output_tokens, end.usage.total_tokens) == (25, 15, 40)
    assert (end.usage.cache_read_tokens, end.usage.cache_creation_tokens) == (0, 0)
    assert end.model == ModelInfo(name=wire.MODEL)
    assert end.response_id == wire.MESSAGE_ID
    assert end.finish_reasons == ("end_turn",)
    assert end.outputs["messages"][0]["content"] == "Hello!"
    assert end.outcome is Outcome.OK


@pytest.mark.parametrize("mode", MODES)
async def test_cached_tokens_are_part_of_the_input(watch, server, anthropic_model, mode):
    """Anthropic counts cached tokens apart; LangChain's totals include them, and so do ours.

    The client sets `cache_creation` to zero where it tells the parts by their lifetime; the sum is meant.
    """
    used = wire.usage(10, 20, read=1_000, created_5m=200, created_1h=30)
    server.script(wire.message(wire.text("x"), used=used))
    await ask(watch, anthropic_model(), mode)
    usage = only_end(watch).usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (1_240, 20, 1_260)
    assert (usage.cache_read_tokens, usage.cache_creation_tokens) == (1_000, 230)
    assert usage.other == {
        "input_ephemeral_5m_input_tokens": 200,
        "input_ephemeral_1h_input_tokens": 30,
    }


@pytest.mark.parametrize("mode", MODES)
async def test_thinking(watch, server, anthropic_model, mode):
    """Thinking tokens are a part of the output; the thought is in the message."""
    server.script(
        wire.message(wire.thinking("Hmm."), wire.text("42"), used=wire.usage(10, 300, thinking=250))
    )
    await ask(
        watch, anthropic_model(thinking={"type": "enabled", "budget_tokens": 1_024}, max_tokens=2_048), mode
    )
    end = only_end(watch)
    assert (end.usage.output_tokens, end.usage.reasoning_tokens) == (300, 250)
    content = end.outputs["messages"][0]["content"]
    assert [block["type"] for block in content] == ["thinking", "text"]
    assert content[0]["thinking"] == "Hmm."


@pytest.mark.parametrize("mode", MODES)
async def test_tool_calls(watch, server, anthropic_model, mode):
    """A requested tool call is in the output, with the reason for stopping."""
    server.script(wire.message(wire.tool_use("get_weather", {"city": "Oslo"}, "toolu_1"), stop="tool_use"))
    await ask(watch, anthropic_model().bind_tools([get_weather]), mode)
    end = only_end(watch)
    (call,) = end.outputs["messages"][0]["tool_calls"]
    assert (call["name"], call["args"], call["id"]) == ("get_weather", {"city": "Oslo"}, "toolu_1")
    assert end.finish_reasons == ("tool_use",)


@pytest.mark.parametrize("mode", STREAMS)
async def test_a_streamed_answer(watch, server, anthropic_model, mode):
    """Each piece of text is an event; usage is the last message_delta's, counted once."""
    server.script(
        wire.stream(
            wire.text_block(0, "Hel", "lo", "!"),
            start_usage=wire.usage(25, 1, read=100, created_5m=50),
            end_usage=wire.usage(25, 15, read=100, created_5m=50),
        )
    )
    result = await ask(watch, anthropic_model(), mode)
    assert "".join(chunk.text for chunk in result) == "Hello!"
    assert [event.text for event in streamed(watch) if event.text] == ["Hel", "lo", "!"]
    end = only_end(watch)
    assert (end.usage.input_tokens, end.usage.output_tokens, end.usage.total_tokens) == (175, 15, 190)
    assert (end.usage.cache_read_tokens, end.usage.cache_creation_tokens) == (100, 50)
    assert end.model == ModelInfo(name=wire.MODEL)
    assert end.finish_reasons == ("end_turn",)
    assert end.outcome is Outcome.OK


@pytest.mark.parametrize("mode", STREAMS)
async def test_streamed_thinking(watch, server, anthropic_model, mode):
    """Thoughts and text stream apart from one another; a signature is neither."""
    server.script(wire.stream(wire.thinking_block(0, "Let me ", "see."), wire.text_block(1, "4", "2")))
    await ask(
        watch, anthropic_model(thinking={"type": "enabled", "budget_tokens": 1_024}, max_tokens=2_048), mode
    )
    assert "".join(event.reasoning for event in streamed(watch)) == "Let me see."
    assert "".join(event.text for event in streamed(watch)) == "42"


@pytest.mark.parametrize("mode", STREAMS)
async def test_streamed_tool_calls(watch, server, anthropic_model, mode):
    """Fragments of the arguments belong together by their block's index."""
    server.script(
        wire.stream(
            wire.text_block(0, "Looking."),
            wire.tool_block(1, "get_weather", "toolu_1", '{"ci', 'ty": "Os', 'lo"}'),
            wire.tool_block(2, "get_weather", "toolu_2", '{"city": "Rom"}'),
            stop="tool_use",
        )
    )
    await ask(watch, anthropic_model().bind_tools([get_weather]), mode)
    assert calls_in(streamed(watch)) == {
        1: {"id": "toolu_1", "name": "get_weather", "args": '{"city": "Oslo"}'},
        2: {"id": "toolu_2", "name": "get_weather", "args": '{"city": "Rom"}'},
    }
    assert "".join(event.text for event in streamed(watch)) == "Looking."
    end = only_end(watch)
    assert [call["args"] for call in end.outputs["messages"][0]["tool_calls"]] == [
        {"city": "Oslo"},
        {"city": "Rom"},
    ]
    assert end.finish_reasons == ("tool_use",)
    assert end.usage == TokenUsage(
        input_tokens=25, output_tokens=15, total_tokens=40, cache_read_tokens=0, cache_creation_tokens=0
    )
