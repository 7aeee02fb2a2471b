"""Every run that began ends exactly once, and with the right outcome."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableGenerator, RunnableLambda, RunnableParallel
from langchain_core.tools import ToolException, tool

from tracebus import EventBus, observe, observing
from tracebus.events import Outcome, RunRetried
from tracebus.testing import ScriptedChatModel, Turn

PROMPT = ChatPromptTemplate.from_template("{q}")


def chain_of(model):
    return PROMPT | model | StrOutputParser()


def words(text="one two three four"):
    return chain_of(ScriptedChatModel(script=[text]))


class Forever:
    """Something to wait for that never comes, and a sign that the waiting has begun."""

    def __init__(self):
        self.reached = asyncio.Event()

    async def __call__(self, value):
        self.reached.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("how", ["invoke", "stream", "ainvoke", "astream"])
async def test_success_ends_every_run_ok(watch, how):
    """A chain that succeeds gives one `ok` end per run, in sync and async, whole and streamed."""
    chain = observe(words(), bus=watch.bus)
    match how:
        case "invoke":
            assert chain.invoke({"q": "x"}) == "one two three four"
        case "stream":
            assert "".join(chain.stream({"q": "x"})) == "one two three four"
        case "ainvoke":
            assert await chain.ainvoke({"q": "x"}) == "one two three four"
        case "astream":
            assert "".join([part async for part in chain.astream({"q": "x"})]) == "one two three four"
    assert set(watch.check().outcomes().values()) == {"ok"}
    assert len(watch.started) == 4


STEPS = ["first", "model", "tool", "retriever", "last"]


class BrokenRetriever(BaseRetriever):
    def _get_relevant_documents(self, query, *, run_manager):
        raise ValueError("retriever")


@tool
def broken_tool(q: str) -> str:
    """Break."""
    raise ValueError("tool")


def failing(step):
    def fail(value):
        raise ValueError(step)

    match step:
        case "model":
            return ScriptedChatModel(script=[ValueError("model")])
        case "tool":
            return RunnableLambda(lambda _: {"q": "x"}) | broken_tool
        case "retriever":
            return RunnableLambda(lambda _: "q") | BrokenRetriever()
        case _:
            return RunnableLambda(fail, name="fail")


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("step", STEPS)
async def test_an_exception_ends_the_run_and_its_parents_as_error(watch, step, asynchronous):
    """The failing run and everything above it end as `error` with the exception; the rest is ok."""
    before = RunnableLambda(lambda x: "x", name="before")
    chain = observe(before | failing(step) | RunnableLambda(str, name="after"), bus=watch.bus)
    with pytest.raises(ValueError, match=r"retriever|tool|model|first|last"):
        await chain.ainvoke("x") if asynchronous else chain.invoke("x")
    watch.check()
    outcomes = watch.outcomes()
    assert outcomes["RunnableSequence"] == "error"
    assert outcomes["before"] == "ok"
    assert "after" not in outcomes
    assert watch.end("RunnableSequence").error.type == "ValueError"
    failed = [e for e in watch.ends.values() if e.outcome is Outcome.ERROR]
    assert len(failed) == 2
    assert all("ValueError" in e.error.traceback for e in failed)


@pytest.mark.parametrize(
    ("around", "outcomes"),
    [
        (chain_of, {"RunnableSequence": "cancelled", "ChatPromptTemplate": "ok", "Slow": "cancelled"}),
        (lambda model: model, {"Slow": "cancelled"}),
    ],
    ids=["in a chain", "alone"],
)
async def test_a_cancelled_chat_model_ends_as_cancelled(watch, around, outcomes):
    """LangChain says nothing of a cancelled `ainvoke` of a model: the run ends as cancelled anyway.

    Alone it has no parent to end with: the observed call ends it.
    """
    forever = Forever()

    class Slow(ScriptedChatModel):
        async def _agenerate(self, *args, **kwargs):
            await forever(None)

    observed = observe(around(Slow(script=["x"])), bus=watch.bus)
    task = asyncio.create_task(observed.ainvoke({"q": "x"} if around is chain_of else "x"))
    await forever.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await watch.await_until_all_ended(runs=len(outcomes))
    assert watch.outcomes() == outcomes
    assert watch.end("Slow").error is None


async def test_a_timeout_inside_cancels_the_step_and_fails_the_chain(watch):
    """With `wait_for` inside a step the model was cancelled while the chain failed by a timeout."""

    class Slow(ScriptedChatModel):
        async def _agenerate(self, *args, **kwargs):
            await asyncio.Event().wait()

    model = Slow(script=["x"])

    async def impatient(value):
        return await asyncio.wait_for(model.ainvoke(value), timeout=0.01)

    chain = observe(RunnableLambda(impatient, name="impatient"), bus=watch.bus)
    with pytest.raises(TimeoutError):
        await chain.ainvoke("x")
    await watch.await_until_all_ended(runs=2)
    assert watch.outcomes() == {"impatient": "error", "Slow": "cancelled"}


async def test_cancelled_tools_chains_and_streams_end_as_cancelled(watch):
    """Cancellation is no error, wherever it strikes."""
    forever = Forever()

    @tool
    async def slow_tool(q: str) -> str:
        """Wait."""
        await forever(q)

    chain = observe(RunnableLambda(lambda x: {"q": x}) | slow_tool, bus=watch.bus)
    task = asyncio.create_task(chain.ainvoke("x"))
    await forever.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await watch.await_until_all_ended(runs=3)
    assert watch.outcomes()["slow_tool"] == "cancelled"
    assert watch.outcomes()["RunnableSequence"] == "cancelled"


def test_an_early_break_out_of_a_stream_is_abandoned(watch):
    """LangChain calls a stream left early a success; to who watches it was abandoned."""
    chain = observe(words(), bus=watch.bus)
    for part in chain.stream({"q": "x"}):
        assert part == "one"
        break
    gc.collect()
    watch.wait_until_all_ended(runs=4)
    assert watch.outcomes()["RunnableSequence"] == "abandoned"
    assert watch.end("RunnableSequence").error is None


async def test_an_early_break_out_of_an_async_stream_is_abandoned(watch):
    """The same for `astream`, whose generator is finalised by the loop some ticks later."""
    chain = observe(words(), bus=watch.bus)
    async for _ in chain.astream({"q": "x"}):
        break
    await watch.await_until_all_ended(runs=4)
    assert watch.outcomes()["RunnableSequence"] == "abandoned"
    assert "error" not in watch.outcomes().values()


async def test_an_early_break_out_of_astream_events_is_abandoned(watch):
    """The same for `astream_events`, which runs the chain in a task of its own."""
    chain = observe(words(), bus=watch.bus)
    async for event in chain.astream_events({"q": "x"}, version="v2"):
        if event["event"] == "on_chat_model_stream":
            break
    await watch.await_until_all_ended(runs=3)
    assert "error" not in watch.outcomes().values()
    assert watch.outcomes()["RunnableSequence"] in {"abandoned", "cancelled"}


def test_a_generator_never_closed_ends_when_the_bus_closes(watch):
    """A stream somebody holds and never reads on is abandoned at the latest when the bus closes."""
    stream = observe(words(), bus=watch.bus).stream({"q": "x"})
    next(stream)
    assert watch.bus.close(10)
    watch.check_events = watch.exporter.events
    ends = [e for e in watch.exporter.events if type(e).__name__ == "RunEnded"]
    assert {str(e.outcome) for e in ends if e.error is None} <= {"ok", "abandoned"}
    assert len(ends) == len([e for e in watch.exporter.events if type(e).__name__ == "RunStarted"])
    stream.close()


def test_a_fallback_is_an_error_below_an_ok(watch):
    """The failed attempt is an error, the fallback and the whole are ok, both under the same parent."""
    broken = ScriptedChatModel(script=[ConnectionError("down")], model="broken")
    chain = observe(broken.with_fallbacks([ScriptedChatModel(script=["fine"])]), bus=watch.bus)
    assert chain.invoke("x").content == "fine"
    watch.check()
    root = watch.started[0]
    assert [str(watch.ends[e.run_id].outcome) for e in watch.started] == ["ok", "error", "ok"]
    assert {e.parent_run_id for e in watch.started[1:]} == {root.run_id}


def test_retries_are_told_with_their_cause(watch):
    """`with_retry` calls no retry callback: the attempts' tags tell, with why the one before failed."""
    calls = []

    def flaky(value):
        calls.append(value)
        if len(calls) < 3:
            raise ConnectionError(f"attempt {len(calls)}")
        return "done"

    chain = RunnableLambda(flaky, name="flaky").with_retry(
        wait_exponential_jitter=False, stop_after_attempt=3
    )
    assert observe(chain, bus=watch.bus).invoke("x") == "done"
    watch.check()
    retries = [e for e in watch.events if isinstance(e, RunRetried)]
    assert [e.attempt for e in retries] == [2, 3]
    assert [e.error.message for e in retries] == ["attempt 1", "attempt 2"]
    assert {e.run_id for e in retries} == {watch.started[0].run_id}
    assert [e.attempt for e in watch.started] == [None, None, 2, 3]
    assert [str(watch.ends[e.run_id].outcome) for e in watch.started] == ["ok", "error", "error", "ok"]


