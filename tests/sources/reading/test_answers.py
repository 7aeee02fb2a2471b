"""What answers say beside their text, and what kinds and errors LangChain's layers make of things."""

from __future__ import annotations

import asyncio
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool

import tracebus
from tracebus import RunTree, observe
from tracebus.testing import ScriptedChatModel


class Whole(ScriptedChatModel):
    """Answers one message, whole."""

    script: Any = ("unused",)
    answer: Any = None

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        return ChatResult(generations=[ChatGeneration(message=self.answer)])


def tree_of(watch):
    tree = RunTree()
    for event in watch.check().events:
        tree.apply(event)
    return tree


@pytest.mark.parametrize(
    ("answer", "reasoning"),
    [
        (AIMessage([{"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": "Noon."}]), "Hm."),
        (
            AIMessage(
                [{"type": "thinking", "thinking": "Hm.", "signature": "x"}, {"type": "text", "text": "Noon."}]
            ),
            "Hm.",
        ),
        (AIMessage([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}]), "Hm."),
        (AIMessage([{"type": "reasoning_content", "reasoning_content": {"text": "Hm."}}]), "Hm."),
        (AIMessage("Noon.", additional_kwargs={"reasoning_content": "Hm."}), "Hm."),
        (AIMessage("Noon."), ""),
    ],
    ids=["langchain", "anthropic", "openai", "bedrock", "deepseek", "none"],
)
def test_the_reasoning_of_an_answer_that_was_not_streamed(watch, answer, reasoning):
    """The tree shows it as it shows streamed reasoning."""
    observe(Whole(answer=answer), bus=watch.bus).invoke("When?")
    assert tree_of(watch).roots[0].reasoning == reasoning


@pytest.mark.parametrize(
    ("block", "name", "args"),
    [
        (
            {"type": "server_tool_call", "id": "w", "name": "web_search", "args": {"query": "bus"}},
            "web_search",
            '{"query":"bus"}',
        ),
        (
            {"type": "server_tool_use", "id": "w", "name": "web_search", "input": {"query": "bus"}},
            "web_search",
            '{"query":"bus"}',
        ),
        (
            {"type": "web_search_call", "id": "w", "action": {"query": "bus"}},
            "web_search_call",
            '{"query":"bus"}',
        ),
    ],
    ids=["langchain", "anthropic", "openai"],
)
def test_a_tool_that_the_provider_ran_is_a_tool_call(watch, block, name, args):
    """Beside those the program is asked to run, each once."""
    own = {"type": "tool_call", "id": "c", "name": "look", "args": {}}
    answer = AIMessage([block, dict(own), {"type": "text", "text": "Noon."}], tool_calls=[own])
    observe(Whole(answer=answer), bus=watch.bus).invoke("When?")
    calls = tree_of(watch).roots[0].tool_calls
    assert [(call.id, call.name, call.args) for call in calls] == [("c", "look", "{}"), ("w", name, args)]


@pytest.mark.parametrize("how", ["observe", "normalize"])
async def test_the_error_of_a_tool_is_its_text(watch, how):
    """A tool of an MCP server answers with content blocks."""

    @tool
    def refund(order: str) -> Any:
        """Refund."""
        return ToolMessage(
            [{"type": "text", "text": "no such order"}, {"type": "text", "text": "try again"}],
            tool_call_id="c1",
            status="error",
        )

    call = {"type": "tool_call", "name": "refund", "args": {"order": "o-1"}, "id": "c1"}
    if how == "observe":
        await observe(refund, bus=watch.bus).ainvoke(call)
        error = watch.check().end("refund").error
    else:
        events = [event async for event in tracebus.normalize(refund.astream_events(call, version="v2"))]
        error = events[-1].error
    assert error.message == "no such order\ntry again"


def test_an_unnamed_deep_agent_is_an_agent(watch):
    """It has a name even where nobody gave it one; a run name changes nothing."""
    deepagents = pytest.importorskip("deepagents", reason="needs deepagents")
    agent = observe(deepagents.create_deep_agent(model=ScriptedChatModel(script=["Noon."])), bus=watch.bus)
    agent.invoke({"messages": [("user", "When?")]})
    agent.invoke({"messages": [("user", "When?")]}, {"run_name": "mine"})
    roots = [run for run in watch.check().started if run.parent_run_id is None]
    assert [(run.name, str(run.kind)) for run in roots] == [("LangGraph", "agent"), ("mine", "agent")]


# -- time-outs -----------------------------------------------------------------------------------------


def timed_graph(function, **options):
    types = pytest.importorskip("langgraph.types", reason="needs langgraph")
    if not hasattr(types, "TimeoutPolicy"):
        pytest.skip("needs a langgraph with TimeoutPolicy (1.2 or newer)")
    from langgraph.graph import START, StateGraph

    builder = StateGraph(TypedDict("State", {"x": int}))
    builder.add_node("slow", function, timeout=types.TimeoutPolicy(run_timeout=0.05), **options)
    builder.add_edge(START, "slow")
    return builder.compile(name="desk"), types


async def forever(state):
    await asyncio.Event().wait()


async def test_a_node_whose_time_is_over_says_so(watch):
    """LangGraph tells the node of a cancellation, and the graph of the time-out."""
    graph, _ = timed_graph(forever)
    with pytest.raises(Exception, match="run timeout"):
        await observe(graph, bus=watch.bus).ainvoke({"x": 0})
    assert watch.wait_until_all_ended().outcomes() == {"desk": "error", "slow": "error"}
    assert watch.end("slow").error.type == "langgraph.errors.NodeTimeoutError"


async def test_an_attempt_whose_time_was_over_says_so(watch):
    """The node then succeeds, and the graph with it."""
    tries = []

    async def slow_at_first(state):
        tries.append(1)
        if len(tries) < 2:
            await asyncio.Event().wait()
        return {"x": 1}

    from langgraph.types import RetryPolicy

    policy = RetryPolicy(initial_interval=0.001, jitter=False, max_attempts=3)
    graph, _ = timed_graph(slow_at_first, retry_policy=policy)
    assert await observe(graph, bus=watch.bus).ainvoke({"x": 0}) == {"x": 1}
    await watch.await_until_all_ended(runs=3)
    ends = [watch.end("slow", index) for index in range(2)]
    assert [str(end.outcome) for end in ends] == ["error", "ok"]
    assert "time-out" in ends[0].error.message
    assert watch.run("slow", 1).attempt == 2


async def test_a_timed_node_that_the_program_cancels_is_cancelled(watch):
    """Nothing timed out."""
    begun = asyncio.Event()

    async def slow(state):
        begun.set()
        await asyncio.Event().wait()

    types = pytest.importorskip("langgraph.types", reason="needs langgraph")
    if not hasattr(types, "TimeoutPolicy"):
        pytest.skip("needs a langgraph with TimeoutPolicy (1.2 or newer)")
    from langgraph.graph import START, StateGraph

    builder = StateGraph(TypedDict("State", {"x": int}))
    builder.add_node("slow", slow, timeout=types.TimeoutPolicy(run_timeout=3600))
    builder.add_edge(START, "slow")
    task = asyncio.create_task(observe(builder.compile(name="desk"), bus=watch.bus).ainvoke({"x": 0}))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await watch.await_until_all_ended(runs=2)).outcomes() == {
        "desk": "cancelled",
        "slow": "cancelled",
    }
