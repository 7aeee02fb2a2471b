"""What LangGraph, its server's SDK and v3 streams say of runs, in every stream mode."""

from __future__ import annotations

import json
import operator
from collections import namedtuple
from typing import Annotated, TypedDict

import pytest
from langchain_core.load import dumpd
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

import tracebus
from tracebus import RunTree
from tracebus.events import RunEnded, RunStarted, RunStreamed
from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn

pytest.importorskip("langgraph", reason="needs langgraph")

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from thread_events import STATE, thread_events

pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")

# As langgraph-sdk has it, whose package the core does not need.
StreamPart = namedtuple("StreamPart", ["event", "data", "id"], defaults=[None])  # noqa: PYI024

QUESTION = {"messages": [("user", "When?")]}


@tool
def look(q: str) -> str:
    """Look up."""
    return f"found {q}"


def agent(*script):
    """A model that calls a tool and answers, inside a sub-graph."""
    from langgraph.prebuilt import ToolNode

    script = script or (Turn(tool_calls=[ScriptedToolCall("look", {"q": "bus"})]), Turn("At noon."))
    model = ScriptedChatModel(script=list(script))
    inner = StateGraph(MessagesState)
    inner.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    inner.add_node("tools", ToolNode([look]))
    inner.add_edge(START, "model")
    inner.add_conditional_edges(
        "model",
        lambda state: "tools" if state["messages"][-1].tool_calls else "__end__",
        ["tools", "__end__"],
    )
    inner.add_edge("tools", "model")
    outer = StateGraph(MessagesState)
    outer.add_node("front", inner.compile(name="helper"))
    outer.add_edge(START, "front")
    return outer.compile(name="desk")


async def parts_of(graph, value, modes, **more):
    """Stream as langgraph's v2 parts are, on versions that have only v1 too."""
    return [
        {"type": mode, "ns": ns, "data": data}
        async for ns, mode, data in graph.astream(value, stream_mode=modes, subgraphs=True, **more)
    ]


async def read(stream, **options):
    return [event async for event in tracebus.normalize(stream, **options)]


def outline(events):
    """The tree: kinds and outcomes by nesting, in order."""
    ended = {event.run_id: str(event.outcome) for event in events if isinstance(event, RunEnded)}

    def below(parent):
        return [
            (str(run.kind), ended[run.run_id], below(run.run_id))
            for run in events
            if isinstance(run, RunStarted) and run.parent_run_id == parent
        ]

    return below(None)


MODEL, TOOL = ("chat_model", "ok", []), ("tool", "ok", [])
WHOLE = [
    (
        "graph",
        "ok",
        [
            (
                "node",
                "ok",
                [
                    (
                        "graph",
                        "ok",
                        [("node", "ok", [MODEL]), ("node", "ok", [TOOL]), ("node", "ok", [MODEL])],
                    )
                ],
            )
        ],
    )
]


def as_json(part):
    return json.loads(
        json.dumps(part, default=lambda value: dumpd(value) if hasattr(value, "lc_id") else str(value))
    )


def as_sdk(part):
    return StreamPart("|".join([part["type"], *part["ns"]]), part["data"])


@pytest.mark.parametrize("form", ["v2", "tuples", "json", "sdk", "sdk json"])
@pytest.mark.parametrize(
    "modes",
    [
        ["tasks", "messages"],
        ["debug", "messages"],
        ["updates", "messages"],
        ["values", "messages"],
        ["messages"],
        ["tasks", "updates", "values", "messages", "debug", "custom"],
    ],
    ids="+".join,
)
async def test_the_tree_is_whole_in_every_mode_and_form(modes, form):
    """Graphs, nodes, models and tools, whichever modes were asked for and however they arrive."""
    parts = await parts_of(agent(), QUESTION, modes)
    if "json" in form:
        parts = [as_json(part) for part in parts]
    if "sdk" in form:
        parts = [StreamPart("metadata", {"run_id": "r-1", "attempt": 1}), *map(as_sdk, parts)]
    elif form == "tuples":
        parts = [(tuple(part["ns"]), part["type"], part["data"]) for part in parts]
    events = await read(parts)
    assert outline(events) == WHOLE
    tree = RunTree()
    for event in events:
        tree.apply(event)
    assert tree.roots[0].usage.output_tokens > 0
    assert "".join(event.text for event in events if isinstance(event, RunStreamed)) == "At noon."
    tool_run = next(event for event in events if isinstance(event, RunStarted) and event.kind == "tool")
    assert (tool_run.name, tool_run.tool_call_id, tool_run.inputs) == ("look", "call_0_0", {"q": "bus"})
    if "sdk" in form:
        assert events[0].run_id == "r-1"


