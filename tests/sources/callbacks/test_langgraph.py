"""LangGraph: graphs, nodes, sub-graphs, parallel nodes, interrupts."""

from __future__ import annotations

import operator
from typing import Annotated, TypedDict

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

from tracebus import observe
from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn

pytest.importorskip("langgraph", reason="needs langgraph")

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt


class State(TypedDict):
    seen: Annotated[list, operator.add]


def graph(nodes, edges, **options):
    builder = StateGraph(State)
    for name, node in nodes.items():
        builder.add_node(name, node)
    for start, end in edges:
        builder.add_edge(start, end)
    return builder.compile(**options)


def note(name):
    def node(state):
        return {"seen": [name]}

    return node


def thread(name):
    return {"configurable": {"thread_id": name}}


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream"])
async def test_graphs_sub_graphs_and_parallel_nodes(watch, how):
    """A graph is a graph, its nodes are nodes, a sub-graph hangs under its node, siblings under the graph."""
    inner = graph({"deep": note("deep")}, [(START, "deep")], name="team")
    app = observe(
        graph(
            {"left": note("left"), "right": note("right"), "sub": inner},
            [(START, "left"), (START, "right"), ("left", "sub"), ("right", "sub")],
            name="boss",
        ),
        bus=watch.bus,
    )
    match how:
        case "invoke":
            app.invoke({"seen": []})
        case "ainvoke":
            await app.ainvoke({"seen": []})
        case "stream":
            list(app.stream({"seen": []}))
        case "astream":
            [chunk async for chunk in app.astream({"seen": []})]
    watch.check()
    kinds = {event.name: str(event.kind) for event in watch.started}
    assert kinds == {
        "boss": "graph",
        "left": "node",
        "right": "node",
        "sub": "node",
        "team": "graph",
        "deep": "node",
    }
    parents = watch.parents()
    assert parents == {
        "boss": None,
        "left": "boss",
        "right": "boss",
        "sub": "boss",
        "team": "sub",
        "deep": "team",
    }
    assert set(watch.outcomes().values()) == {"ok"}


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_interrupt_is_no_error_and_its_resumption_is_linked(watch, asynchronous):
    """The node and the graph are interrupted; resuming the thread links back to the interrupted run."""

    def ask(state):
        return {"seen": [interrupt("which?")]}

    app = observe(
        graph({"ask": ask}, [(START, "ask")], checkpointer=InMemorySaver(), name="asking"), bus=watch.bus
    )
    if asynchronous:
        await app.ainvoke({"seen": []}, thread("t"))
        await app.ainvoke(Command(resume="this"), thread("t"))
    else:
        app.invoke({"seen": []}, thread("t"))
        app.invoke(Command(resume="this"), thread("t"))
    watch.check()
    first, second = [event for event in watch.started if event.name == "asking"]
    assert str(watch.ends[first.run_id].outcome) == "interrupted"
    assert str(watch.end("ask", 0).outcome) == "interrupted"
    assert watch.end("ask", 0).error is None
    assert watch.end("ask", 0).outputs["interrupts"][0]["value"] == "which?"
    assert str(watch.ends[second.run_id].outcome) == "ok"
    assert [(link.run_id, link.relation) for link in second.links] == [(first.run_id, "resumes")]
    assert first.links == ()


def test_an_interrupt_inside_a_tool_interrupts_the_tool(watch):
    """Neither the tool nor the node nor the graph failed."""

    @tool
    def approve(q: str) -> str:
        """Ask a human."""
        return interrupt(q)

    def work(state):
        return {"seen": [approve.invoke({"q": "sure?"})]}

    app = observe(graph({"work": work}, [(START, "work")], checkpointer=InMemorySaver()), bus=watch.bus)
    app.invoke({"seen": []}, thread("t"))
    assert watch.check().outcomes() == {
        "LangGraph": "interrupted",
        "work": "interrupted",
        "approve": "interrupted",
    }


