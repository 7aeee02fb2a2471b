"""Retries of LangGraph and of langchain's agents: attempts of one thing, and only these."""

from __future__ import annotations

import operator
from typing import Annotated, TypedDict

import pytest
from langchain_core.tools import tool

import tracebus
from tracebus import RunTree, observe
from tracebus.events import RunRetried, RunStarted
from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn

pytest.importorskip("langgraph", reason="needs langgraph")

from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import RetryPolicy, Send

AT_ONCE = RetryPolicy(initial_interval=0.001, jitter=False, max_attempts=5)


class State(TypedDict):
    seen: Annotated[list, operator.add]


class Flaky:
    """Fails so many times, then answers."""

    def __init__(self, failures):
        self.failures = failures

    def __call__(self, *_, **__):
        self.failures -= 1
        if self.failures >= 0:
            raise ConnectionError("reset")
        return {"seen": ["done"]}


def graph_of(**nodes):
    builder = StateGraph(State)
    for name, (function, options) in nodes.items():
        builder.add_node(name, function, **options)
        builder.add_edge(START, name)
    return builder.compile(name="desk")


def attempts(events, name):
    return [event.attempt for event in events if isinstance(event, RunStarted) and event.name == name]


def retries(events):
    return [
        (event.attempt, event.error and event.error.type) for event in events if isinstance(event, RunRetried)
    ]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_node_with_a_retry_policy(watch, asynchronous):
    """Attempts 1, 2 and 3; the graph says before each why the one before failed."""
    flaky = Flaky(2)

    async def aflaky(state):
        return flaky(state)

    graph = observe(
        graph_of(flaky=(aflaky if asynchronous else flaky, {"retry_policy": AT_ONCE})), bus=watch.bus
    )
    if asynchronous:
        await graph.ainvoke({"seen": []})
    else:
        graph.invoke({"seen": []})
    watch.check()
    assert attempts(watch.events, "flaky") == [1, 2, 3]
    assert retries(watch.events) == [(2, "ConnectionError"), (3, "ConnectionError")]
    tree = RunTree()
    for event in watch.events:
        tree.apply(event)
    assert tree.roots[0].retries == 2


def test_two_flaky_nodes_of_one_graph_are_counted_apart(watch):
    """Each has its own attempts."""
    policy = {"retry_policy": AT_ONCE}
    graph = graph_of(one=(Flaky(1), policy), two=(Flaky(2), policy), calm=(lambda state: {"seen": []}, {}))
    observe(graph, bus=watch.bus).invoke({"seen": []})
    watch.check()
    assert attempts(watch.events, "one") == [1, 2]
    assert attempts(watch.events, "two") == [1, 2, 3]
    assert attempts(watch.events, "calm") == [None]
    assert len(retries(watch.events)) == 3


async def test_a_node_in_a_stream_of_dictionaries(watch):
    """The stream hides the errors; that the node began again tells."""
    dictionaries = [
        event
        async for event in graph_of(flaky=(Flaky(2), {"retry_policy": AT_ONCE})).astream_events(
            {"seen": []}, version="v2"
        )
    ]
    events = [event async for event in tracebus.normalize(dictionaries)]
    assert attempts(events, "flaky") == [None, 2, 3]
    assert len(retries(events)) == 2


def test_a_task_with_a_retry_policy(watch):
    """A task of the functional API is a node, and its attempts are counted."""
    flaky = Flaky(1)

    @task(retry_policy=AT_ONCE)
    def wobbly(x):
        return flaky(x)

    @entrypoint()
    def flow(x):
        return wobbly(x).result()

    observe(flow, bus=watch.bus).invoke(1)
    watch.check()
    assert attempts(watch.events, "wobbly") == [1, 2]
    assert {str(event.kind) for event in watch.started if event.name == "wobbly"} == {"node"}
    assert watch.parents()["wobbly"] == "flow"