async def test_updates_alone_tell_of_nodes():
    """They say which node answered with what, nothing of models."""
    events = await read(await parts_of(agent(), QUESTION, ["updates"]))
    node = ("node", "ok", [])
    assert outline(events) == [("graph", "ok", [("node", "ok", [("graph", "ok", [node, node, node])])])]


async def test_a_failing_node_is_an_error_by_name():
    """From `tasks`; the exception that ends the stream ends what is open."""
    graph = agent(ValueError("no way"))

    async def parts():
        async for ns, mode, data in graph.astream(QUESTION, stream_mode=["tasks"], subgraphs=True):
            yield {"type": mode, "ns": ns, "data": data}

    events = []
    with pytest.raises(ValueError, match="no way"):
        async for event in tracebus.normalize(parts()):
            events.append(event)
    assert outline(events) == [
        ("graph", "error", [("node", "error", [("graph", "error", [("node", "error", [])])])])
    ]
    assert {event.error.type for event in events if isinstance(event, RunEnded)} == {"ValueError"}


async def test_an_error_a_server_tells_is_the_run_s():
    """Its stream does not raise: it says so in a part."""
    parts = [
        StreamPart("metadata", {"run_id": "r-1"}),
        StreamPart("values", {"messages": []}),
        StreamPart("error", {"error": "ValueError", "message": "no way"}),
    ]
    end = next(event for event in await read(parts) if isinstance(event, RunEnded))
    assert (str(end.outcome), end.error.type, end.error.message) == ("error", "ValueError", "no way")


@pytest.mark.parametrize("modes", [["tasks"], ["updates"], ["values"], ["debug", "updates"]], ids="+".join)
async def test_an_interrupt_is_interrupted(modes):
    """In whichever mode it is told."""

    class State(TypedDict):
        seen: Annotated[list, operator.add]

    builder = StateGraph(State)
    builder.add_node("ask", lambda state: {"seen": [interrupt("which?")]})
    builder.add_edge(START, "ask")
    app = builder.compile(checkpointer=InMemorySaver())
    parts = await parts_of(app, {"seen": []}, modes, config={"configurable": {"thread_id": "t"}})
    assert outline(await read(parts))[0][:2] == ("graph", "interrupted")


async def test_a_server_s_cumulated_messages_are_streamed_by_what_is_new():
    """`messages/partial` repeats the whole message each time."""
    parts = [
        StreamPart(
            "messages/metadata", {"run-1": {"metadata": {"ls_model_name": "m-1", "ls_provider": "acme"}}}
        ),
        *(
            StreamPart("messages/partial", [{"type": "ai", "content": text, "id": "run-1"}])
            for text in ("At", "At no", "At noon.")
        ),
        StreamPart("messages/complete", [{"type": "ai", "content": "At noon.", "id": "run-1"}]),
    ]
    events = await read(parts)
    assert [event.text for event in events if isinstance(event, RunStreamed)] == ["At", " no", "on."]
    model = next(event for event in events if isinstance(event, RunStarted) and event.kind == "chat_model")
    assert (model.name, model.model.provider) == ("m-1", "acme")
    assert outline(events) == [("graph", "ok", [MODEL])]


async def test_events_of_a_server_are_read_like_dictionaries():
    """`stream_mode="events"`: as `StreamPart`s and as v2 dictionaries; other modes add nothing."""
    chain = RunnableLambda(lambda x: x, name="ask") | ScriptedChatModel(script=["At noon."])
    dictionaries = [event async for event in chain.astream_events("When?", version="v2")]
    expected = outline(await read(dictionaries))
    metadata = StreamPart("metadata", {"run_id": "r-1", "attempt": 1})
    wrapped = [
        metadata,
        *(StreamPart("events", event) for event in dictionaries),
        StreamPart("values", {"a": 1}),
    ]
    assert outline(await read(wrapped)) == expected
    assert (
        outline(await read([{"type": "events", "ns": [], "data": event} for event in dictionaries]))
        == expected
    )


async def test_an_answer_no_model_made_is_no_model_run():
    """A node may return a message of its own."""
    builder = StateGraph(MessagesState)
    builder.add_node("canned", lambda state: {"messages": [("ai", "Closed today.")]})
    builder.add_edge(START, "canned")
    events = await read(await parts_of(builder.compile(), QUESTION, ["messages", "updates"]))
    assert outline(events) == [("graph", "ok", [("node", "ok", [])])]


