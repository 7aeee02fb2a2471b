"""Real clients inside chains, and what of their content gets out."""

from __future__ import annotations

import anthropic_wire
import openai_wire
import pytest
from asking import ask, only_end, streamed
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from pydantic import BaseModel

from tracebus import Capture, observe, observing
from tracebus.events import encode_json

SECRET = "hunter2-very-secret"


@tool
def log_in(user: str, password: str) -> str:
    """Log a user in."""
    return user + password


class Answer(BaseModel):
    """An answer to a question."""

    city: str


async def test_usage_stands_on_the_model_alone(watch, server, openai_model):
    """In a chain only the model's run has usage, so that a sum counts it once."""
    server.script(
        openai_wire.chat_stream(*openai_wire.text_deltas("Hel", "lo"), used=openai_wire.usage(19, 10))
    )
    chain = (
        ChatPromptTemplate.from_template("Say {word}") | openai_model(stream_usage=True) | StrOutputParser()
    )
    said = [text async for text in observe(chain, bus=watch.bus).astream({"word": "hello"})]
    assert "".join(said) == "Hello"
    await watch.await_until_all_ended(runs=4)
    used = {event.name: watch.ends[event.run_id].usage for event in watch.started}
    assert used["ChatOpenAI"].total_tokens == 29
    assert [name for name, usage in used.items() if usage is not None] == ["ChatOpenAI"]


async def test_two_providers_at_once(watch, server, openai_model, anthropic_model):
    """`observing` sees both clients' runs, each with its own provider and usage."""
    with observing(bus=watch.bus):
        server.script(openai_wire.chat("a"))
        await openai_model().ainvoke("x")
        server.script(anthropic_wire.message(anthropic_wire.text("b")))
        await anthropic_model().ainvoke("y")
    await watch.await_until_all_ended(runs=2)
    providers = {event.model.provider: watch.ends[event.run_id].usage.total_tokens for event in watch.started}
    assert providers == {"openai": 29, "anthropic": 40}


async def test_structured_output(watch, server, openai_model):
    """A model bound to a schema answers through its tool call; the parsed object is in the chain's output."""
    call = openai_wire.tool_call("Answer", '{"city": "Oslo"}', "call_1")
    server.script(openai_wire.chat(tool_calls=[call], finish="tool_calls"))
    model = openai_model().with_structured_output(Answer, method="function_calling")
    assert await observe(model, bus=watch.bus).ainvoke("where?") == Answer(city="Oslo")
    await watch.await_until_all_ended(runs=3)
    root = next(event for event in watch.started if event.parent_run_id is None)
    assert watch.ends[root.run_id].outputs == {"city": "Oslo"}


async def test_raw_chunks_are_taken_when_asked_for(watch, server, openai_model):
    """Without the switch no raw chunk is kept, with it each event has its own."""
    for wanted in (False, True):
        server.script(openai_wire.chat_stream(*openai_wire.text_deltas("Hello")))
        observed = observe(openai_model(), bus=watch.bus, capture=Capture(raw_chunks=wanted))
        [chunk async for chunk in observed.astream("hi")]
    await watch.await_until_all_ended(runs=2)
    first, second = (event.chunk for event in streamed(watch) if event.text)
    assert first is None
    assert "Hello" in str(second)


