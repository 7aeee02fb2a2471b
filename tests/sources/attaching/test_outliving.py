"""A run that outlives its parent or its call ends as it ended itself; a guess is made only of who is gone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda

from tracebus import observe, observing
from tracebus.events import RunEnded
from tracebus.testing import ScriptedChatModel


class Gate:
    """A step that says it was entered and goes on when it is let."""

    def __init__(self):
        self.entered, self.release = asyncio.Event(), asyncio.Event()

    async def __call__(self, value):
        self.entered.set()
        await self.release.wait()
        if value == "break":
            raise ValueError("broke")
        return value


class SlowModel(ScriptedChatModel):
    """A chat model whose answer never comes."""

    async def _agenerate(self, *args, **kwargs):
        await asyncio.Event().wait()


def lambda_of(function, name):
    return RunnableLambda(lambda value: value, afunc=function, name=name)


async def grace_is_over(watch, *names):
    """Wait until the reaper had its look at what ended without the named runs, which go on."""
    await asyncio.sleep(0.7)
    assert not set(names) & {event.name for event in watch.started if event.run_id in watch.ends}


@pytest.mark.parametrize(("given", "outcome"), [("good", "ok"), ("break", "error")])
async def test_a_sibling_in_abatch_keeps_its_own_end(watch, given, outcome):
    """One input fails and `abatch` with it; the other goes on, and its end is what it came to."""
    gate = Gate()

    async def step(value):
        if value == "bad":
            raise ValueError("bad")
        return await gate(value)

    chain = observe(lambda_of(step, "step"), bus=watch.bus)
    with pytest.raises(ValueError, match="bad"):
        await chain.abatch([given, "bad"])
    await gate.entered.wait()
    await asyncio.sleep(0.7)  # longer than the grace: nothing must have been guessed
    assert len(watch.ends) == 1
    gate.release.set()
    await watch.await_until_all_ended(runs=2)
    ends = [watch.ends[event.run_id] for event in watch.started]
    assert sorted(str(end.outcome) for end in ends) == sorted([outcome, "error"])
    assert {end.error.message for end in ends if end.error} <= {"bad", "broke"}
    assert not watch.bus.statistics().counters


@pytest.mark.parametrize(("given", "outcome"), [("good", "ok"), ("break", "error")])
async def test_a_shielded_child_of_a_cancelled_parent_keeps_its_own_end(watch, given, outcome):
    """`asyncio.shield` keeps the child from being cancelled: it ends as it does."""
    gate, tasks = Gate(), []
    child = lambda_of(gate, "child")

    async def shields(value):
        tasks.append(asyncio.ensure_future(child.ainvoke(value)))
        return await asyncio.shield(tasks[0])

    task = asyncio.create_task(observe(lambda_of(shields, "parent"), bus=watch.bus).ainvoke(given))
    await gate.entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await grace_is_over(watch, "child")
    gate.release.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    await watch.await_until_all_ended(runs=2)
    assert watch.outcomes() == {"parent": "cancelled", "child": outcome}


async def test_a_thread_that_goes_on_after_its_caller_was_cancelled_keeps_its_own_end(watch):
    """A thread cannot be cancelled: what it runs ends when it does."""
    entered, release = threading.Event(), threading.Event()

    def child(value):
        entered.set()
        assert release.wait(30)
        return value

    inner = RunnableLambda(child, name="child")

    def outer(value):
        return inner.invoke(value)

    task = asyncio.create_task(observe(RunnableLambda(outer, name="parent"), bus=watch.bus).ainvoke(1))
    await asyncio.to_thread(entered.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await grace_is_over(watch, "child")
    release.set()
    await watch.await_until_all_ended(runs=2)
    assert watch.outcomes() == {"parent": "cancelled", "child": "ok"}


async def test_a_model_alone_that_times_out_is_cancelled_without_any_call_of_ours(watch):
    """Under `observing()` nothing but its task tells that a cancelled model is over.

    A task of its own: since Python 3.12 `wait_for` awaits a coroutine in the caller's.
    """
    with observing(bus=watch.bus):
        with pytest.raises(asyncio.TimeoutError):
            call = asyncio.create_task(SlowModel(script=["x"]).ainvoke("q"))
            await asyncio.wait_for(call, 0.01)
        del call
        await watch.await_until_all_ended()
    assert watch.outcomes() == {"SlowModel": "cancelled"}


async def test_a_model_given_up_by_its_caller_is_cancelled_when_the_next_call_begins(watch):
    """The caller goes on, in the same task: the call before is over."""
    slow, quick = SlowModel(script=["x"]), ScriptedChatModel(script=["y"])
    gate = Gate()

    async def step(value):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await slow.ainvoke("q")
        await quick.ainvoke("q")
        return await gate(value)

    task = asyncio.create_task(observe(lambda_of(step, "step"), bus=watch.bus).ainvoke("good"))
    await gate.entered.wait()
    await watch.exporter.await_for(lambda events: sum(isinstance(e, RunEnded) for e in events) == 2, 10)
    assert watch.outcomes_so_far() == {"SlowModel": "cancelled", "ScriptedChatModel": "ok"}
    gate.release.set()
    await task


async def test_several_prompts_of_one_call_do_not_end_each_other(watch):
    """`generate` of several conversations begins all runs at once, in one task."""
    model = ScriptedChatModel(script=["a", "b", "c"])
    with observing(bus=watch.bus):
        await model.agenerate([[HumanMessage("one")], [HumanMessage("two")], [HumanMessage("three")]])
    watch.check()
    assert [str(end.outcome) for end in watch.ends.values()] == ["ok"] * 3


def test_what_is_below_a_cancelled_run_was_cancelled_also_where_the_program_ends_at_once(watch):
    """`asyncio.run` of a call that timed out, and the bus closes before any grace is over."""
    chain = RunnableLambda(lambda value: value, name="before") | SlowModel(script=["x"])

    async def main():
        await asyncio.wait_for(observe(chain, bus=watch.bus).ainvoke("q"), 0.05)

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(main())
    assert watch.bus.close(10)
    assert watch.outcomes_so_far() == {
        "RunnableSequence": "cancelled",
        "before": "ok",
        "SlowModel": "cancelled",
    }


async def test_a_background_task_that_is_destroyed_is_given_up(watch):
    """The task of a child is gone and nobody said how it ended: that is soon said, too."""
    gate = Gate()
    child = lambda_of(gate, "child")
    held = []

    async def parent(value):
        held.append(asyncio.ensure_future(child.ainvoke(value)))
        await gate.entered.wait()
        return "done"

    await observe(lambda_of(parent, "parent"), bus=watch.bus).ainvoke("x")
    await grace_is_over(watch, "child")
    held.pop().cancel()
    await watch.await_until_all_ended(runs=2)
    assert watch.outcomes() == {"parent": "ok", "child": "cancelled"}


async def test_a_tree_of_thousands_of_runs_ends_with_its_bus(watch):
    """No recursion over the depth of what the program does."""
    from tests.sources.tracking.test_tracker import new_tracker, start

    tracker, events, _, _ = new_tracker()
    for level in range(10_000):
        start(tracker, level, level - 1 if level else None)
    tracker.close_all()
    assert [event.run_id for event in events[10_000:]] == [str(level) for level in reversed(range(10_000))]


async def test_a_call_in_a_loop_that_is_kept_busy_is_not_guessed_at(watch):
    """The end comes by a task of LangChain's own, which has to have its turn first."""

    async def quick(value):
        return value

    chain = observe(lambda_of(quick, "quick"), bus=watch.bus)
    task = asyncio.create_task(chain.ainvoke(1))
    for _ in range(4):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    threading.Event().wait(0.8)  # the loop does not turn
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await watch.await_until_all_ended()
    assert not watch.bus.statistics().counters


async def test_generators_closed_elsewhere_say_nothing(watch, recwarn, capfd):
    """Streams stepped in one context and closed, or collected, in another."""
    chain = observe(ScriptedChatModel(script=["one two three four"]), bus=watch.bus)
    stream = chain.astream("q")
    await asyncio.create_task(anext(stream))
    await asyncio.create_task(stream.aclose())
    stream = chain.astream("q")
    await asyncio.create_task(anext(stream))
    del stream
    sync = chain.stream("q")
    thread = threading.Thread(target=next, args=(sync,))
    thread.start()
    thread.join()
    del sync
    coroutine = chain.ainvoke("q")
    coroutine.send(None)
    threading.Thread(target=coroutine.close).start()
    del coroutine
    gc.collect()
    await watch.await_until_all_ended(runs=4)
    assert "Exception ignored" not in capfd.readouterr().err
