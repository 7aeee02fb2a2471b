"""LangGraph's pauses, what goes on from them, and what a node withholds from tracers."""

from __future__ import annotations

import operator
from typing import Annotated, TypedDict

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda

from tracebus import observe, observing

pytest.importorskip("langgraph", reason="needs langgraph")

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt


class State(TypedDict):
    seen: Annotated[list, operator.add]


def two_steps(name="desk", *, saver=None, **options):
    builder = StateGraph(State)
    builder.add_node("ask", lambda state: {"seen": ["asked"]})
    builder.add_node("act", lambda state: {"seen": ["acted"]})
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "act")
    return builder.compile(checkpointer=saver or InMemorySaver(), name=name, **options)


def asking(name="desk", saver=None):
    builder = StateGraph(State)
    builder.add_node("ask", lambda state: {"seen": [interrupt("Sure?")]})
    builder.add_edge(START, "ask")
    return builder.compile(checkpointer=saver or InMemorySaver(), name=name)


def thread(name="t"):
    return {"configurable": {"thread_id": name}}


def roots(watch):
    found = [run for run in watch.check().started if run.parent_run_id is None]
    return [(run.name, str(watch.ends[run.run_id].outcome)) for run in found], [
        [link.run_id for link in run.links if link.relation == "resumes"] for run in found
    ]


async def run(graph, value, how, config):
    match how:
        case "invoke":
            graph.invoke(value, config)
        case "ainvoke":
            await graph.ainvoke(value, config)
        case "stream":
            list(graph.stream(value, config))
        case "astream":
            [chunk async for chunk in graph.astream(value, config)]


@pytest.mark.parametrize("by", ["observe", "observing"])
@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream"])
@pytest.mark.parametrize(
    "where", [{"interrupt_before": ["act"]}, {"interrupt_after": ["ask"]}], ids=["before", "after"]
)
async def test_a_graph_that_pauses_at_a_node_is_interrupted(watch, where, how, by):
    """And what goes on from there links back."""
    graph = two_steps(**where)
    if by == "observe":
        observed = observe(graph, bus=watch.bus)
        await run(observed, {"seen": []}, how, thread())
        await run(observed, None, how, thread())
    else:
        with observing(bus=watch.bus):
            await run(graph, {"seen": []}, how, thread())
            await run(graph, None, how, thread())
    outcomes, links = roots(watch)
    assert outcomes == [("desk", "interrupted"), ("desk", "ok")]
    assert links == [[], [watch.started[0].run_id]]


def test_the_program_s_own_handlers_are_called_as_without_us(watch):
    """LangChain's and LangGraph's, from the call's config; the config itself is not changed."""
    callbacks = pytest.importorskip(
        "langgraph.callbacks", reason="needs a langgraph with lifecycle callbacks"
    )

    class Noting(callbacks.GraphCallbackHandler):
        def __init__(self):
            self.told = []

        def on_chain_start(self, *_, name=None, **__):
            self.told.append(name)

        def on_interrupt(self, event):
            self.told.append(event.status)

    def told(wrap, *, bound):
        noting, plain = Noting(), BaseCallbackHandler()
        graph = two_steps(interrupt_before=["act"])
        if bound:
            graph = graph.with_config(callbacks=[noting])
        config = thread() if bound else {**thread(), "callbacks": [noting, plain]}
        before = dict(config)
        wrap(graph).invoke({"seen": []}, config)
        assert config == before
        return noting.told

    for bound in (False, True):
        assert told(lambda graph: observe(graph, bus=watch.bus), bound=bound) == told(
            lambda graph: graph, bound=bound
        )


def test_inside_a_chain_a_graph_that_pauses_is_interrupted(watch):
    """Wherever it stands; the chain around it went through."""
    chain = RunnableLambda(lambda x: {"seen": []}, name="before") | two_steps(interrupt_before=["act"])
    observe(chain, bus=watch.bus).invoke(1, thread())
    assert watch.check().outcomes() == {
        "RunnableSequence": "ok",
        "before": "ok",
        "desk": "interrupted",
        "ask": "ok",
    }


def test_a_new_question_on_an_interrupted_thread_resumes_nothing(watch):
    """It gives up what waited there: what follows does not link to it either."""
    observed = observe(asking(), bus=watch.bus)
    observed.invoke({"seen": ["one"]}, thread())
    observed.invoke({"seen": ["two"]}, thread())
    observed.invoke(Command(resume="yes"), thread())
    outcomes, links = roots(watch)
    assert [outcome for _, outcome in outcomes] == ["interrupted", "interrupted", "ok"]
    assert links == [[], [], [[run for run in watch.started if run.parent_run_id is None][1].run_id]]


def test_another_graph_of_the_same_thread_id_resumes_nothing(watch):
    """A thread id is a graph's own."""
    observe(asking("desk"), bus=watch.bus).invoke({"seen": []}, thread())
    observe(two_steps("other", interrupt_before=["act"]), bus=watch.bus).invoke({"seen": []}, thread())
    observe(asking("third"), bus=watch.bus).invoke({"seen": []}, thread())
    assert roots(watch)[1] == [[], [], []]


# -- withheld ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_trace_policy_is_honoured(watch, asynchronous):
    """What a node withholds from tracers it withholds from us; the node gets and gives what it did."""
    types = pytest.importorskip("langgraph.types")
    if not hasattr(types, "TracePolicy"):
        pytest.skip("needs a langgraph with TracePolicy (1.2 or newer)")
    policy = types.TracePolicy(
        process_inputs=types.omit_payload, process_outputs=lambda output: {"seen": len(output)}
    )
    given = []

    def secretive(state):
        given.append(state)
        return {"seen": ["CANARY-OUT"]}

    builder = StateGraph(State)
    builder.add_node("secretive", secretive, trace_policy=policy)
    builder.add_edge(START, "secretive")
    observed = observe(builder.compile(name="desk"), bus=watch.bus)
    asked = {"seen": ["CANARY-IN"]}
    answer = await observed.ainvoke(asked) if asynchronous else observed.invoke(asked)
    assert answer == {"seen": ["CANARY-IN", "CANARY-OUT"]}
    assert given == [asked]
    watch.check()
    start, end = watch.run("secretive"), watch.end("secretive")
    assert (start.inputs, end.outputs) == ({}, {"seen": 1})
    assert "CANARY" in str(watch.run("desk").inputs)  # the graph's own run withholds nothing