async def test_a_huge_piece_of_text_is_limited(watch, server, openai_model):
    """Some models stream a whole answer as one piece; a string's limit holds for it too."""
    server.script(openai_wire.chat_stream(*openai_wire.text_deltas("x" * 100_000)))
    observed = observe(openai_model(), bus=watch.bus, capture=Capture(max_string=1_000))
    [chunk async for chunk in observed.astream("hi")]
    await watch.await_until_all_ended()
    (event,) = (event for event in streamed(watch) if event.text)
    assert len(event.text) == 1_000
    assert [(cut.path, cut.reason, cut.size) for cut in event.cuts] == [("/text", "length", 100_000)]


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_without_content_no_word_gets_out(watch, server, openai_model, anthropic_model, provider):
    """With content off prompts, answers, thoughts and arguments stay; names, usage and reasons are told."""
    if provider == "openai":
        calls = [("call_1", "log_in", ['{"user": "', SECRET, '"}'])]
        server.script(openai_wire.chat_stream(*openai_wire.tool_deltas(calls), used=openai_wire.usage()))
        model = openai_model(stream_usage=True).bind_tools([log_in])
    else:
        server.script(
            anthropic_wire.stream(
                anthropic_wire.thinking_block(0, SECRET),
                anthropic_wire.text_block(1, SECRET),
                anthropic_wire.tool_block(2, "log_in", "toolu_1", '{"user": "', SECRET, '"}'),
                stop="tool_use",
            )
        )
        model = anthropic_model().bind_tools([log_in])
    observed = observe(model, bus=watch.bus, capture=Capture(content=False, raw_chunks=True))
    [chunk async for chunk in observed.astream(f"my name is {SECRET}")]
    await watch.await_until_all_ended()
    assert SECRET not in "".join(encode_json(event).decode() for event in watch.events)
    (end,) = watch.ends.values()
    assert end.usage.output_tokens > 0
    assert end.finish_reasons
    assert ("/outputs", "content") in [(cut.path, cut.reason) for cut in end.cuts]


async def test_a_redaction_function_sees_what_chunks_would_hide(watch, server, openai_model):
    """A secret that straddles two chunks is withheld while streaming, and redacted in the output."""
    server.script(openai_wire.chat_stream(*openai_wire.text_deltas("it is hunter2-", "very-secret", "!")))
    capture = Capture(redact=lambda _, text: text.replace(SECRET, "***"), raw_chunks=True)
    observed = observe(openai_model(), bus=watch.bus, capture=capture)
    [chunk async for chunk in observed.astream("hi")]
    await watch.await_until_all_ended()
    wire = "".join(encode_json(event).decode() for event in watch.events)
    assert "hunter2" not in wire
    assert "very-secret" not in wire
    assert {cut.reason for event in streamed(watch) for cut in event.cuts} == {"redacted"}
    (end,) = watch.ends.values()
    assert end.outputs["messages"][0]["content"] == "it is ***!"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_secrets_in_a_tool_calls_arguments_are_redacted_in_the_output(
    watch, server, openai_model, anthropic_model, provider
):
    """The arguments are redacted by key wherever the client repeats them: parsed, as JSON text, in blocks."""
    if provider == "openai":
        call = openai_wire.tool_call("log_in", f'{{"user": "u", "password": "{SECRET}"}}', "call_1")
        server.script(openai_wire.chat(tool_calls=[call], finish="tool_calls"))
        model = openai_model()
    else:
        call = anthropic_wire.tool_use("log_in", {"user": "u", "password": SECRET}, "toolu_1")
        server.script(anthropic_wire.message(call, stop="tool_use"))
        model = anthropic_model()
    await observe(model.bind_tools([log_in]), bus=watch.bus).ainvoke("hi")
    await watch.await_until_all_ended()
    assert SECRET not in "".join(encode_json(event).decode() for event in watch.events)
    (end,) = watch.ends.values()
    assert end.outputs["messages"][0]["tool_calls"][0]["args"] == {"user": "u", "password": "[redacted]"}


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_a_stream_is_redacted(watch, server, openai_model, anthropic_model, provider):
    """However the provider cuts the arguments: no fragment has a part of the secret, nor what is made of them."""
    pieces = ['{"user": "u", "pass', 'word": "hunt', "er2-very-", 'secret"}']
    if provider == "openai":
        calls = [("call_1", "log_in", pieces)]
        server.script(openai_wire.chat_stream(*openai_wire.tool_deltas(calls)))
        model = openai_model()
    else:
        server.script(
            anthropic_wire.stream(anthropic_wire.tool_block(0, "log_in", "toolu_1", *pieces), stop="tool_use")
        )
        model = anthropic_model()
    await ask(watch, model.bind_tools([log_in]), "astream")
    end = only_end(watch)
    assert SECRET not in encode_json(end).decode()
    assert end.outputs["messages"][0]["tool_calls"][0]["args"] == {"user": "u", "password": "[redacted]"}
    args = "".join(part.args for event in streamed(watch) for part in event.tool_calls)
    assert '"user": "u"' in args
    assert "hunt" not in args
    assert "secret" not in args
