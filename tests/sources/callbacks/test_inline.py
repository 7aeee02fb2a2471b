"""Our handler runs in place, and nobody else's handler notices."""

from __future__ import annotations

import threading

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.runnables import RunnableLambda

from tracebus import observe
from tracebus.sources.callbacks._recorder import Recorder
from tracebus.testing import ScriptedChatModel, ScriptedLLM


class Async(AsyncCallbackHandler):
    def __init__(self):
        self.seen = []

    async def on_llm_start(self, serialized, prompts, **kwargs):
        self.seen.append("start")

    async def on_llm_end(self, response, **kwargs):
        self.seen.append("end")


class Inline(BaseCallbackHandler):
    run_inline = True

    def __init__(self):
        self.seen = []

    def on_llm_start(self, serialized, prompts, **kwargs):
        self.seen.append("start")

    def on_llm_end(self, response, **kwargs):
        self.seen.append("end")


async def test_other_handlers_still_get_the_start_of_a_text_completion(watch):
    """An inline handler would make LangChain skip theirs (langchain#39633)."""
    other = Async()
    await observe(ScriptedLLM(script=["x"]), bus=watch.bus).ainvoke("q", {"callbacks": [other]})
    assert other.seen == ["start", "end"]
    assert watch.check().outcomes() == {"ScriptedLLM": "ok"}


async def test_astream_events_of_a_text_completion_is_complete(watch):
    """LangChain's own event stream is such a handler."""
    chain = observe(ScriptedLLM(script=["one two"]), bus=watch.bus)
    events = [event["event"] async for event in chain.astream_events("q", version="v2")]
    assert events[0] == "on_llm_start"
    assert events[-1] == "on_llm_end"
    watch.check()


async def test_beside_an_inline_handler_we_get_the_start_as_well(watch):
    """LangSmith's tracer is inline: LangChain then calls the inline handlers only."""
    inline = Inline()
    await observe(ScriptedLLM(script=["x"]), bus=watch.bus).ainvoke("q", {"callbacks": [inline]})
    assert inline.seen == ["start", "end"]
    assert watch.check().outcomes() == {"ScriptedLLM": "ok"}


@pytest.mark.parametrize("what", ["chain", "chat model", "llm"])
async def test_callbacks_run_on_the_programs_own_thread(watch, monkeypatch, what):
    """No hop to a thread pool for a callback, in asynchronous code either."""
    threads = set()
    for name in ("start", "end", "end_model", "token"):
        original = getattr(Recorder, name)

        def noting(self, *args, _original=original, **kwargs):
            threads.add(threading.get_ident())
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(Recorder, name, noting)
    runnable = {
        "chain": RunnableLambda(str) | RunnableLambda(str),
        "chat model": ScriptedChatModel(script=["one two"]),
        "llm": ScriptedLLM(script=["one two"]),
    }[what]
    async for _ in observe(runnable, bus=watch.bus).astream("q"):
        pass
    # RunnableLambda runs a synchronous function in a thread, but not its callbacks.
    assert threads == {threading.get_ident()}
    watch.check()


async def test_a_cancelled_stream_cancels_what_streams_inside(watch):
    """The generators inside are closed, which alone would look abandoned."""
    import asyncio

    reached = asyncio.Event()

    async def hold(stream):
        async for part in stream:
            yield part
            reached.set()
            await asyncio.Event().wait()

    from langchain_core.runnables import RunnableGenerator

    chain = observe(
        ScriptedChatModel(script=["one two three"]) | RunnableGenerator(hold, name="hold"), bus=watch.bus
    )

    async def consume():
        async for _ in chain.astream("q"):
            pass

    task = asyncio.create_task(consume())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await watch.await_until_all_ended(runs=3)
    assert set(watch.outcomes().values()) == {"cancelled"}
