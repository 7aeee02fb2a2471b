"""Assertions on runs: what they take, and what they say when they fail."""

from __future__ import annotations

import threading

import pytest
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.tools import tool

from tracebus.pytest import RunsAssertionError
from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn


@tool
def search(query: str) -> str:
    """Search."""
    return f"found {query}"


@tool
def pay(amount: int) -> str:
    """Pay."""
    raise PermissionError("not yours")


def work(_):
    search.invoke({"query": "bus"})
    search.invoke({"query": "tram"})
    ScriptedChatModel(script=["yes"]).invoke("may I?")


desk = RunnableLambda(work, name="desk")


def fails(call, *said):
    with pytest.raises(RunsAssertionError) as caught:
        call()
    for text in said:
        assert text in str(caught.value)
    return str(caught.value)


def test_tools_in_order_with_arguments(recorded_runs):
    """What holds chains up to one sentence; what does not says what happened instead, at the place."""
    desk.invoke(1)
    recorded_runs.called("search").called("search", query="tram").called_times("search", 2).never_called(
        "pay"
    )
    recorded_runs.called_in_order("search", "search").called_only("search", "search")
    assert recorded_runs.tool_calls == [("search", {"query": "bus"}), ("search", {"query": "tram"})]
    fails(lambda: recorded_runs.called("pay"), "'pay' was never called", "✓ desk")
    message = fails(lambda: recorded_runs.called("search", query="ship"), '{ "query": "bus" }')
    assert "→ ├─ ✓ search" in message
    fails(lambda: recorded_runs.called_times("search", 1), "called twice, not once")
    fails(lambda: recorded_runs.never_called("search"), "'search' was called with")
    fails(lambda: recorded_runs.called_in_order("search", "pay"), "'pay' was not called after 'search'")
    fails(lambda: recorded_runs.called_only("search"), "- expected, + found", "+ search")


def test_limits(recorded_runs):
    """Model calls, tokens and time at most; what nobody knows is no small number."""
    desk.invoke(1)
    recorded_runs.asked_models_at_most(1).used_tokens_at_most(1_000).took_at_most(60)
    fails(lambda: recorded_runs.asked_models_at_most(0), "models were called once, more than 0")
    fails(lambda: recorded_runs.used_tokens_at_most(1), "tokens were used, more than 1")
    fails(lambda: recorded_runs.cost_at_most(1.0), "what it cost is unknown")
    fails(lambda: recorded_runs.took_at_most(0), "'desk' took")


def test_tokens_nobody_reported_are_not_few(recorded_runs):
    """A model that reports no usage fails the limit, and is pointed at."""
    ScriptedChatModel(script=["yes"], report_usage=False).invoke("may I?")
    fails(lambda: recorded_runs.used_tokens_at_most(1_000_000), "unknown", "→ ✓ ScriptedChatModel")


def test_errors_and_retries(recorded_runs):
    """A handled error is one; the innermost is named; retries are counted."""
    recorded_runs.had_no_errors().had_no_retries().left_nothing_open()
    flaky = ScriptedChatModel(script=[ConnectionError("away"), "yes"])
    flaky.with_retry(retry_if_exception_type=(ConnectionError,), wait_exponential_jitter=False).invoke("x")
    fails(lambda: recorded_runs.had_no_errors(), "failed: ConnectionError: away")
    fails(lambda: recorded_runs.had_no_retries(), "was tried 2 times")
    with pytest.raises(PermissionError):
        RunnableLambda(lambda _: pay.invoke({"amount": 1}), name="till").invoke(1)
    assert [node.name for node in recorded_runs.errors][-1] == "pay"


def test_a_run_left_open(recorded_runs, monkeypatch):
    """What has not ended is named, with the tree."""
    monkeypatch.setattr("tracebus.pytest._recorded._STILL_ENDING", 0.1)
    go, gone = threading.Event(), threading.Event()

    def wait(_):
        gone.set()
        go.wait(20)

    thread = threading.Thread(target=RunnableLambda(wait, name="waiter").invoke, args=(1,))
    thread.start()
    assert gone.wait(20)
    fails(recorded_runs.left_nothing_open, "'waiter' still runs")
    go.set()
    thread.join()
    recorded_runs.left_nothing_open()


def test_what_a_node_was_given(recorded_runs):
    """Inputs and outputs by name, as JSON; a name that is not there fails with the tree."""
    desk.invoke({"question": "when?"})
    assert recorded_runs.given("desk") == {"question": "when?"}
    assert recorded_runs.given("search") == {"query": "bus"}
    assert recorded_runs.put_out("search") == "found bus"
    fails(lambda: recorded_runs.given("nobody"), "no run is called 'nobody'", "✓ desk")


def test_a_shape_in_the_test(recorded_runs):
    """Written where it is read; parallel steps stand in an order that chance does not change."""
    RunnableParallel(b=RunnableLambda(lambda x: x, name="b"), a=RunnableLambda(lambda x: x, name="a")).invoke(
        1
    )
    recorded_runs.have_shape("""
        chain RunnableParallel<b,a>: ok
          chain a: ok
          chain b: ok
    """)
    fails(lambda: recorded_runs.have_shape("chain x: ok"), "the runs have another shape", "- chain x: ok")


def test_tools_of_one_answer_stand_as_they_were_asked_for(recorded_runs):
    """LangGraph runs an answer's tool calls at once; the shape has the answer's order, every time."""
    agents = pytest.importorskip("langchain.agents", reason="an agent needs the package langchain")
    barrier = threading.Barrier(2)

    @tool
    def zebra(n: int) -> str:
        """Wait for the other."""
        barrier.wait(20)
        return "z"

    @tool
    def ant(n: int) -> str:
        """Wait for the other."""
        barrier.wait(20)
        return "a"

    calls = [ScriptedToolCall("zebra", {"n": 1}), ScriptedToolCall("ant", {"n": 2})]
    agent = agents.create_agent(ScriptedChatModel(script=[Turn(tool_calls=calls), "done"]), [zebra, ant])
    agent.invoke({"messages": [("user", "go")]})
    head, steps = recorded_runs.shape.split("\n", 1)
    assert head in {"agent LangGraph: ok", "graph LangGraph: ok"}  # langchain 1.0 does not mark its agents
    assert steps == (
        "  node model: ok\n    chat_model ScriptedChatModel: ok, calls zebra, ant\n"
        "  node tools: ok\n    tool zebra: ok\n"
        "  node tools: ok\n    tool ant: ok\n"
        "  node model: ok\n    chat_model ScriptedChatModel: ok\n"
    )


def test_what_a_model_said_reaches_no_terminal_raw(recorded_runs):
    """Escape sequences in arguments and answers are shown, not obeyed."""
    search.invoke({"query": "\x1b]52;c;AAAA\x07"})
    message = fails(lambda: recorded_runs.never_called("search"))
    assert "\x1b" not in message
