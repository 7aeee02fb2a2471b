"""What goes wrong between a client and its provider, as events."""

from __future__ import annotations

import asyncio
import threading

import anthropic
import anthropic_wire
import openai
import openai_wire
import pytest
import wire
from asking import MODES, STREAMS, only_end, run

from tracebus import observe
from tracebus.events import Outcome, RunRetried, RunStreamed

AT_ONCE = {"retry_after_ms": "1"}
"""Both providers' clients wait this long before they try again, instead of their usual half second."""


@pytest.mark.parametrize("mode", MODES)
async def test_a_clients_own_retries_are_part_of_one_run(watch, server, openai_model, mode):
    """The client's retries are its own affair: one run, which ends well."""
    limit = openai_wire.error(429, "slow down", "requests", **AT_ONCE)
    server.script(limit, limit, openai_wire.chat("at last"))
    observed = observe(openai_model(max_retries=2), bus=watch.bus)
    assert (await run(observed, mode)).content == "at last"
    await watch.await_until_all_ended()
    assert len(server.requests) == 3
    assert only_end(watch).outcome is Outcome.OK
    assert not [event for event in watch.events if isinstance(event, RunRetried)]


@pytest.mark.parametrize("mode", MODES)
async def test_retries_of_the_chain_are_attempts(watch, server, openai_model, mode):
    """`with_retry` runs the model anew: each attempt is a run, numbered, with its own outcome."""
    server.script(openai_wire.error(429, "slow down"), openai_wire.chat("at last"))
    model = openai_model().with_retry(stop_after_attempt=3, wait_exponential_jitter=False)
    await run(observe(model, bus=watch.bus), mode)
    await watch.await_until_all_ended()
    attempts = [event for event in watch.started if event.kind == "chat_model"]
    assert [watch.ends[event.run_id].outcome for event in attempts] == [Outcome.ERROR, Outcome.OK]
    assert attempts[1].attempt == 2
    assert watch.ends[attempts[0].run_id].error.type.endswith("RateLimitError")


@pytest.mark.parametrize("mode", MODES + STREAMS)
async def test_a_rate_limit_is_an_error(watch, server, openai_model, mode):
    """The provider's words and the client's exception are told, usage is unknown."""
    server.script(openai_wire.error(429, "You exceeded your current quota", "insufficient_quota"))
    with pytest.raises(openai.RateLimitError):
        await run(observe(openai_model(), bus=watch.bus), mode)
    await watch.await_until_all_ended()
    end = only_end(watch)
    assert end.outcome is Outcome.ERROR
    assert end.error.type.endswith("RateLimitError")
    assert "exceeded your current quota" in end.error.message
    assert "Traceback" in end.error.traceback
    assert end.usage is None


@pytest.mark.parametrize("mode", MODES + STREAMS)
async def test_an_overloaded_provider_is_an_error(watch, server, anthropic_model, mode):
    """Anthropic's 529 is told like any other."""
    server.script(anthropic_wire.error(529, "overloaded_error", "Overloaded"))
    with pytest.raises(anthropic.APIStatusError):
        await run(observe(anthropic_model(), bus=watch.bus), mode)
    await watch.await_until_all_ended()
    end = only_end(watch)
    assert end.outcome is Outcome.ERROR
    assert "Overloaded" in end.error.message


@pytest.mark.parametrize("mode", MODES)
async def test_anthropics_retries_are_part_of_one_run(watch, server, anthropic_model, mode):
    """A 500 the client retries leaves no trace but time."""
    server.script(
        anthropic_wire.error(500, "api_error", "oops", **AT_ONCE),
        anthropic_wire.message(anthropic_wire.text("x")),
    )
    await run(observe(anthropic_model(max_retries=1), bus=watch.bus), mode)
    await watch.await_until_all_ended()
    assert len(server.requests) == 2
    assert only_end(watch).outcome is Outcome.OK


