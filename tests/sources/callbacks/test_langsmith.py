"""LangSmith tracing is on beside us: its runs, which LangChain reports as parents, tear nothing apart."""

from __future__ import annotations

from contextlib import nullcontext
from unittest.mock import MagicMock

import pytest
from langchain_core.runnables import RunnableLambda
from langsmith import Client, traceable
from langsmith.run_helpers import tracing_context

from tracebus import observe, observing
from tracebus.testing import ScriptedChatModel


@pytest.fixture
def langsmith():
    """Give LangSmith a client that sends nothing."""
    client = Client(
        api_url="http://127.0.0.1:9", api_key="none", session=MagicMock(), auto_batch_tracing=False
    )
    with tracing_context(enabled=True, client=client):
        yield client


@pytest.mark.parametrize("how", ["observe", "observing"])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_below_a_traceable_function_runs_hang_under_the_chain(watch, langsmith, how, asynchronous):
    """`@traceable` makes a run only LangSmith is told of; ours hang under the step that executes."""
    model = ScriptedChatModel(script=["Noon."])

    @traceable
    def helper(question):
        return model.invoke(question).content

    @traceable
    async def ahelper(question):
        return (await model.ainvoke(question)).content

    chain = RunnableLambda(helper, ahelper, name="outer")
    with observing(bus=watch.bus) if how == "observing" else nullcontext():
        called = observe(chain, bus=watch.bus) if how == "observe" else chain
        if asynchronous:
            await called.ainvoke("When?")
        else:
            called.invoke("When?")
    assert watch.check().parents() == {"outer": None, "ScriptedChatModel": "outer"}


def test_a_whole_program_below_a_traceable_function_is_a_root(watch, langsmith):
    """With nothing of ours above, the run LangSmith knows is nobody's parent."""

    @traceable
    def program():
        return observe(RunnableLambda(lambda x: x, name="outer"), bus=watch.bus).invoke(1)

    program()
    assert watch.check().parents() == {"outer": None}


def test_nested_traceable_functions_keep_the_order_of_execution(watch, langsmith):
    """Chain, function, chain, function, model: each under the innermost run of ours."""
    model = ScriptedChatModel(script=["Noon."])

    @traceable
    def inner_helper(question):
        return model.invoke(question).content

    inner = RunnableLambda(lambda question: inner_helper(question), name="inner")

    @traceable
    def outer_helper(question):
        return inner.invoke(question)

    observe(RunnableLambda(lambda question: outer_helper(question), name="outer"), bus=watch.bus).invoke(
        "When?"
    )
    assert watch.check().parents() == {"outer": None, "inner": "outer", "ScriptedChatModel": "inner"}
