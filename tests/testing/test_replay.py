"""A recorded run, run again without its providers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

from tracebus import Capture, observe, open_log
from tracebus.exceptions import InvalidLogError
from tracebus.testing import (
    Replay,
    ReplayPartedError,
    ScriptedChatModel,
    ScriptedLLM,
    ScriptedToolCall,
    Turn,
)


@pytest.fixture
def log(tmp_path):
    return f"sqlite:{tmp_path / 'recorded.db'}"


def record(runnable, given, log, **options):
    with observe(runnable, to=log, **options) as observed:
        return observed.invoke(given)


@tool
def departures(stop: str, hour: int = 0) -> str:
    """Return departures."""
    if hour > 23:
        raise ValueError("no such hour")
    return f"N7 leaves {stop} at {hour}:12"


def agent_of(model, tools, prompt="You help passengers."):
    agents = pytest.importorskip("langchain.agents", reason="an agent needs the package langchain")
    return agents.create_agent(model, tools, system_prompt=prompt)


CALL = Turn(text="Let me look.", tool_calls=[ScriptedToolCall("departures", {"stop": "Old Square"}, id="c1")])
ASK = {"messages": [("user", "When?")]}


def test_yesterdays_bug_is_todays_test(log):
    """Model and tools give back what they gave; nothing of the original is called."""
    recorded = record(agent_of(ScriptedChatModel(script=[CALL, "At 0:12."]), [departures]), ASK, log)

    @tool(departures.name)
    def unreachable(stop: str, hour: int = 0) -> str:
        """Return departures."""
        raise AssertionError("the network")

    replay = Replay("last", log=log)
    again = agent_of(replay.model(), replay.tools([unreachable])).invoke(replay.input)
    assert [message.content for message in again["messages"]] == [m.content for m in recorded["messages"]]
    assert again["messages"][1].tool_calls == recorded["messages"][1].tool_calls
    assert again["messages"][-1].usage_metadata == recorded["messages"][-1].usage_metadata


def test_a_prompt_that_changed_says_where(log):
    """The call, and the line that differs by words; whatever handles errors in between, it stays said."""
    record(agent_of(ScriptedChatModel(script=[CALL, "At 0:12."]), [departures]), ASK, log)
    replay = Replay(log=log)
    agent = agent_of(replay.model(), replay.tools([departures]), prompt="You help all passengers.")
    for _ in range(2):
        with pytest.raises(ReplayPartedError, match="it parts at model call 1 of 2") as caught:
            agent.invoke(replay.input)
    assert "- system: You help passengers." in str(caught.value)
    assert "+ system: You help all passengers." in str(caught.value)


def test_a_prompt_that_changed_is_answered_where_one_does_not_mind(log):
    """`strict=False` goes by the order of the calls."""
    record(agent_of(ScriptedChatModel(script=[CALL, "At 0:12."]), [departures]), ASK, log)
    replay = Replay(log=log, strict=False)
    agent = agent_of(replay.model(), replay.tools([departures]), prompt="You help all passengers.")
    assert agent.invoke(replay.input)["messages"][-1].content == "At 0:12."


def test_a_call_too_many_says_so(log):
    """A model that is asked once more than it was, and a tool with other arguments."""
    record(ScriptedChatModel(script=["one"]), "x", log)
    model = Replay(log=log).model()
    model.invoke("x")
    with pytest.raises(ReplayPartedError, match="the recording has 1 model calls, and there is one more"):
        model.invoke("x")
    record(RunnableLambda(lambda _: departures.invoke({"stop": "Old Square"})), 1, log)
    (replayed,) = Replay(log=log).tools([departures])
    with pytest.raises(ReplayPartedError, match=r"parts at the tool 'departures'.*Harbour"):
        replayed.invoke({"stop": "Harbour"})
    assert replayed.invoke({"stop": "Old Square"}) == "N7 leaves Old Square at 0:12"
    with pytest.raises(ReplayPartedError, match="not called in the recording"):
        Replay("last~1", log=log).tools([departures])[0].invoke({"stop": "x"})


async def test_errors_are_raised_again(log):
    """Of models and of tools; built-in classes are what they were."""

    def twice(_):
        with pytest.raises(ConnectionError):
            model.invoke("x")
        with pytest.raises(ValueError, match="no such hour"):
            departures.invoke({"stop": "a", "hour": 99})
        return model.invoke("x").content

    model = ScriptedChatModel(script=[ConnectionError("away"), "back"])
    record(RunnableLambda(twice), 1, log)
    replay = Replay(log=log)
    again = replay.model()
    with pytest.raises(ConnectionError, match="away"):
        await again.ainvoke("x")
    assert (await again.ainvoke("x")).content == "back"
    with pytest.raises(ValueError, match="no such hour"):
        await replay.tools([departures])[0].ainvoke({"stop": "a", "hour": 99})


def test_one_of_several_models(log):
    """By the run's name or the model's; one that is not there is named with those that are."""
    small, large = (
        ScriptedChatModel(script=["s"], model="small"),
        ScriptedChatModel(script=["l"], model="large"),
    )
    record(RunnableLambda(lambda x: small.invoke(x).content + large.invoke(x).content), "x", log)
    assert Replay(log=log).model("large").invoke("x").content == "l"
    with pytest.raises(InvalidLogError, match=r"no chat_model calls called 'medium'; it has .*large"):
        Replay(log=log).model("medium")


def test_a_text_model(log):
    """An `llm` run is replayed by `llm()`, and its input is the prompt."""
    record(ScriptedLLM(script=["yes"]), "may I?", log)
    replay = Replay(log=log)
    assert replay.llm().invoke(replay.input) == "yes"


def test_what_cannot_be_replayed_is_said(log):
    """A log without content, a run that is not there."""
    record(ScriptedChatModel(script=["secret"]), "x", log, capture=Capture(content=False))
    with pytest.raises(InvalidLogError, match="withheld"):
        Replay(log=log).model()
    with pytest.raises(InvalidLogError, match="no run 'nothing'"):
        Replay("nothing", log=log)


TURNS = st.builds(
    Turn,
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    reasoning=st.sampled_from(["", "Let me think."]),
    tool_calls=st.lists(
        st.builds(ScriptedToolCall, st.sampled_from(["a", "b"]), st.dictionaries(st.text("xy", max_size=2), st.integers(-(2**53), 2**53))),
        max_size=3,
    ),
)  # fmt: skip


@given(st.lists(TURNS, min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_any_answer_is_given_back(tmp_path_factory, turns):
    """Text, reasoning, tool calls and usage, in the order asked, streamed or not."""
    log = open_log(f"jsonl:{tmp_path_factory.mktemp('replay') / 'log.jsonl'}")
    model = ScriptedChatModel(script=turns)
    ask = RunnableLambda(lambda n: [model.invoke(f"question {number}") for number in range(n)])
    with observe(ask, to=log) as observed:
        answers = observed.invoke(len(turns))
    replayed = Replay(log=log).model()
    for number in reversed(range(len(turns))):
        answer = replayed.invoke(f"question {number}")
        assert answer.text == answers[number].text
        assert answer.tool_calls == answers[number].tool_calls
        assert answer.usage_metadata == answers[number].usage_metadata
    log.close()
