"""What LangGraph does without a callback, recorded all the same."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import SimpleNamespace
from typing import TypedDict

import pytest

from tracebus import Capture, observe, observing
from tracebus.events import CustomEmitted, RunStreamed

pytest.importorskip("langgraph", reason="needs langgraph")

from langgraph import graph as graphs
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import CachePolicy


class State(TypedDict):
    x: int


def graph_of(node, **arguments):
    builder = graphs.StateGraph(State)
    builder.add_node("add", node, **({"cache_policy": CachePolicy()} if "cache" in arguments else {}))
    builder.add_edge(graphs.START, "add")
    return builder.compile(name="sum", **arguments)


# -- caches ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream"])
async def test_a_node_answered_by_a_cache_is_there_and_marked(watch, how):
    """LangGraph runs nothing and tells nobody; the model the node would have asked is rightly missing."""
    graph = observe(graph_of(lambda state: {"x": state["x"] + 1}, cache=InMemoryCache()), bus=watch.bus)
    for _ in range(2):
        match how:
            case "invoke":
                assert graph.invoke({"x": 1}) == {"x": 2}
            case "ainvoke":
                assert await graph.ainvoke({"x": 1}) == {"x": 2}
            case "stream":
                assert list(graph.stream({"x": 1}, stream_mode="values"))[-1] == {"x": 2}
    watch.check()
    assert [(run.name, str(run.kind)) for run in watch.started] == [("sum", "graph"), ("add", "node")] * 2
    ran, cached = (watch.end("add", index) for index in (0, 1))
    assert (ran.cached, cached.cached) == (False, True)
    assert cached.outputs == ran.outputs == {"x": 2}
    assert watch.run("add", 1).inputs == watch.run("add", 0).inputs
    assert watch.run("add", 1).parent_run_id == watch.run("sum", 1).run_id


def test_a_task_answered_by_a_cache_likewise(watch):
    """Of the functional API."""

    @task(cache_policy=CachePolicy())
    def double(x: int) -> int:
        return 2 * x

    @entrypoint(cache=InMemoryCache())
    def work(x: int) -> int:
        return double(x).result()

    for _ in range(2):
        assert observe(work, bus=watch.bus).invoke(3) == 6
    watch.check()
    assert [watch.end("double", index).cached for index in (0, 1)] == [False, True]
    assert watch.end("double", 1).outputs == 6


# -- states changed by hand --------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["observe", "observing"])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_state_changed_by_hand_is_a_run(watch, by, asynchronous):
    """Between the run that stopped and the one that goes on."""
    graph = graph_of(lambda state: {"x": state["x"] + 1}, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}

    async def change(graph):
        if asynchronous:
            return await graph.aupdate_state(config, {"x": 7}, as_node="add")
        return graph.update_state(config, {"x": 7}, as_node="add")

    if by == "observe":
        given = await change(observe(graph, bus=watch.bus, name="mine"))
    else:
        with observing(bus=watch.bus):
            given = await change(graph)
    assert graph.get_state(config).values == {"x": 7}
    run = watch.check().run("update_state")
    assert run.inputs == {"values": {"x": 7}, "as_node": "add"}
    assert (run.metadata["thread_id"], run.metadata["graph"]) == ("t", "sum")
    assert watch.end("update_state").outputs["checkpoint_id"] == given["configurable"]["checkpoint_id"]
    assert len(watch.started) == 1


def test_a_change_that_is_refused_is_an_error(watch):
    """With what LangGraph raises."""
    graph = observe(graph_of(lambda state: state), bus=watch.bus)
    with pytest.raises(ValueError, match="checkpointer"):
        graph.update_state({"configurable": {"thread_id": "t"}}, {"x": 7})
    assert watch.check().outcomes() == {"update_state": "error"}


# -- the time of a step ------------------------------------------------------------------------------


async def test_a_node_cancelled_by_step_timeout_says_so(watch):
    """The graph's error is a bare `TimeoutError`; the node's names what was too short."""

    async def wait(_state):
        await asyncio.Event().wait()

    graph = graph_of(wait)
    for seconds in (0.02, 0.5, 10):  # a busy machine may take longer than that to begin the node
        graph.step_timeout = seconds
        with pytest.raises(TimeoutError):
            await observe(graph, bus=watch.bus).ainvoke({"x": 1})
        await watch.await_until_all_ended()
        if "add" in watch.outcomes():
            break
    assert watch.outcomes() == {"sum": "error", "add": "error"}
    assert watch.end("add").error.type == "TimeoutError"
    assert f"step_timeout of {seconds} s" in watch.end("add").error.message


def test_a_node_that_ends_after_step_timeout_is_no_success(watch, monkeypatch):
    """Its thread cannot be stopped, and nobody takes what it returns."""
    from langgraph.pregel import _runner

    given_up = threading.Event()
    panic = _runner._panic_or_proceed

    def panic_or_proceed(*args, **kwargs):
        try:
            return panic(*args, **kwargs)
        except TimeoutError:
            given_up.set()
            raise

    def dawdle(_state):
        assert given_up.wait(30)
        return {"x": 2}

    monkeypatch.setattr(_runner, "_panic_or_proceed", panic_or_proceed)
    graph = graph_of(dawdle)
    graph.step_timeout = 0.02
    with pytest.raises(TimeoutError):
        observe(graph, bus=watch.bus).invoke({"x": 1})
    assert watch.wait_until_all_ended().outcomes() == {"sum": "error", "add": "error"}
    assert watch.end("add").outputs == {"x": 2}


@pytest.mark.parametrize(("seconds", "outcome"), [(61, "error"), (59, "ok")])
def test_a_node_that_began_late_in_a_step_has_what_is_left_of_it(watch, monkeypatch, seconds, outcome):
    """The time is the step's and not each node's; the clock here is pushed on, and nobody waits for it."""
    from langgraph.pregel import _runner

    from tracebus.sources.attaching._wiring import recorder_for
    from tracebus.sources.callbacks import _timeouts

    now = [0]
    asked, late_began, given_up = threading.Event(), threading.Event(), threading.Event()
    panic = _runner._panic_or_proceed

    def panic_or_proceed(*args, **kwargs):
        asked.clear()
        try:
            return panic(*args, **kwargs)
        except TimeoutError:
            given_up.set()
            raise

    def monotonic():
        seen = now[0]
        asked.set()
        return seen

    def clock():
        return now[0] * 1_000_000_000

    def first(_state):
        assert asked.wait(30)  # from when on LangGraph counts
        now[0] = 40

    def other(_state):
        assert late_began.wait(30)
        now[0] = seconds

    def late(_state):  # in the thread of the first
        late_began.set()
        assert outcome == "ok" or given_up.wait(30)

    monkeypatch.setattr(_runner, "_panic_or_proceed", panic_or_proceed)
    monkeypatch.setattr(_runner, "time", SimpleNamespace(monotonic=monotonic))
    monkeypatch.setattr(_timeouts, "system_clock", clock)
    monkeypatch.setattr(recorder_for(watch.bus, None).tracker, "_clock", clock)
    builder = graphs.StateGraph(State)
    for name, function in {"a first": first, "b other": other, "c late": late}.items():
        builder.add_node(name, function)
        builder.add_edge(graphs.START, name)
    graph = builder.compile(name="sum")
    graph.step_timeout = 60
    with contextlib.suppress(TimeoutError):
        observe(graph, bus=watch.bus).invoke({"x": 1}, {"max_concurrency": 2})
    outcomes = watch.wait_until_all_ended().outcomes()
    assert outcomes == {"sum": outcome, "a first": "ok", "b other": outcome, "c late": outcome}


async def test_a_node_s_own_time_out_is_its_own(watch):
    """Also where steps have one."""

    async def fail(_state):
        raise TimeoutError("the database")

    graph = graph_of(fail)
    graph.step_timeout = 60
    with pytest.raises(TimeoutError, match="the database"):
        await observe(graph, bus=watch.bus).ainvoke({"x": 1})
    assert watch.check().end("add").error.message == "the database"


async def test_steps_that_are_in_time_are_as_ever(watch):
    """And so is what is cancelled from outside."""
    graph = graph_of(lambda state: {"x": 2})
    graph.step_timeout = 60
    assert await observe(graph, bus=watch.bus).ainvoke({"x": 1}) == {"x": 2}
    assert watch.check().outcomes() == {"sum": "ok", "add": "ok"}


# -- parts of a tool's output ------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["values", "tools"])
@pytest.mark.parametrize("shown", [True, False])
def test_what_a_tool_puts_out_while_it_runs_is_recorded(watch, mode, shown):
    """Whatever the program streams; of text the text, of others an event."""
    from langgraph.prebuilt import ToolNode, tool_node

    if not hasattr(getattr(tool_node, "ToolRuntime", None), "emit_output_delta"):
        pytest.skip("needs a langgraph whose tools stream (1.2)")
    namespace = {"ToolRuntime": tool_node.ToolRuntime}
    exec(  # the annotation must be the class itself
        "def look(q: str, runtime: ToolRuntime) -> str:\n"
        "    'Look up.'\n"
        "    for part in ('fou', 'nd ', {'share': 1}):\n"
        "        runtime.emit_output_delta(part)\n"
        "    return 'found ' + q\n",
        namespace,
    )
    from langchain_core.messages import AIMessage
    from langchain_core.tools import tool

    builder = graphs.StateGraph(graphs.MessagesState)
    builder.add_node("tools", ToolNode([tool(namespace["look"])]))
    builder.add_edge(graphs.START, "tools")
    call = {"name": "look", "args": {"q": "bus"}, "id": "c1", "type": "tool_call"}
    asked = {"messages": [AIMessage("", tool_calls=[call])]}
    graph = observe(builder.compile(), bus=watch.bus, capture=Capture(content=shown))
    list(graph.stream(asked, stream_mode=[mode]))
    tool_run = watch.check().run("look").run_id
    parts = [event for event in watch.events if isinstance(event, RunStreamed) and event.run_id == tool_run]
    assert [part.text for part in parts] == (["fou", "nd "] if shown else ["", ""])
    (said,) = [event for event in watch.events if isinstance(event, CustomEmitted)]
    assert (said.name, said.data) == ("tool_output_delta", {"share": 1} if shown else None)
