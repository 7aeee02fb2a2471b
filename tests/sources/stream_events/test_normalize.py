"""Events out of `astream_events` dictionaries, wherever they come from."""

from __future__ import annotations

import asyncio
import json
import operator
from typing import Annotated, TypedDict

import pytest
from langchain_core.load import dumpd
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

import tracebus
from tracebus import Capture
from tracebus.events import Outcome, RunEnded, RunStarted, RunStreamed
from tracebus.testing import ScriptedChatModel, Turn


def chain_of(*script):
    return (
        ChatPromptTemplate.from_template("{q}") | ScriptedChatModel(script=list(script)) | StrOutputParser()
    )


async def recorded(chain, value):
    return [event async for event in chain.astream_events(value, version="v2")]


async def replayed(dictionaries):
    for dictionary in dictionaries:
        yield dictionary


def outcomes(events):
    names = {event.run_id: event.name for event in events if isinstance(event, RunStarted)}
    return {names[event.run_id]: str(event.outcome) for event in events if isinstance(event, RunEnded)}


async def test_astream_runs_the_chain_and_tells_its_events():
    """One call: events as they happen, numbered from 1, text included."""
    events = [event async for event in tracebus.astream(chain_of("one two"), {"q": "x"})]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert "".join(event.text for event in events if isinstance(event, RunStreamed)) == "one two"
    assert set(outcomes(events).values()) == {"ok"}
    assert events[0].inputs == {"q": "x"}


async def test_astream_of_v3_where_langchain_has_none_says_so():
    """As the oldest langchain-core does: an async generator for any version. No internal error of ours."""

    class Old(RunnableLambda):
        async def astream_events(self, *args, **kwargs):
            raise NotImplementedError
            yield

    with pytest.raises(TypeError, match=r'no v3 streams for Old: ask for version="v2", or install'):
        _ = [event async for event in tracebus.astream(Old(str), "x", version="v3")]


async def test_astream_restores_the_errors_the_stream_hides():
    """The failing run keeps its own exception; it reaches the caller after the ends."""
    events = []
    with pytest.raises(ConnectionError, match="down"):
        async for event in tracebus.astream(chain_of(ConnectionError("down")), {"q": "x"}):
            events.append(event)
    assert outcomes(events) == {
        "ChatPromptTemplate": "ok",
        "ScriptedChatModel": "error",
        "RunnableSequence": "error",
    }
    assert all(e.error.type == "ConnectionError" for e in events if isinstance(e, RunEnded) and e.error)


async def test_astream_tells_a_handled_error_from_success():
    """A failed attempt inside `with_fallbacks` has its own error, though the stream never mentions it."""
    chain = chain_of(ConnectionError("down")).with_fallbacks([chain_of("fine")])
    events = [event async for event in tracebus.astream(chain, {"q": "x"})]
    ends = [event for event in events if isinstance(event, RunEnded)]
    failed = [event for event in ends if event.outcome is Outcome.ERROR]
    assert {event.error.type for event in failed} == {"ConnectionError"}
    assert len(failed) == 2
    assert ends[-1].outcome is Outcome.OK or ends[0].outcome is Outcome.OK
    begun = {event.run_id for event in events if isinstance(event, RunStarted)}
    assert begun == {event.run_id for event in ends}


