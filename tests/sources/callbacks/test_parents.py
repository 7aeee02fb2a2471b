"""Every run hangs under the run that executed it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from langchain_core.runnables import RunnableBranch, RunnableLambda, RunnableParallel
from langchain_core.runnables.config import run_in_executor
from langchain_core.tools import tool

from tracebus import observe, observing
from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn


def step(name, function=lambda x: x):
    return RunnableLambda(function, name=name)


def outer(inner, name="outer"):
    """A step that calls *inner* without handing it any config."""

    def call(value):
        return inner.invoke(value)

    return RunnableLambda(call, name=name)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_parallel_branches_hang_under_the_parallel(watch, asynchronous):
    """Branches run in threads or tasks, and are children of the RunnableParallel."""
    chain = observe(
        RunnableParallel(a=step("a"), b=step("b") | step("c")).with_config(run_name="par"), bus=watch.bus
    )
    if asynchronous:
        await chain.ainvoke(1)
    else:
        chain.invoke(1)
    parents = watch.check().parents()
    assert parents["a"] == "par"
    assert parents["RunnableSequence"] == "par"
    assert parents["b"] == parents["c"] == "RunnableSequence"


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_fallbacks_in_a_chain_hang_under_the_fallback_run(watch, asynchronous):
    """LangChain reports the fallbacks' own parent instead (langchain#36072); the true parent is kept."""

    def fail(value):
        raise ValueError("first")

    safe = step("first", fail).with_fallbacks([step("second")])
    chain = observe(step("before") | safe | step("after"), bus=watch.bus)
    if asynchronous:
        await chain.ainvoke(1)
    else:
        chain.invoke(1)
    parents = watch.check().parents()
    safe = "RunnableWithFallbacks"
    assert parents["first"] == parents["second"] == safe
    assert parents[safe] == parents["before"] == parents["after"] == "RunnableSequence"


def test_branches_hang_under_the_branch(watch):
    """The condition and the chosen branch are children of the RunnableBranch."""
    branch = RunnableBranch((step("is_big", lambda x: x > 5), step("big")), step("small")).with_config(
        run_name="branch"
    )
    observe(branch, bus=watch.bus).invoke(3)
    assert watch.check().children("branch") == ["is_big", "small"]


def test_each_item_of_a_map_hangs_under_the_map(watch):
    """`map()` runs its items under itself, and each knows its place."""
    observe(step("item").map(), bus=watch.bus).invoke([{"n": 1}, {"n": 2}, {"n": 3}])
    watch.check()
    items = [event for event in watch.started if event.name == "item"]
    assert {event.parent_run_id for event in items} == {watch.started[0].run_id}
    assert {(event.inputs["n"] - 1, event.batch.index, event.batch.size) for event in items} == {
        (0, 0, 3),
        (1, 1, 3),
        (2, 2, 3),
    }


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_calls_without_config_inside_a_step_hang_under_it(watch, asynchronous):
    """A Runnable called inside a function, with nothing handed on, is that function's child."""
    chain = observe(outer(outer(step("leaf"), "middle")), bus=watch.bus)
    if asynchronous:
        await chain.ainvoke(1)  # a sync function inside async: LangChain runs it in a thread
    else:
        chain.invoke(1)
    assert watch.check().parents() == {"outer": None, "middle": "outer", "leaf": "middle"}


async def test_async_inside_sync_and_back_keeps_parents(watch):
    """An event loop started inside a synchronous step belongs to that step."""
    leaf = step("leaf")

    def sync_step(value):
        with ThreadPoolExecutor(1) as pool:
            context = copy_context()
            return pool.submit(context.run, asyncio.run, leaf.ainvoke(value)).result()

    await observe(RunnableLambda(sync_step, name="sync_step"), bus=watch.bus).ainvoke(1)
    assert watch.check().parents() == {"sync_step": None, "leaf": "sync_step"}


async def test_gathered_calls_hang_under_the_step_that_gathers(watch):
    """`asyncio.gather` inside a step: every call is the step's child."""
    leaf = step("leaf")

    async def fan_out(value):
        return await asyncio.gather(*(leaf.ainvoke(i) for i in range(5)))

    await observe(RunnableLambda(fan_out, name="fan_out"), bus=watch.bus).ainvoke(1)
    assert watch.check().children("fan_out") == ["leaf"] * 5


async def test_calls_in_executor_threads_hang_under_the_step(watch):
    """LangChain's own `run_in_executor` copies the context, and with it the parent."""
    leaf = step("leaf")

    async def hand_over(value):
        return await run_in_executor(None, leaf.invoke, value)

    await observe(RunnableLambda(hand_over, name="hand_over"), bus=watch.bus).ainvoke(1)
    assert watch.check().parents()["leaf"] == "hand_over"


def test_a_call_with_callbacks_of_its_own_keeps_its_place(watch):
    """Handing other callbacks to an inner call loses LangChain's parent; ours is the execution's."""

    def own_callbacks(value):
        return step("leaf").invoke(value, {"callbacks": []})

    observe(RunnableLambda(own_callbacks, name="own_callbacks"), bus=watch.bus).invoke(1)
    assert watch.check().parents() == {"own_callbacks": None, "leaf": "own_callbacks"}


def test_tools_called_by_an_agent_loop_hang_under_it(watch):
    """A hand-written agent: model, tool, model again are siblings under the agent."""

    @tool
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    model = ScriptedChatModel(
        script=[Turn(tool_calls=[ScriptedToolCall("add", {"a": 1, "b": 2}, "call_9")]), "It is 3."]
    ).bind_tools([add])

    def agent(question):
        first = model.invoke(question)
        answer = add.invoke(first.tool_calls[0])
        return model.invoke([("user", question), first, answer]).content

    assert observe(RunnableLambda(agent, name="agent"), bus=watch.bus).invoke("1+2?") == "It is 3."
    watch.check()
    assert watch.children("agent") == ["ScriptedChatModel", "add", "ScriptedChatModel"]
    assert watch.run("add").tool_call_id in {"call_9", None}  # langchain-core 1.0 does not tell
    assert watch.run("add").inputs == {"a": 1, "b": 2}


async def test_concurrent_roots_stay_apart(watch):
    """Many calls at once are as many trees, with nothing of each other's."""
    chain = observe(outer(step("leaf")), bus=watch.bus)
    await asyncio.gather(*(chain.ainvoke(i) for i in range(50)))
    watch.check()
    roots = [event for event in watch.started if event.parent_run_id is None]
    assert len(roots) == 50
    for root in roots:
        inside = [event for event in watch.started if event.root_run_id == root.run_id]
        assert [event.name for event in inside] == ["outer", "leaf"]


def test_parents_are_right_under_observing_as_well(watch):
    """The scope is another, the tree the same."""
    with observing(bus=watch.bus):
        outer(step("leaf")).invoke(1)
    step("unseen").invoke(1)
    assert watch.check().parents() == {"outer": None, "leaf": "outer"}