def test_alike_calls_are_no_attempts(watch):
    """A node that calls a model again itself, and two like tasks sent to one node, retry nothing."""

    def work(state):
        model = ScriptedChatModel(script=[ConnectionError("reset"), "Noon."])
        try:
            model.invoke("When?")
        except ConnectionError:
            model.invoke("When?")
        return {"seen": []}

    builder = StateGraph(State)
    builder.add_node("work", work)
    builder.add_conditional_edges(
        START, lambda state: [Send("work", {"seen": []}), Send("work", {"seen": []})], ["work"]
    )
    observe(builder.compile(), bus=watch.bus).invoke({"seen": []})
    watch.check()
    assert attempts(watch.events, "work") == [None, None]
    assert set(attempts(watch.events, "ScriptedChatModel")) == {None}
    assert not retries(watch.events)


# -- agents ----------------------------------------------------------------------------------------


@pytest.fixture
def agents():
    return pytest.importorskip("langchain.agents", reason="needs langchain")


def caller(*more):
    return ScriptedChatModel(
        script=[Turn(tool_calls=[ScriptedToolCall("look", {"q": "bus"})]), *(more or ("Noon.",))]
    )


@pytest.mark.parametrize("how", ["sync", "async", "in a thread"])
async def test_a_tool_that_the_middleware_tries_again(watch, agents, how):
    """The attempts share their call, wherever they run."""
    from langchain.agents.middleware import ToolRetryMiddleware

    flaky = Flaky(1)

    @tool
    def look(q: str) -> str:
        """Look up."""
        return str(flaky(q))

    if how == "async":

        @tool("look")
        async def look(q: str) -> str:
            """Look up."""
            return str(flaky(q))

    retry = ToolRetryMiddleware(max_retries=2, initial_delay=0.001, jitter=False)
    agent = observe(agents.create_agent(caller(), [look], middleware=[retry]), bus=watch.bus)
    question = {"messages": [("user", "When?")]}
    if how == "sync":
        agent.invoke(question)
    else:
        await agent.ainvoke(question)
    watch.check()
    if how == "in a thread" and watch.run("look").tool_call_id is None:
        pytest.skip("needs a langchain-core that tells the call a tool answers (1.1 or newer)")
    assert attempts(watch.events, "look") == [1, 2]
    assert retries(watch.events) == [(2, "ConnectionError")]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_model_that_the_middleware_tries_again(watch, agents, asynchronous):
    """Attempts of each turn's call, counted anew in the next turn."""
    middleware = pytest.importorskip("langchain.agents.middleware.model_retry", reason="needs langchain 1.1")

    @tool
    def look(q: str) -> str:
        """Look up."""
        return "found"

    model = ScriptedChatModel(
        script=[ConnectionError("reset"), Turn(tool_calls=[ScriptedToolCall("look", {"q": "bus"})]), "Noon."]
    )
    retry = middleware.ModelRetryMiddleware(max_retries=2, initial_delay=0.001, jitter=False)
    agent = observe(agents.create_agent(model, [look], middleware=[retry]), bus=watch.bus)
    question = {"messages": [("user", "When?")]}
    if asynchronous:
        await agent.ainvoke(question)
    else:
        agent.invoke(question)
    watch.check()
    assert attempts(watch.events, "ScriptedChatModel") == [1, 2, 1]
    assert retries(watch.events) == [(2, "ConnectionError")]
    assert attempts(watch.events, "look") == [None]


async def test_calls_side_by_side_in_threads_count_for_themselves(watch, agents):
    """Two calls of one message, each tried again as often as it fails."""
    from langchain.agents.middleware import ToolRetryMiddleware

    tries = {"a": Flaky(0), "b": Flaky(2)}

    @tool
    def look(q: str) -> str:
        """Look up."""
        return str(tries[q](q))

    calls = [ScriptedToolCall("look", {"q": q}, f"call-{q}") for q in tries]
    model = ScriptedChatModel(script=[Turn(tool_calls=calls), "Noon."])
    retry = ToolRetryMiddleware(max_retries=3, initial_delay=0.001, jitter=False)
    agent = observe(agents.create_agent(model, [look], middleware=[retry]), bus=watch.bus)
    await agent.ainvoke({"messages": [("user", "When?")]})
    began = [run for run in watch.check().started if run.name == "look"]
    if began[0].tool_call_id is None:
        pytest.skip("needs a langchain-core that tells the call a tool answers (1.1 or newer)")
    by_call = {
        call: [run.attempt for run in began if run.tool_call_id == call] for call in ("call-a", "call-b")
    }
    assert by_call == {"call-a": [1], "call-b": [1, 2, 3]}
