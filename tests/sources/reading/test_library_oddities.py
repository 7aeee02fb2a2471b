"""What LangChain and LangGraph make odd of their own accord, put right or said."""

from __future__ import annotations

from typing import TypedDict
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.caches import InMemoryCache
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import RunnableLambda

import tracebus
from tracebus import Capture, observe
from tracebus.events import RunEnded, RunStarted
from tracebus.sources.reading._glued import once, unglued
from tracebus.sources.reading._usage import usage_of_message, usage_told
from tracebus.testing import ScriptedChatModel

WHO = {
    "configurable": {"user_id": "ann", "tenant": "acme", "session_id": 7, "api_key": "sk-1", "token": "sk-2"}
}


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "batch"])
@pytest.mark.parametrize("subject", ["step", "model", "sequence"])
async def test_who_asks_is_on_the_root_run(watch, subject, how):
    """Since langchain-core 1.8 only LangSmith is told; secrets stay out, and what is below says nothing."""
    runnable = {
        "step": RunnableLambda(lambda x: x, name="step"),
        "model": ScriptedChatModel(script=["Noon."]),
        "sequence": RunnableLambda(lambda x: x, name="step") | ScriptedChatModel(script=["Noon."]),
    }[subject]
    observed = observe(runnable, bus=watch.bus)
    match how:
        case "invoke":
            observed.invoke("x", WHO)
        case "ainvoke":
            await observed.ainvoke("x", WHO)
        case "stream":
            list(observed.stream("x", WHO))
        case "batch":
            observed.batch(["x"], WHO)
    root = watch.check().started[0]
    assert {name: root.metadata[name] for name in ("user_id", "tenant", "session_id")} == {
        "user_id": "ann",
        "tenant": "acme",
        "session_id": 7,
    }
    assert "sk-" not in str(watch.events)


def test_who_asks_is_redacted_as_the_program_wishes(watch):
    """By the capture policy, as everything else."""
    capture = Capture(redact_keys=("tenant",))
    observe(RunnableLambda(lambda x: x, name="step"), bus=watch.bus, capture=capture).invoke(1, WHO)
    assert watch.check().run("step").metadata["tenant"] != "acme"


def test_a_graph_s_root_says_who_asks(watch):
    """LangGraph tells the thread only."""
    graphs = pytest.importorskip("langgraph.graph", reason="needs langgraph")
    builder = graphs.StateGraph(TypedDict("State", {"x": int}))
    builder.add_node("step", lambda state: {"x": 1})
    builder.add_edge(graphs.START, "step")
    config = {"configurable": {"thread_id": "t", "user_id": "ann", "checkpoint_ns": ""}}
    observe(builder.compile(name="desk"), bus=watch.bus).invoke({"x": 0}, config)
    metadata = watch.check().run("desk").metadata
    assert (metadata["thread_id"], metadata["user_id"]) == ("t", "ann")
    assert not metadata.get("checkpoint_ns")  # LangGraph 1.0 says it, empty


@pytest.mark.filterwarnings("ignore:Provided run_id:RuntimeWarning")
def test_a_batch_of_a_completion_model_with_one_id_is_three_runs(watch):
    """`BaseLLM.batch` gives all elements the one id, or drops it."""
    observe(FakeListLLM(responses=["a", "b", "c"]), bus=watch.bus).batch(["1", "2", "3"], {"run_id": uuid4()})
    watch.check()
    assert len({run.run_id for run in watch.started}) == 3
    assert sorted(run.batch.index for run in watch.started) == [0, 1, 2]


def test_a_cached_answer_used_nothing(watch):
    """It repeats the first one's usage and message id."""
    model = observe(ScriptedChatModel(script=["Noon."], cache=InMemoryCache()), bus=watch.bus)
    model.invoke("When?")
    model.invoke("When?")
    first, second = [watch.ends[run.run_id] for run in watch.check().started]
    assert (first.cached, second.cached) == (False, True)
    assert first.usage.input_tokens > 0
    assert second.usage.input_tokens == 0


class TwoChoices(ScriptedChatModel):
    """Streams two answers at once, as `n=2` has it."""

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        for text, reason in (("At", None), ("No", None), (" noon", "stop"), ("pe", "length")):
            info = {"finish_reason": reason, "model_name": "gpt-4o"} if reason else None
            yield ChatGenerationChunk(message=AIMessageChunk(content=text), generation_info=info)


def test_two_choices_of_a_stream_have_a_reason_each_and_one_model(watch):
    """LangChain adds up the strings of the pieces."""
    list(observe(TwoChoices(script=["unused"]), bus=watch.bus).stream("When?"))
    end = watch.check().end("TwoChoices")
    assert end.finish_reasons == ("stop", "length")
    assert end.model.name == "gpt-4o"


@given(st.text(min_size=1, max_size=12), st.integers(2, 4))
def test_a_repeated_name_is_told_once(name, times):
    """Whatever it is, unless it is so short that it may be meant; a name told once stays as it is."""
    base = once(name)
    assert once(base) == base
    if len(base) >= 3:
        assert once(base * times) == base
    assert unglued("no reason we know") == ["no reason we know"]


@pytest.mark.parametrize("odd", [10**30, 2**63, 10**12 + 1, -1, True, 1.5, "7"])
def test_what_counts_no_tokens_is_unknown(odd):
    """A database and a metric hold 64 bits: one such number lost the whole batch, and every metric after it."""
    usage = {"input_tokens": odd, "output_tokens": 7, "total_tokens": odd}
    usage["output_token_details"] = {"reasoning": odd, "thoughts": odd}
    found = usage_of_message(usage)
    assert (found.input_tokens, found.output_tokens, found.total_tokens) == (None, 7, None)
    assert (found.reasoning_tokens, found.other) == (None, {})
    assert usage_told([{"token_usage": {"prompt_tokens": odd, "completion_tokens": 7}}]).input_tokens is None


def test_input_tokens_that_a_stream_lost_are_unknown():
    """Of an answer of some length: nobody answers nothing."""
    usage = usage_of_message({"input_tokens": 0, "output_tokens": 12, "total_tokens": 12})
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (None, 12, None)
    nothing = usage_of_message({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0})
    assert nothing.input_tokens == 0


@pytest.mark.parametrize(
    "modes", [["tasks"], ["debug"], ["updates"], ["tasks", "updates", "values"]], ids="+".join
)
async def test_a_cached_node_is_shown_as_cached(modes):
    """It starts in `tasks` and `debug` and never finishes there."""
    graphs = pytest.importorskip("langgraph.graph", reason="needs langgraph")
    from langgraph.cache.memory import InMemoryCache as NodeCache
    from langgraph.types import CachePolicy

    builder = graphs.StateGraph(TypedDict("State", {"x": int}))
    builder.add_node("add", lambda state: {"x": state["x"] + 1}, cache_policy=CachePolicy())
    builder.add_edge(graphs.START, "add")
    graph = builder.compile(cache=NodeCache())
    for cached in (False, True):
        parts = [part async for part in graph.astream({"x": 1}, stream_mode=modes, subgraphs=True)]
        read = [(ns, mode, data) for ns, mode, data in parts]
        events = [event async for event in tracebus.normalize(read)]
        node = next(event for event in events if isinstance(event, RunStarted) and event.kind == "node")
        end = next(event for event in events if isinstance(event, RunEnded) and event.run_id == node.run_id)
        assert (str(end.outcome), end.cached) == ("ok", cached)
