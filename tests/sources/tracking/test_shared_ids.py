"""What LangChain's types forbid and LangChain runs: ids used twice, ids, tags and names that are no text."""

from __future__ import annotations

import asyncio
import enum
import uuid

import pytest
from langchain_core.runnables import RunnableLambda, RunnableParallel

from tracebus import observe, observing
from tracebus.events import decode_json, encode_json

CHAIN = RunnableLambda(lambda x: x, name="first") | RunnableLambda(lambda x: x, name="second")


async def inner(value):
    await asyncio.sleep(0.02 if value == "bad" else 0.05)
    if value == "bad":
        raise ValueError(value)
    return value


INNER = RunnableLambda(lambda x: x, afunc=inner, name="inner")


async def outer(value):
    return await INNER.ainvoke(value)


OUTER = RunnableLambda(lambda x: x, afunc=outer, name="outer")


@pytest.mark.parametrize("scope", ["observe", "observing"])
async def test_two_calls_at_once_with_one_id_are_two_runs(watch, scope):
    """Each with its own children, outputs and end, and the second with a link to the first."""
    config = {"run_id": uuid.uuid4()}
    if scope == "observe":
        chain = observe(OUTER, bus=watch.bus)
        await asyncio.gather(*(chain.ainvoke(v, config) for v in ("good", "bad")), return_exceptions=True)
    else:
        with observing(bus=watch.bus):
            await asyncio.gather(*(OUTER.ainvoke(v, config) for v in ("good", "bad")), return_exceptions=True)
    watch.check()
    assert len(watch.started) == 4
    roots = [event for event in watch.started if event.parent_run_id is None]
    assert [str(watch.ends[root.run_id].outcome) for root in roots] == ["ok", "error"]
    for root in roots:
        (child,) = (event for event in watch.started if event.parent_run_id == root.run_id)
        assert child.inputs == root.inputs
        assert watch.ends[child.run_id].outcome is watch.ends[root.run_id].outcome
    assert roots[0].run_id == str(config["run_id"])
    assert [(link.run_id, link.relation) for link in roots[1].links] == [(roots[0].run_id, "same_run_id")]


def test_the_same_id_one_after_the_other_makes_a_run_each(watch):
    """A chain that carries its id in its config is called again and again."""
    chain = observe(CHAIN.with_config(run_id=uuid.uuid4()), bus=watch.bus)
    for number in range(3):
        chain.invoke(number)
    watch.check()
    roots = [event for event in watch.started if event.parent_run_id is None]
    assert len({root.run_id for root in roots}) == 3
    assert [root.inputs for root in roots] == [0, 1, 2]
    assert all(len([e for e in watch.started if e.parent_run_id == root.run_id]) == 2 for root in roots)


def test_a_call_inside_a_call_with_its_id_is_its_child(watch):
    """The id of the outer run is passed on by hand."""
    config = {"run_id": uuid.uuid4()}
    chain = RunnableLambda(lambda x: CHAIN.invoke(x, config), name="outer")
    assert observe(chain, bus=watch.bus).invoke(1, config) == 1
    watch.check()
    assert watch.parents() == {
        "outer": None,
        "RunnableSequence": "outer",
        "first": "RunnableSequence",
        "second": "RunnableSequence",
    }


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_the_items_of_a_batch_with_one_id_end_as_they_end(watch, asynchronous):
    """A sequence that carries its id in its config begins all items first and then ends them in their order."""

    def second(value):
        if value == 2:
            raise ValueError("two")
        return -value

    chain = (RunnableLambda(lambda x: x) | RunnableLambda(second)).with_config(run_id=uuid.uuid4())
    with observing(bus=watch.bus):
        if asynchronous:
            await chain.abatch([1, 2, 3], return_exceptions=True)
        else:
            chain.batch([1, 2, 3], return_exceptions=True)
    watch.check()
    roots = [event for event in watch.started if event.parent_run_id is None]
    ends = [watch.ends[root.run_id] for root in roots]
    assert [root.inputs for root in roots] == [1, 2, 3]
    assert [end.outputs or end.error.message for end in ends] == [-1, "two", -3]


class Unfriendly:
    def __str__(self):
        raise ValueError("no text of me")

    __repr__ = __str__
    __hash__ = None


class LeaveError(BaseException):
    """Nothing that `except Exception` keeps."""


class Leaving(str):
    """Whatever is asked of it is the program's code, which fails."""

    __slots__ = ()

    def leave(self, *_):
        raise LeaveError

    __str__ = __repr__ = __eq__ = __hash__ = __len__ = __bool__ = leave
    __class__ = property(leave)


class Colour(enum.Enum):
    RED = 1


class Leaver:
    __str__ = __repr__ = __eq__ = __hash__ = __len__ = __bool__ = Leaving.leave
    __class__ = property(Leaving.leave)


class Lying:
    """As far as LangChain lets it come."""

    __str__ = __repr__ = Leaving.leave
    __class__ = property(Leaving.leave)