def test_a_tool_error_message_is_an_error(watch):
    """A tool that answers with a `ToolMessage` of status error failed, though LangChain says it ended."""

    @tool
    def careful(q: str) -> str:
        """Fail politely."""
        raise ToolException("no such city")

    careful.handle_tool_error = True
    call = {"name": "careful", "args": {"q": "x"}, "id": "call_1", "type": "tool_call"}
    answer = observe(careful, bus=watch.bus).invoke(call)
    assert isinstance(answer, ToolMessage)
    watch.check()
    assert watch.outcomes() == {"careful": "error"}
    assert watch.end("careful").error.message == "no such city"
    assert watch.run("careful").tool_call_id in {"call_1", None}  # langchain-core 1.0 does not tell


async def test_a_sibling_that_outlives_its_failed_parent_keeps_its_own_end(watch):
    """In `RunnableParallel` a failed branch ends the parent; the other branch goes on and ends later."""
    release, entered = asyncio.Event(), asyncio.Event()

    async def slow(value):
        entered.set()
        await release.wait()
        return value

    async def fail(value):
        await entered.wait()
        raise ValueError("branch")

    chain = RunnableParallel(slow=RunnableLambda(slow, name="slow"), fail=RunnableLambda(fail, name="fail"))
    with pytest.raises(ValueError, match="branch"):
        await observe(chain, bus=watch.bus).ainvoke("x")
    release.set()
    await watch.await_until_all_ended(runs=3)
    assert watch.outcomes()["slow"] == "ok"
    assert watch.outcomes()["fail"] == "error"


