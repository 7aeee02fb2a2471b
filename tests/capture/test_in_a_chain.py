"""Bad values in the user's own program: nothing is raised into it, nothing else is lost."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

from tracebus import astream, observe
from tracebus.events import CustomEmitted, Outcome, RunEnded, RunStarted, decode_json, encode_json


class Hostile:
    """Raises from whatever a curious observer may touch."""

    def _raise(self, *_):
        raise RuntimeError("touched")

    __repr__ = __str__ = __eq__ = __bool__ = __len__ = __iter__ = __getattr__ = _raise
    __hash__ = object.__hash__


def looped():
    value: dict = {"a": [1]}
    value["self"] = value
    return value


def deep():
    value: list = []
    for _ in range(50_000):
        value = [value]
    return value


VALUES = {
    "hostile": Hostile,
    "hostile inside": lambda: {"a": [Hostile()], "b": 1},
    "circular": looped,
    "deep": deep,
    "huge": lambda: {"text": "x" * 10_000_000, "list": list(range(1_000_000))},
    "array": lambda: np.zeros((100, 100)),
    "array inside": lambda: {"input": np.zeros(3)},
    "lone surrogate": lambda: {"\udc80": "\ud800"},
    "not a number": lambda: {"a": float("nan"), "b": float("inf")},
    "bytes": lambda: b"\xff" * 1_000,
    "lock": threading.Lock,
    "generator": lambda: (n for n in range(3)),
    "huge integer": lambda: 10**6_000,
    "odd keys": lambda: {None: 1, (1, 2): 2, 3: {b"x": 4}},
    "exception": lambda: ValueError("no"),
    "type": lambda: Hostile,
}


def free(value):
    """Take a deeply nested list apart, which the interpreter itself cannot do recursively."""
    while isinstance(value, list) and value:
        value = value.pop()


def check(watch, names):
    watch.check()
    assert sorted(event.name for event in watch.started) == sorted(names)
    for event in watch.events:
        assert decode_json(encode_json(event)) == event


@pytest.mark.parametrize(
    "make",
    [pytest.param(make, id=name) for name, make in VALUES.items()],
)
def test_bad_values_pass_through_a_chain(watch, make):
    """The chain gets and gives the very same objects; every run is told, with what could be shown."""
    value = make()
    chain = RunnableLambda(lambda given: given, name="first") | RunnableLambda(
        lambda given: given, name="second"
    )
    assert observe(chain, bus=watch.bus).invoke(value) is value
    check(watch, ["RunnableSequence", "first", "second"])
    assert all(end.outcome is Outcome.OK for end in watch.ends.values())
    assert all(event.inputs is not None for event in watch.started)
    free(value)


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
async def test_bad_values_pass_through_an_async_stream(watch, make):
    """Streaming, where inputs are known only at the end, is no different."""
    value = make()

    async def same(given):
        return given

    observed = observe(RunnableLambda(same, name="same"), bus=watch.bus)
    (found,) = [chunk async for chunk in observed.astream(value)]
    assert found is value
    await watch.await_until_all_ended()
    assert [str(end.outcome) for end in watch.ends.values()] == ["ok"]
    free(value)


# LangChain's own handler behind `astream_events` asks for the truth of an output, and fails.
STREAMABLE = {name: make for name, make in VALUES.items() if name not in {"hostile", "array"}}


@pytest.mark.parametrize("make", STREAMABLE.values(), ids=STREAMABLE)
async def test_bad_values_pass_through_astream(make):
    """The other source, `astream_events`, tells of them too."""
    value = make()
    chain = RunnableLambda(lambda given: given, name="first") | RunnableLambda(
        lambda given: given, name="second"
    )
    events = [event async for event in astream(chain, value)]
    started = [event for event in events if isinstance(event, RunStarted)]
    assert sorted(event.name for event in started) == ["RunnableSequence", "first", "second"]
    ended = {event.run_id: event.outcome for event in events if isinstance(event, RunEnded)}
    assert [str(ended[event.run_id]) for event in started] == ["ok"] * 3
    for event in events:
        assert decode_json(encode_json(event)) == event
    free(value)


def test_a_tools_artifact_may_be_an_array(watch):
    """An artifact that has no truth value is told like any other."""

    @tool(response_format="content_and_artifact")
    def measure(n: int) -> tuple[str, object]:
        """Measure something."""
        return "done", np.zeros(n)

    call = {"name": "measure", "args": {"n": 3}, "id": "call_1", "type": "tool_call"}
    observe(measure, bus=watch.bus).invoke(call)
    check(watch, ["measure"])
    assert watch.end("measure").outputs == {
        "type": "tool",
        "content": "done",
        "name": "measure",
        "tool_call_id": "call_1",
        "status": "success",
        "artifact": [0.0, 0.0, 0.0],
    }


class HostileError(Exception):
    """An exception that cannot be described."""

    def __str__(self):
        raise RuntimeError("touched")

    __repr__ = __str__

    @property
    def args(self):
        raise RuntimeError("touched")


def test_an_exception_that_cannot_be_described_arrives_as_it_is(watch):
    """The program gets its own exception; the event tells its type and place."""
    error = HostileError()

    def fails(_):
        raise error

    with pytest.raises(HostileError) as caught:
        observe(RunnableLambda(fails, name="fails"), bus=watch.bus).invoke(1)
    assert caught.value is error
    check(watch, ["fails"])
    end = watch.end("fails")
    assert end.outcome is Outcome.ERROR
    assert end.error.type.endswith("HostileError")


def test_a_tool_may_return_anything(watch):
    """A tool's result is asked for its status, which may fail."""

    @tool(return_direct=True)
    def odd(n: int) -> object:
        """Return something odd."""
        return Hostile()

    assert isinstance(observe(odd, bus=watch.bus).invoke({"n": 1}), Hostile)
    check(watch, ["odd"])
    assert watch.end("odd").outcome is Outcome.OK


async def test_custom_events_may_carry_anything(watch):
    """`dispatch_custom_event` with bad data is an event all the same."""
    from langchain_core.callbacks import adispatch_custom_event

    async def tells(_):
        await adispatch_custom_event("odd", Hostile())
        await adispatch_custom_event("\ud800", looped())
        return 1

    assert await observe(RunnableLambda(tells, name="tells"), bus=watch.bus).ainvoke(0) == 1
    await watch.await_until_all_ended()
    told = [event for event in watch.events if isinstance(event, CustomEmitted)]
    assert [event.name for event in told] == ["odd", "\ufffd"]


@pytest.mark.parametrize("value", [Hostile(), looped(), float("nan"), b"x", "\ud800"], ids=range(5))
def test_bad_metadata_and_tags_cost_nothing(watch, value):
    """Metadata may be anything; the run is told."""
    config = {"metadata": {"odd": value}, "tags": ["\ud800"], "run_name": "\ud800name"}
    observed = observe(RunnableLambda(lambda given: given), bus=watch.bus)
    assert observed.invoke(1, config) == 1
    watch.wait_until_all_ended()
    (started,) = watch.started
    assert started.name == "\ufffdname"
    assert decode_json(encode_json(started)) == started


def test_threads_see_their_own_values(watch):
    """Many bad values at once, from several threads, keep apart."""
    values = [looped(), {"n": float("nan")}, Hostile(), np.zeros(3)] * 5
    observed = observe(RunnableLambda(lambda given: given, name="same"), bus=watch.bus)
    assert all(found is value for found, value in zip(observed.batch(values), values, strict=True))
    check(watch, ["same"] * 20)