@pytest.mark.parametrize(
    "config",
    [
        {"run_id": "my-own-id"},
        {"run_id": str(uuid.uuid4())},
        {"run_id": 5},
        {"tags": [1, None, 2.5, "text"]},
        {"tags": [Unfriendly()]},
        {"run_name": 5},
        {"run_name": Unfriendly()},
        {"metadata": {"thread_id": [1]}},
        {"metadata": {"thread_id": {"a": 1}}},
        {"metadata": {"thread_id": Unfriendly()}},
        {"metadata": {5: 6, "langgraph_node": ["x"], "ls_integration": [], "lc_agent_name": 3}},
        {
            "metadata": dict.fromkeys(
                ["thread_id", "langgraph_node", "ls_integration", "lc_agent_name"], Leaver()
            )
        },
        {"metadata": dict.fromkeys(["thread_id", "langgraph_node", "checkpoint_ns"], Leaving("x"))},
        {"metadata": {"thread_id": Colour.RED}},
        {"configurable": {"thread_id": Colour.RED, "user_id": b"bytes"}},
        {"run_id": Lying()},
        {"run_id": Colour.RED},
        {"tags": [Lying(), Colour.RED, b"bytes", ("nested", ["x"])]},
        {"run_name": 10**5_000},
    ],
)
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_what_langchain_takes_is_recorded(watch, config, asynchronous):
    """Odd ids, tags, names and metadata: three runs, three ends, readable by every exit."""
    chain = observe(CHAIN, bus=watch.bus)
    assert (await chain.ainvoke(1, config) if asynchronous else chain.invoke(1, config)) == 1
    watch.check()
    read = [decode_json(encode_json(event)) for event in watch.events]
    assert len(read) == 6
    assert len(watch.started) == 3


def test_what_is_odd_is_described(watch):
    """A number as its digits, an object by its type."""
    observe(CHAIN, bus=watch.bus).invoke(
        1, {"run_id": "my-own-id", "run_name": 5, "tags": [7, None, Unfriendly()]}
    )
    root = watch.started[0]
    assert (root.run_id, root.name, root.tags) == ("my-own-id", "5", ("7", "None", "<Unfriendly>"))
    assert {event.root_run_id for event in watch.events} == {"my-own-id"}


@pytest.mark.parametrize(("given", "shown"), [(5, "5"), (b"x", "<bytes>"), (Colour.RED, "<Colour>")])
def test_a_name_for_the_root_runs_that_is_no_text(watch, given, shown):
    """As LangChain takes a `run_name`, so do we."""
    observe(CHAIN, bus=watch.bus, name=given).invoke(1)
    watch.check()
    assert watch.started[0].name == shown


@pytest.mark.parametrize("thread_id", [7, 7.5, True])  # of others LangGraph 1.0 does not tell
def test_a_thread_s_id_need_be_no_text(watch, thread_id):
    """What went on where it paused is linked to it."""
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import START, StateGraph
    from langgraph.types import Command, interrupt

    graph = StateGraph(dict)
    graph.add_node("ask", lambda state: {"answer": interrupt("?")})
    graph.add_edge(START, "ask")
    chain = observe(graph.compile(checkpointer=InMemorySaver()), bus=watch.bus)
    config = {"configurable": {"thread_id": thread_id}}
    chain.invoke({"x": 1}, config)
    chain.invoke(Command(resume="yes"), config)
    watch.check()
    before, after = (event for event in watch.started if event.parent_run_id is None)
    assert [(link.run_id, link.relation) for link in after.links] == [(before.run_id, "resumes")]


def test_an_id_as_text_and_as_uuid_are_one(watch):
    """A parallel chain below an id given as text has its children below it."""
    given = uuid.uuid4()
    chain = RunnableParallel(a=CHAIN, b=CHAIN)
    observe(chain, bus=watch.bus).invoke(1, {"run_id": str(given)})
    watch.check()
    assert watch.started[0].run_id == str(given)
    assert {event.root_run_id for event in watch.started} == {str(given)}


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream", "batch"])
@pytest.mark.parametrize("subject", ["model", "sequence"])
async def test_a_handler_that_stands_in_both_configs_hears_everything_once(watch, how, subject):
    """LangChain joins the two lists, and calls it twice for every event of a root run."""
    from langchain_core.runnables import RunnableLambda

    from tracebus.sources.attaching._wiring import recorder_for
    from tracebus.testing import ScriptedChatModel

    handler = recorder_for(watch.bus, None).handler
    runnable = ScriptedChatModel(script=["At noon."])
    if subject == "sequence":
        runnable = RunnableLambda(lambda x: x, name="step") | runnable
    bound, config = runnable.with_config(callbacks=[handler]), {"callbacks": [handler]}
    match how:
        case "invoke":
            bound.invoke("x", config)
        case "ainvoke":
            await bound.ainvoke("x", config)
        case "stream":
            list(bound.stream("x", config))
        case "astream":
            _ = [chunk async for chunk in bound.astream("x", config)]
        case "batch":
            bound.batch(["x"], config)
    runs = [run.name for run in watch.check().started]
    assert len(runs) == len(set(runs)) == (3 if subject == "sequence" else 1)
    if "stream" in how:
        assert watch.text("ScriptedChatModel") == "At noon."
    counters = watch.bus.statistics().counters
    assert not counters.get("ends_after_the_end"), counters