async def test_a_stream_of_nothing_but_checkpoints_is_refused():
    """They say what a graph remembers; beside a mode that tells of nodes they are passed over."""
    graph = StateGraph(MessagesState)
    graph.add_node("front", lambda state: {"messages": []})
    graph.add_edge(START, "front")
    config = {"configurable": {"thread_id": "t"}}
    for modes, told in ((["checkpoints"], None), (["checkpoints", "tasks"], ["LangGraph", "front"])):
        parts = await parts_of(graph.compile(checkpointer=InMemorySaver()), QUESTION, modes, config=config)
        if told is None:
            with pytest.raises(TypeError, match="nothing about runs"):
                _ = [event async for event in tracebus.normalize(parts)]
        else:
            events = [event async for event in tracebus.normalize(parts)]
            assert [event.name for event in events if isinstance(event, RunStarted)] == told


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_when_a_graph_saves_its_checkpoints_changes_nothing(watch, durability, asynchronous):
    """LangGraph's `durability`."""
    graph = StateGraph(MessagesState)
    graph.add_node("front", lambda state: {"messages": []})
    graph.add_edge(START, "front")
    chain = tracebus.observe(graph.compile(checkpointer=InMemorySaver(), name="desk"), bus=watch.bus)
    config = {"configurable": {"thread_id": "t"}}
    if asynchronous:
        await chain.ainvoke(QUESTION, config, durability=durability)
    else:
        chain.invoke(QUESTION, config, durability=durability)
    assert watch.check().outcomes() == {"desk": "ok", "front": "ok"}


async def test_what_says_nothing_of_runs_is_refused_by_name():
    """Text chunks, a graph's bare updates: an error that says what to give instead; the content is not in it."""
    with pytest.raises(TypeError, match=r"first item is str.*astream_events"):
        await read(["secret", "words"])
    with pytest.raises(TypeError, match=r"keys front\).*astream_events") as refused:
        await read([{"front": {"messages": ["secret"]}}])
    assert "secret" not in str(refused.value)
    with pytest.raises(TypeError, match="synchronous stream"):
        await read(iter([]))
    assert await read([]) == []


HAS_V3 = hasattr(StateGraph, "compile") and hasattr(
    __import__("langgraph.pregel", fromlist=["Pregel"]).Pregel, "_pregel_stream_v3"
)
needs_v3 = pytest.mark.skipif(not HAS_V3, reason="needs a langgraph with v3 streams (1.2 or newer)")


@needs_v3
@pytest.mark.parametrize("awaited", [True, False])
async def test_a_v3_stream_of_a_graph_is_read(awaited):
    """Its protocol events name graphs and models, and by these the nodes they run in."""
    stream = agent().astream_events(QUESTION, version="v3")
    events = await read(await stream if awaited else stream)
    assert "".join(event.text for event in events if isinstance(event, RunStreamed)) == "At noon."
    tree = RunTree()
    for event in events:
        tree.apply(event)
    assert [str(run.kind) for run in tree.roots] == ["graph"]
    kinds = [str(event.kind) for event in events if isinstance(event, RunStarted)]
    assert kinds.count("chat_model") == 2
    assert kinds.count("graph") == 2
    assert tree.roots[0].usage.output_tokens > 0


@needs_v3
async def test_a_v3_stream_of_a_model_is_read():
    """Text, reasoning and usage of the one run."""
    model = ScriptedChatModel(script=[Turn(text="At noon.", reasoning="Let me see.")])
    events = await read(model.astream_events("When?", version="v3"))
    assert outline(events) == [MODEL]
    assert "".join(event.text for event in events if isinstance(event, RunStreamed)) == "At noon."
    assert "".join(event.reasoning for event in events if isinstance(event, RunStreamed)) == "Let me see."
    assert events[-1].usage.output_tokens > 0


@needs_v3
async def test_astream_by_v3_gives_the_events_of_v2():
    """The same runs with the same fields."""
    by_v2 = [event async for event in tracebus.astream(agent(), QUESTION)]
    by_v3 = [event async for event in tracebus.astream(agent(), QUESTION, version="v3")]
    assert outline(by_v3) == outline(by_v2)
    assert [event.name for event in by_v3 if isinstance(event, RunStarted)] == [
        event.name for event in by_v2 if isinstance(event, RunStarted)
    ]


@needs_v3
async def test_what_has_no_v3_stream_is_refused_by_langchain():
    """LangChain's own words reach the caller."""
    with pytest.raises(NotImplementedError, match="v3"):
        [event async for event in tracebus.astream(RunnableLambda(str) | str, 1, version="v3")]


async def test_a_handoff_to_the_parent_graph_is_ok():
    """By `astream`, and from dictionaries alone: the stream hides those ends, and no error."""

    class State(TypedDict):
        seen: Annotated[list, operator.add]

    inner = StateGraph(State)
    inner.add_node(
        "decide", lambda state: Command(graph=Command.PARENT, goto="billing", update={"seen": ["d"]})
    )
    inner.add_edge(START, "decide")
    outer = StateGraph(State)
    outer.add_node("front", inner.compile())
    outer.add_node("billing", lambda state: {"seen": ["billing"]})
    outer.add_edge(START, "front")
    desk = outer.compile(name="desk")
    dictionaries = [event async for event in desk.astream_events({"seen": []}, version="v2")]
    for events in (await read(dictionaries), [e async for e in tracebus.astream(desk, {"seen": []})]):
        assert {str(event.outcome) for event in events if isinstance(event, RunEnded)} == {"ok"}