def test_an_interrupt_in_a_sub_graph_interrupts_all_above(watch):
    """The whole path to the interrupt is interrupted."""

    def ask(state):
        return {"seen": [interrupt("which?")]}

    inner = graph({"ask": ask}, [(START, "ask")], name="inner")
    app = observe(
        graph({"sub": inner}, [(START, "sub")], checkpointer=InMemorySaver(), name="outer"), bus=watch.bus
    )
    app.invoke({"seen": []}, thread("t"))
    assert set(watch.check().outcomes().values()) == {"interrupted"}


def test_a_failing_node_fails_the_graph(watch):
    """An ordinary exception in a node is an error of node and graph."""

    def fail(state):
        raise ValueError("node")

    app = observe(graph({"fail": fail}, [(START, "fail")]), bus=watch.bus)
    with pytest.raises(ValueError, match="node"):
        app.invoke({"seen": []})
    assert watch.check().outcomes() == {"LangGraph": "error", "fail": "error"}


def test_a_graph_as_a_step_of_a_chain_is_still_a_graph(watch):
    """Kinds do not depend on who calls."""
    app = graph({"one": note("one")}, [(START, "one")], name="app")
    chain = observe(RunnableLambda(lambda x: {"seen": x}, name="before") | app, bus=watch.bus)
    assert chain.invoke([1])["seen"] == [1, "one"]
    kinds = {event.name: str(event.kind) for event in watch.check().started}
    assert kinds == {"RunnableSequence": "chain", "before": "chain", "app": "graph", "one": "node"}


def test_what_is_called_inside_a_node_is_not_taken_for_a_node(watch):
    """LangGraph's metadata is inherited by everything inside a node."""
    inner = RunnableLambda(lambda x: x, name="inner")

    def work(state):
        inner.invoke(1)
        (RunnableLambda(int, name="one") | RunnableLambda(str, name="two")).invoke(1)
        ScriptedChatModel(script=["x"]).invoke("hi")
        return {"seen": ["x"]}

    observe(graph({"work": work}, [(START, "work")], checkpointer=InMemorySaver()), bus=watch.bus).invoke(
        {"seen": []}, thread("t")
    )
    watch.check()
    assert str(watch.run("inner").kind) == "chain"
    assert str(watch.run("RunnableSequence").kind) == "chain"
    assert watch.parents()["RunnableSequence"] == "work"
    assert watch.parents()["inner"] == watch.parents()["ScriptedChatModel"] == "work"
    assert watch.run("ScriptedChatModel").metadata["langgraph_node"] == "work"


def test_a_prebuilt_agent_with_an_observed_model_and_tool(watch):
    """An observed model and an observed tool pass for a model and a tool, and everything is one tree."""
    prebuilt = pytest.importorskip("langgraph.prebuilt")

    @tool
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    model = ScriptedChatModel(script=[Turn(tool_calls=[ScriptedToolCall("add", {"a": 1, "b": 2})]), "3"])
    node = prebuilt.ToolNode([observe(add, bus=watch.bus)])
    bound = observe(model, bus=watch.bus).bind_tools([add])

    def call(state):
        return {"seen": [bound.invoke(state["seen"])]}

    builder = StateGraph(State)
    builder.add_node("call", call)
    builder.add_node("tools", RunnableLambda(lambda s: {"seen": node.invoke(s["seen"][-1:])}))
    builder.add_edge(START, "call")
    builder.add_edge("call", "tools")
    app = observe(builder.compile(name="agent"), bus=watch.bus)
    result = app.invoke({"seen": ["1+2?"]})
    assert result["seen"][-1].content == "3"
    watch.check()
    assert len([e for e in watch.started if e.parent_run_id is None]) == 1
    assert [e.name for e in watch.started if str(e.kind) in {"chat_model", "tool"}] == [
        "ScriptedChatModel",
        "add",
    ]
