"""LangChain's own cache in front of real clients: what was answered from it cost nothing."""

from __future__ import annotations

import anthropic_wire
import openai_wire
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache

from tracebus import observe
from tracebus.events import Outcome, TokenUsage

NOTHING = TokenUsage(input_tokens=0, output_tokens=0, total_tokens=0)


@pytest.fixture
def cache():
    """Give LangChain a cache for the whole process."""
    set_llm_cache(InMemoryCache())
    yield
    set_llm_cache(None)


async def ask_twice(watch, model, mode):
    observed = observe(model, bus=watch.bus)
    for _ in range(2):
        if mode == "invoke":
            observed.invoke("hi")
        elif mode == "ainvoke":
            await observed.ainvoke("hi")
        elif mode == "stream":
            list(observed.stream("hi"))
    await watch.await_until_all_ended(runs=2)
    return [watch.ends[event.run_id] for event in watch.started]


@pytest.mark.parametrize("mode", ["invoke", "ainvoke"])
async def test_a_cached_chat_answer_used_nothing(watch, server, openai_model, cache, mode):
    """The second time nobody is asked: the run says so and counts no tokens twice."""
    server.script(openai_wire.chat("Hello!", used=openai_wire.usage(19, 10, cached=8)))
    first, second = await ask_twice(watch, openai_model(), mode)
    assert len(server.requests) == 1
    assert (first.cached, first.usage.total_tokens) == (False, 29)
    assert (second.cached, second.usage) == (True, NOTHING)
    assert second.outcome is Outcome.OK
    assert second.outputs["messages"][0]["content"] == "Hello!"


@pytest.mark.parametrize("mode", ["invoke", "ainvoke"])
async def test_anthropics_cached_answer(watch, server, anthropic_model, cache, mode):
    """The same holds for the other client."""
    server.script(anthropic_wire.message(anthropic_wire.text("Hello!")))
    first, second = await ask_twice(watch, anthropic_model(), mode)
    assert len(server.requests) == 1
    assert (first.cached, first.usage.total_tokens) == (False, 40)
    assert (second.cached, second.usage) == (True, NOTHING)


@pytest.mark.parametrize("mode", ["invoke", "ainvoke"])
async def test_a_cached_text_completion(watch, server, openai_llm, cache, mode):
    """Of a text completion answered from the cache LangChain tells no callback anything: no run, no usage."""
    server.script(openai_wire.completion("a test"))
    observed = observe(openai_llm(), bus=watch.bus)
    for _ in range(2):
        answer = observed.invoke("hi") if mode == "invoke" else await observed.ainvoke("hi")
        assert answer == "a test"
    assert len(server.requests) == 1
    await watch.await_until_all_ended()
    assert [end.usage.total_tokens for end in watch.ends.values()] == [12]
