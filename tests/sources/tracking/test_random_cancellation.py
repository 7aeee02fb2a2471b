"""Wherever cancellation strikes, every run ends once, none as an error."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.tools import tool

from tracebus.capture import Capture
from tracebus.events import RunEnded, RunStarted, settle_all
from tracebus.sources.callbacks import _scope
from tracebus.sources.callbacks._recorder import Recorder
from tracebus.sources.tracking._tracker import RunTracker
from tracebus.testing import ScriptedChatModel


class Clock:
    """A clock that stands until it is pushed."""

    def __init__(self):
        self.now = 1_000_000_000

    def __call__(self):
        self.now += 1
        return self.now


@tool
async def slow_tool(q: str) -> str:
    """Take a few ticks."""
    for _ in range(5):
        await asyncio.sleep(0)
    return q


async def slow_step(value):
    for _ in range(5):
        await asyncio.sleep(0)
    return value


def programme():
    model = ScriptedChatModel(script=["one two three four five"])
    answer = ChatPromptTemplate.from_template("{q}") | model | StrOutputParser()
    flaky = RunnableLambda(slow_step, name="flaky").with_retry(stop_after_attempt=2)
    parallel = RunnableParallel(
        answer=answer, tool=slow_tool, other=flaky, spare=answer.with_fallbacks([answer])
    )
    return RunnableLambda(slow_step, name="before") | parallel | RunnableLambda(slow_step, name="after")


async def cancelled_after(ticks, streamed, deadline_inside):
    """Run the programme, cancel it after so many ticks of the loop, and say what became of it."""

    async def work():
        if streamed:
            return [chunk async for chunk in programme().astream({"q": "x"})]
        if deadline_inside:
            return await asyncio.wait_for(programme().ainvoke({"q": "x"}), timeout=3600)
        return await programme().ainvoke({"q": "x"})

    task = asyncio.create_task(work())
    for _ in range(ticks):
        await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        outcome = "cancelled"
    else:
        outcome = "finished"
    for _ in range(50):  # late ends come some ticks after
        await asyncio.sleep(0)
    return outcome


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ticks=st.integers(0, 400), streamed=st.booleans(), deadline_inside=st.booleans())
def test_cancelled_anywhere_every_run_ends_once_and_none_as_error(ticks, streamed, deadline_inside):
    """Cancelling at a random tick leaves nothing open, and nothing is taken for a failure."""
    events, clock = [], Clock()
    tracker = RunTracker(lambda event, _bound: events.append(event), clock=clock)
    token = _scope.enter(Recorder(tracker, Capture()))
    try:
        outcome = asyncio.run(cancelled_after(ticks, streamed, deadline_inside))
    finally:
        _scope.leave(token)
    clock.now += 3_600_000_000_000
    tracker.sweep()
    tracker.sweep()
    settle_all(events)
    started = [event for event in events if isinstance(event, RunStarted)]
    ends = [event for event in events if isinstance(event, RunEnded)]
    by_id = {event.run_id: event for event in ends}
    assert len(by_id) == len(ends), "a run ended twice"
    roots = {event.run_id for event in started if event.parent_run_id is None}
    left_open = {event.run_id for event in started} - by_id.keys()
    # A root whose call was cancelled inside its very first callback may be all that is known of it.
    assert left_open <= roots, [event.name for event in started if event.run_id in left_open]
    outcomes = {str(event.outcome) for event in ends}
    assert outcomes <= ({"ok"} if outcome == "finished" else {"ok", "cancelled", "abandoned"})
    tracker.close_all()
    assert {event.run_id for event in started} == {e.run_id for e in events if isinstance(e, RunEnded)}