async def test_generators_that_raise_in_the_middle_end_as_error(watch):
    """What was streamed before stays; the run ends as error."""

    async def explode(stream):
        async for part in stream:
            yield part
            raise RuntimeError("half-way")

    chain = observe(RunnableGenerator(explode, name="explode"), bus=watch.bus)
    with pytest.raises(RuntimeError, match="half-way"):
        async for _ in chain.astream("x"):
            pass
    watch.check()
    assert watch.outcomes() == {"explode": "error"}


def test_streamed_text_keeps_no_message_alive():
    """A chunk that is nothing but text is its text at once: no reader need come by to let the message go."""
    bus = EventBus()
    model = observe(ScriptedChatModel(script=["one two three"]), bus=bus)
    chunks = [weakref.ref(chunk) for chunk in model.stream("q")]
    gc.collect()
    assert len(chunks) > 2
    assert not any(chunk() for chunk in chunks)


def test_a_model_that_breaks_half_way_keeps_what_it_said(watch):
    """A stream's error comes with the generation until then: outputs and usage are not lost."""
    model = ScriptedChatModel(
        script=[Turn(text="one two three", error=ConnectionError("reset"), error_after=2)]
    )
    with pytest.raises(ConnectionError):
        list(observe(model, bus=watch.bus).stream("x"))
    watch.check()
    assert watch.end("ScriptedChatModel").outcome is Outcome.ERROR
    assert (
        watch.end("ScriptedChatModel").outputs["messages"][0]["content"]
        == watch.text("ScriptedChatModel")
        != ""
    )


def test_threads_observe_inside_observing_where_they_copy_the_context(watch):
    """LangChain's own threads copy the context; the runs in them are observed and end."""
    results = []
    with observing(bus=watch.bus):
        parallel = RunnableParallel(
            a=RunnableLambda(lambda x: threading.get_ident(), name="a"),
            b=RunnableLambda(lambda x: threading.get_ident(), name="b"),
        )
        results.append(parallel.invoke(1))
    watch.check()
    assert set(watch.children("RunnableParallel<a,b>")) == {"a", "b"}


def test_keyboard_interrupt_ends_runs_and_passes_through(watch):
    """An interrupt from the keyboard is nobody's to swallow."""

    def interrupt(value):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        observe(RunnableLambda(interrupt, name="interrupted"), bus=watch.bus).invoke("x")
    watch.wait_until_all_ended()
    assert watch.outcomes()["interrupted"] == "error"
    assert watch.end("interrupted").error.type == "KeyboardInterrupt"


def test_several_answers_of_a_legacy_fake_model_end_each(watch):
    """Models from elsewhere (LangChain's own fakes) end as well."""
    model = GenericFakeChatModel(messages=iter([AIMessage("a b")]))
    assert "".join(part.content for part in observe(model, bus=watch.bus).stream("x")) == "a b"
    watch.check()
    assert watch.text("GenericFakeChatModel") == "a b"