async def test_a_filtered_astream_shows_what_was_asked_for():
    """Each run shown hangs on the nearest one shown above it."""
    events = [
        event async for event in tracebus.astream(agent(), QUESTION, include_types=["chat_model", "tool"])
    ]
    assert outline(events) == [MODEL, TOOL, MODEL]
    events = [
        event
        async for event in tracebus.astream(agent(), QUESTION, include_names=["desk", "ScriptedChatModel"])
    ]
    assert outline(events) == [("graph", "ok", [MODEL, MODEL])]
    assert {event.root_run_id for event in events} == {events[0].run_id}


# -- the stream of a server's thread ----------------------------------------------------------------


RUN_OF_A_THREAD = [
    ("guide", "graph", None, "ok"),
    ("ChatModel", "chat_model", "guide", "ok"),
    ("look", "tool", "guide", "ok"),
    ("ChatModel", "chat_model", "guide", "ok"),
]


@pytest.mark.parametrize("runs", [1, 2])
async def test_a_thread_s_stream_is_one_run_after_the_other(runs):
    """The stream stays open after a run; a tool's message, streamed like a model's, is the tool's."""
    told = [event for run in range(1, runs + 1) for event in thread_events(run)]
    tree = RunTree()
    async for event in tracebus.normalize(_as_stream(told)):
        tree.apply(event)
        if event.seq == 1:
            first = event
    assert first.name == "guide"
    assert [
        (node.name, str(node.kind), above and above.name, str(node.status))
        for root in tree.roots
        for node, above in _walk(root)
    ] == RUN_OF_A_THREAD * runs
    assert [root.outputs for root in tree.roots] == [STATE] * runs


async def test_the_end_of_a_thread_s_run_is_told_when_it_comes():
    """Not when the program stops reading."""
    ended = []
    events = tracebus.normalize(_as_stream(thread_events(1)))
    async for event in events:
        if isinstance(event, RunEnded):
            ended.append(event.run_id)
        if isinstance(event, RunEnded) and event.parent_run_id is None:
            break
    await events.aclose()
    assert len(ended) == len(RUN_OF_A_THREAD)


async def test_a_failed_run_of_a_thread_is_an_error():
    """With what the server says of it."""
    tree = RunTree()
    async for event in tracebus.normalize(_as_stream(thread_events(end="failed"))):
        tree.apply(event)
    assert str(tree.roots[0].status) == "error"
    assert tree.roots[0].error.message == "no way"


async def test_the_next_run_joined_is_another():
    """`threads.join_stream` tells ids, and says when a run is done."""
    parts = [
        ("metadata", {"run_id": "r1", "attempt": 1}),
        ("values", STATE),
        ("metadata", {"status": "run_done", "run_id": "r1"}),
        ("metadata", {"run_id": "r2", "attempt": 1}),
        ("values", STATE),
        ("metadata", {"status": "run_done", "run_id": "r2"}),
    ]
    tree = RunTree()
    async for event in tracebus.normalize(_as_stream([StreamPart(*part) for part in parts])):
        tree.apply(event)
    assert [(root.run_id, str(root.status)) for root in tree.roots] == [("r1", "ok"), ("r2", "ok")]


async def _as_stream(items):
    for item in items:
        yield item


def _walk(node, above=None):
    yield node, above
    for child in node.children:
        yield from _walk(child, node)


# -- models the program does not stream --------------------------------------------------------------


@pytest.mark.parametrize("by", ["observe", "normalize"])
async def test_a_nostream_model_is_a_model_like_any_other(watch, by):
    """LangGraph's `messages` gives its answer whole, once a node returns it: one run, its usage once."""
    model = ScriptedChatModel(script=["At noon."])

    def talk(state):
        return {"messages": [model.invoke(state["messages"], {"tags": ["nostream"]})]}

    builder = StateGraph(MessagesState)
    builder.add_node("talk", talk)
    builder.add_edge(START, "talk")
    graph = builder.compile(name="desk")
    modes = ["messages", "values"]
    tree = RunTree()
    if by == "observe":
        list(tracebus.observe(graph, bus=watch.bus).stream(QUESTION, stream_mode=modes))
        events = watch.check().events
    else:
        events = [event async for event in tracebus.normalize(graph.astream(QUESTION, stream_mode=modes))]
    for event in events:
        tree.apply(event)
    models = [node for node, _ in _walk(tree.roots[0]) if str(node.kind) == "chat_model"]
    assert [(str(node.status), node.usage.total_tokens > 0, node.parent.name) for node in models] == [
        ("ok", True, "talk")
    ]