async def test_a_stream_left_early_leaves_the_chain_cancelled_and_no_task_behind():
    """Closing the event stream closes the chain's."""
    stream = tracebus.astream(chain_of("one two three"), {"q": "x"})
    async for event in stream:
        if isinstance(event, RunStreamed):
            break
    await stream.aclose()
    for _ in range(1000):
        if asyncio.all_tasks() == {asyncio.current_task()}:
            break
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_remote_servers_json_gives_the_same_events():
    """Dictionaries that went through JSON (LangServe, LangGraph) lose their classes, not their meaning."""
    turn = Turn(text="one two", reasoning="hm", cache_read=1, response_id="resp-1")
    local = await recorded(chain_of(turn), {"q": "x"})
    remote = json.loads(json.dumps([{**event, "data": dumpd(event["data"])} for event in local]))
    here = [event async for event in tracebus.normalize(replayed(local))]
    there = [event async for event in tracebus.normalize(replayed(remote))]
    assert [type(event) for event in there] == [type(event) for event in here]
    for near, far in zip(here, there, strict=True):
        if isinstance(near, RunStreamed):
            assert (far.text, far.reasoning) == (near.text, near.reasoning)
        if isinstance(near, RunEnded):
            assert (far.usage, far.outcome, far.finish_reasons) == (
                near.usage,
                near.outcome,
                near.finish_reasons,
            )
    model = next(event for event in there if isinstance(event, RunEnded) and event.usage)
    assert model.usage.cache_read_tokens == 1


async def test_an_error_of_the_source_ends_what_is_open_and_is_raised():
    """A connection lost half-way: the open runs end with that error, then it is raised."""
    local = await recorded(chain_of("one two"), {"q": "x"})

    async def cut_off():
        for event in local[:5]:
            yield event
        raise ConnectionResetError("gone")

    events = []
    with pytest.raises(ConnectionResetError):
        async for event in tracebus.normalize(cut_off()):
            events.append(event)
    begun = {event.run_id for event in events if isinstance(event, RunStarted)}
    ended = {event.run_id: event for event in events if isinstance(event, RunEnded)}
    assert begun == ended.keys()
    assert outcomes(events)["RunnableSequence"] == "error"


async def test_a_hidden_error_without_callbacks_is_an_error_of_unknown_type():
    """From a remote stream the run's error cannot be known, and that is what its end says."""
    chain = RunnableLambda(lambda x: 1 / 0, name="broken").with_fallbacks([RunnableLambda(str, name="spare")])
    events = [e async for e in tracebus.normalize(replayed(await recorded(chain, 1)))]
    assert outcomes(events) == {"RunnableWithFallbacks": "ok", "broken": "error", "spare": "ok"}
    broken = next(e for e in events if isinstance(e, RunEnded) and e.outcome is Outcome.ERROR)
    assert broken.error.type == "unknown"
    assert "does not report the errors" in broken.error.message


async def test_interrupted_nodes_are_interrupted_in_a_stream_too():
    """LangGraph's interrupted nodes have no end in the stream; the graph's chunks tell why."""
    pytest.importorskip("langgraph", reason="needs langgraph")
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import START, StateGraph
    from langgraph.types import interrupt

    class State(TypedDict):
        seen: Annotated[list, operator.add]

    builder = StateGraph(State)
    builder.add_node("ask", lambda state: {"seen": [interrupt("which?")]})
    builder.add_edge(START, "ask")
    app = builder.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    local = [event async for event in app.astream_events({"seen": []}, config, version="v2")]
    for events in (
        [e async for e in tracebus.normalize(replayed(local))],
        [e async for e in tracebus.astream(app, {"seen": []}, {"configurable": {"thread_id": "u"}})],
    ):
        assert outcomes(events) == {"LangGraph": "interrupted", "ask": "interrupted"}


async def test_capture_applies_to_streams_as_well():
    """With content off no input, output or text is in any event."""
    events = [
        event
        async for event in tracebus.astream(
            chain_of("whisper it"), {"q": "secret"}, capture=Capture(content=False)
        )
    ]
    assert "secret" not in str(events)
    assert "whisper" not in str(events)
    assert any(isinstance(event, RunStreamed) for event in events)


async def test_dictionaries_that_are_no_stream_events_are_passed_over():
    """Metadata frames and future kinds do not disturb."""
    noise = [{"event": "metadata"}, {}, {"event": "on_new_thing_start_of_day", "run_id": "x"}]
    local = await recorded(chain_of("one"), {"q": "x"})
    events = [e async for e in tracebus.normalize(replayed([*noise, *local, *noise]))]
    assert len(outcomes(events)) == 4