@pytest.mark.parametrize("mode", STREAMS)
async def test_a_dropped_connection_ends_the_stream_with_an_error(watch, server, openai_model, mode):
    """What came before the drop was streamed; the run ends with the transport's error."""
    server.script(openai_wire.chat_stream(*openai_wire.text_deltas("Hel", "lo")[:-1], broken=True))
    with pytest.raises(Exception, match=r"peer closed|incomplete|Connection error"):
        await run(observe(openai_model(), bus=watch.bus), mode)
    await watch.await_until_all_ended()
    assert "".join(event.text for event in watch.events if isinstance(event, RunStreamed)) == "Hello"
    end = only_end(watch)
    assert end.outcome is Outcome.ERROR
    assert end.error.type
    assert end.outputs is None or end.outputs["messages"][0]["content"] == "Hello"


@pytest.mark.parametrize("mode", STREAMS)
async def test_anthropics_dropped_connection(watch, server, anthropic_model, mode):
    """The same holds for the other client."""
    server.script(anthropic_wire.broken_stream(anthropic_wire.text_block(0, "Hel", "lo")))
    with pytest.raises(Exception, match=r"peer closed|incomplete|Connection"):
        await run(observe(anthropic_model(), bus=watch.bus), mode)
    await watch.await_until_all_ended()
    assert "".join(event.text for event in watch.events if isinstance(event, RunStreamed)) == "Hello"
    assert only_end(watch).outcome is Outcome.ERROR


@pytest.mark.parametrize("mode", STREAMS)
async def test_an_error_event_within_a_stream(watch, server, anthropic_model, mode):
    """Anthropic may report an overload in the midst of a stream."""
    overload = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    server.script(anthropic_wire.broken_stream(anthropic_wire.text_block(0, "Hel"), error_event=overload))
    with pytest.raises(anthropic.APIStatusError):
        await run(observe(anthropic_model(), bus=watch.bus), mode)
    await watch.await_until_all_ended()
    end = only_end(watch)
    assert end.outcome is Outcome.ERROR
    assert "Overloaded" in end.error.message


async def test_a_cancelled_request_is_cancelled(watch, server, openai_model):
    """A program that cancels while the provider thinks gets a cancelled run."""
    release = threading.Event()
    server.script(wire.Reply(chunks=[b" "], hold=release))
    task = asyncio.create_task(observe(openai_model(), bus=watch.bus).ainvoke("hi"))
    await asyncio.to_thread(server.wait_for_requests, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()
    await watch.await_until_all_ended()
    end = only_end(watch)
    assert end.outcome is Outcome.CANCELLED
    assert end.error is None
    assert end.usage is None


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_a_stream_left_early_is_abandoned(watch, server, openai_model, anthropic_model, provider):
    """A program that has read enough leaves; what it saw was streamed, and the run is no error."""
    release = threading.Event()
    if provider == "openai":
        model = openai_model()
        server.script(openai_wire.chat_stream(*openai_wire.text_deltas("Hel", "lo"), hold=release))
    else:
        model = anthropic_model()
        server.script(
            wire.Reply(
                chunks=anthropic_wire.stream(anthropic_wire.text_block(0, "Hel", "lo")).chunks,
                content_type="text/event-stream",
                hold=release,
            )
        )
    stream = observe(model, bus=watch.bus).astream("hi")
    async for chunk in stream:
        if chunk.text == "Hel":
            break
    await stream.aclose()
    release.set()
    await watch.await_until_all_ended()
    end = only_end(watch)
    assert end.outcome is Outcome.ABANDONED
    assert end.error is None


async def test_an_error_without_content(watch, server, openai_model):
    """With content off neither the provider's words nor the prompt leave."""
    from tracebus import Capture

    server.script(openai_wire.error(400, "your prompt 'private matter' is refused"))
    observed = observe(openai_model(), bus=watch.bus, capture=Capture(content=False))
    with pytest.raises(openai.BadRequestError):
        await observed.ainvoke("a private matter")
    await watch.await_until_all_ended()
    assert "private" not in repr(watch.events)
    assert only_end(watch).error.type.endswith("OpenAIInvalidRequestError")
