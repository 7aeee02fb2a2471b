"""`observing()` left in another context than it was entered in: nothing is raised, nothing observed further."""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import AsyncExitStack, ExitStack

from langchain_core.runnables import RunnableLambda

from tracebus import EventBus, observing
from tracebus.events import RunStarted

CHAIN = RunnableLambda(lambda x: x, name="step")


def begun(events):
    return [event.inputs for event in events if isinstance(event, RunStarted)]


def test_a_fixture_whose_halves_run_in_contexts_of_their_own():
    """As pytest and web frameworks do it: the bus is closed, and all is delivered."""
    events = []

    def fixture():
        with observing(to=events.extend) as bus:
            CHAIN.invoke("inside")
            yield bus

    generator = fixture()
    bus = contextvars.copy_context().run(next, generator)
    assert contextvars.copy_context().run(next, generator, None) is None
    assert bus.closed
    assert begun(events) == ["inside"]


def test_a_context_it_was_left_behind_in_is_observed_no_more():
    """The context it was entered in goes on, and must not record into a bus that somebody else owns."""
    events, bus = [], EventBus()
    bus.attach(events.extend)
    stack, outer = ExitStack(), contextvars.copy_context()
    outer.run(stack.enter_context, observing(bus=bus))
    outer.run(CHAIN.invoke, "observed")
    stack.close()
    outer.run(CHAIN.invoke, "not observed")
    with observing(bus=bus):
        CHAIN.invoke("again")
        outer.run(CHAIN.invoke, "still not")
    assert bus.close(10)
    assert begun(events) == ["observed", "again"]


async def test_an_exit_stack_closed_by_another_task():
    """Entered by one task, left by another."""
    events, stack = [], AsyncExitStack()
    bus = await asyncio.create_task(stack.enter_async_context(observing(to=events.extend)))
    await asyncio.create_task(stack.aclose())
    assert bus.closed


def test_an_inner_scope_goes_on_when_the_outer_one_is_left():
    """Left in the wrong order, which a context manager in a generator easily is."""
    outer_events, inner_events, bus = [], [], EventBus()
    bus.attach(inner_events.extend)
    outer, inner = observing(to=outer_events.extend), observing(bus=bus)
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    CHAIN.invoke("inner only")
    inner.__exit__(None, None, None)
    CHAIN.invoke("nobody")
    assert bus.close(10)
    assert begun(inner_events) == ["inner only"]
    assert begun(outer_events) == []
