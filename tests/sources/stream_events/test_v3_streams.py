"""LangChain's v3 streams: objects that work when they are read."""

from __future__ import annotations

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel

from tracebus import RunTree, observe, observing
from tracebus.events import RunStreamed
from tracebus.testing import ScriptedChatModel

if not hasattr(BaseChatModel, "_chat_model_stream_v3"):
    pytest.skip("needs a langchain-core with v3 streams (1.4 or newer)", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")


class TellingModel(ScriptedChatModel):
    """Tells its run manager every token, as the providers' packages do."""

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        for chunk in super()._stream(messages, stop, None, **kwargs):
            if run_manager is not None:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(self, messages, stop=None, run_manager=None, **kwargs):
        async for chunk in super()._astream(messages, stop, None, **kwargs):
            if run_manager is not None:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk


class NativeModel(ScriptedChatModel):
    """Speaks the protocol by itself."""

    def _stream_chat_model_events(self, messages, stop=None, run_manager=None, **kwargs):
        yield {"event": "message-start", "role": "ai", "id": "m1"}
        yield {"event": "content-block-start", "index": 0, "content": {"type": "text", "text": ""}}
        for part in ("Over ", "the ", "bridge."):
            yield {"event": "content-block-delta", "index": 0, "delta": {"type": "text-delta", "text": part}}
        yield {
            "event": "content-block-finish",
            "index": 0,
            "content": {"type": "text", "text": "Over the bridge."},
        }
        yield {"event": "message-finish", "usage": {"input_tokens": 3, "output_tokens": 3, "total_tokens": 6}}


def chunks(watch):
    return [(event.text, event.reasoning) for event in watch.events if isinstance(event, RunStreamed)]


@pytest.mark.parametrize("model_class", [TellingModel, ScriptedChatModel])
def test_a_streamed_model_says_everything_once(watch, model_class):
    """langchain-core may tell each piece by two callbacks; it is one piece."""
    from tracebus.testing import Turn

    model = model_class(script=[Turn(text="The night bus leaves.", reasoning="Let me think.")])
    list(observe(model, bus=watch.bus).stream("When?"))
    by_stream = chunks(watch)
    list(observe(model, bus=watch.bus).stream_events("When?", version="v3"))
    assert chunks(watch)[len(by_stream) :] == by_stream
    tree = RunTree()
    for event in watch.check().events:
        tree.apply(event)
    assert {root.text for root in tree.roots} == {"The night bus leaves."}
    assert {root.chunks for root in tree.roots} == {len(by_stream)}


async def test_an_async_streamed_model_says_everything_once(watch):
    """Likewise asynchronously."""
    stream = await observe(TellingModel(script=["The night bus leaves."]), bus=watch.bus).astream_events(
        "When?", version="v3"
    )
    async for _ in stream:
        pass
    assert (await watch.await_until_all_ended()).text("TellingModel") == "The night bus leaves."


def test_a_native_model_says_everything_once(watch):
    """It sends protocol events only."""
    list(observe(NativeModel(script=["unused"]), bus=watch.bus).stream_events("Which way?", version="v3"))
    assert watch.check().text("NativeModel") == "Over the bridge."


# -- graphs ----------------------------------------------------------------------------------------


class TextModel(TellingModel):
    """Says the same every time."""

    script: object = ("Over the bridge.",)


QUESTION = {"messages": [("user", "Which way?")]}
RUNS = {"guide": None, "talk": "guide", "TextModel": "talk"}


def talking_graph(model=None):
    graph_module = pytest.importorskip("langgraph.graph", reason="needs langgraph")
    model = model or TextModel()

    def talk(state):
        return {"messages": [model.invoke(state["messages"])]}

    builder = graph_module.StateGraph(graph_module.MessagesState)
    builder.add_node("talk", talk)
    builder.add_edge(graph_module.START, "talk")
    return builder.compile(name="guide")


def read_messages(stream):
    return ["".join(message.text) for message in stream.messages]


READERS = {
    "output": lambda stream: stream.output,
    "values": lambda stream: list(stream.values),
    "messages": read_messages,
    "events": list,
    "interleave": lambda stream: list(stream.interleave("values", "messages")),
    "subgraphs": lambda stream: list(stream.subgraphs),
    "interrupted": lambda stream: stream.interrupted,
}


@pytest.mark.parametrize("reader", READERS)
def test_a_graph_s_stream_is_recorded_whatever_is_read_of_it(watch, reader):
    """Every face of the stream drives the run, outside any scope of ours."""
    READERS[reader](observe(talking_graph(), bus=watch.bus).stream_events(QUESTION, version="v3"))
    assert watch.check().parents() == RUNS
    assert set(watch.outcomes().values()) == {"ok"}
    assert watch.run("guide").inputs == {"messages": [["user", "Which way?"]]}
    assert watch.text("TextModel") == "Over the bridge."


async def read_text(stream):
    return [piece async for message in stream.messages async for piece in message.text]


async def read_all(iterator):
    return [item async for item in iterator]


ASYNC_READERS = {
    "output": lambda stream: stream.output(),
    "values": lambda stream: read_all(stream.values),
    "messages": read_text,
    "events": read_all,
}


@pytest.mark.parametrize("reader", ASYNC_READERS)
async def test_an_async_graph_s_stream_is_recorded_whatever_is_read_of_it(watch, reader):
    """Likewise awaited."""
    stream = await observe(talking_graph(), bus=watch.bus).astream_events(QUESTION, version="v3")
    await ASYNC_READERS[reader](stream)
    assert (await watch.await_until_all_ended()).parents() == RUNS


@pytest.mark.parametrize(
    "derive",
    [
        lambda graph: graph.with_config(tags=["t"]),
        lambda graph: graph.with_config(callbacks=[BaseCallbackHandler()]),
        lambda graph: graph.bind(interrupt_before=[]),
    ],
)
def test_what_is_derived_from_an_observed_graph_is_observed_by_v3(watch, derive):
    """`with_config` and `bind` keep observing."""
    derive(observe(talking_graph(), bus=watch.bus)).stream_events(QUESTION, version="v3").output  # noqa: B018  # reading it is what runs
    assert watch.check().parents() == RUNS


class Noting(BaseCallbackHandler):
    """The program's own handler: it must be told exactly what it is told without us."""

    def __init__(self):
        self.told = []

    def on_chain_start(self, serialized, inputs, *, parent_run_id=None, tags=None, metadata=None, **about):
        self.told.append(("start", about.get("name"), parent_run_id is None, tags))

    def on_chain_end(self, outputs, **about):
        self.told.append(("end",))


@pytest.mark.parametrize("given", ["list", "manager", "bound"])
def test_the_program_s_own_handlers_hear_what_they_hear_without_us(watch, given):
    """In any of the places and forms LangChain takes them."""
    from langchain_core.callbacks import CallbackManager

    def told(wrap):
        noting = Noting()
        config = {
            "list": {"callbacks": [noting], "tags": ["mine"]},
            "manager": {"callbacks": CallbackManager([noting], [noting]), "tags": ["mine"]},
            "bound": {"tags": ["mine"]},
        }[given]
        runnable = wrap(talking_graph())
        if given == "bound":
            runnable = runnable.with_config(callbacks=[noting])
        before = dict(config)
        runnable.stream_events(QUESTION, config, version="v3").output  # noqa: B018  # reading it is what runs
        assert config == before
        return noting.told

    assert told(lambda graph: observe(graph, bus=watch.bus)) == told(lambda graph: graph)
    assert watch.check().parents() == RUNS


def test_the_program_gets_langchain_s_own_object_and_nothing_runs_before_it_is_read(watch):
    """Same classes, same laziness."""
    model = TextModel()
    plain = talking_graph().stream_events(QUESTION, version="v3")
    stream = observe(talking_graph(model), bus=watch.bus).stream_events(QUESTION, version="v3")
    assert type(stream) is type(plain)
    assert not watch.events
    assert model._turns.take() == 0
    first = next(iter(stream.values))
    assert [run.name for run in watch.started] in (["guide"], ["guide", "talk"])
    assert first["messages"][0].content == "Which way?"
    stream.abort()
    plain.abort()
    watch.wait_until_all_ended()


def test_two_buses_and_a_name(watch):
    """A scope around hears too; the root has its given name in both."""
    from tracebus import EventBus
    from tracebus.testing import RecordingExporter

    other, exporter = EventBus(), RecordingExporter()
    other.attach(exporter)
    with observing(bus=other):
        stream = observe(talking_graph(), bus=watch.bus, name="special").stream_events(QUESTION, version="v3")
    assert stream.output
    assert watch.check().parents() == {"special": None, "talk": "special", "TextModel": "talk"}
    assert other.close(10)
    assert [event.name for event in exporter.events if hasattr(event, "kind")] == [
        "special",
        "talk",
        "TextModel",
    ]


def test_inside_a_step_the_stream_s_runs_hang_under_it(watch):
    """A v3 stream opened and read in a step of an observed chain."""
    from langchain_core.runnables import RunnableLambda

    graph = observe(talking_graph(), bus=watch.bus)
    step = RunnableLambda(lambda x: graph.stream_events(QUESTION, version="v3").output, name="step")
    observe(step, bus=watch.bus).invoke(1)
    assert watch.check().parents() == {**RUNS, "guide": "step", "step": None}


# -- ends ------------------------------------------------------------------------------------------


def test_a_model_s_stream_left_early_and_dropped_is_abandoned(watch):
    """Nobody can read on: LangChain says nothing, the dropped object does."""
    import gc

    stream = observe(TextModel(), bus=watch.bus).stream_events("x", version="v3")
    for _ in stream.text:
        break
    del stream
    gc.collect()
    assert watch.wait_until_all_ended().outcomes() == {"TextModel": "abandoned"}


@pytest.mark.parametrize("read", [False, True])
def test_a_model_s_stream_dropped_under_observing_is_abandoned(watch, read):
    """Where no wrapper of ours is around what the program was given."""
    import gc

    with observing(bus=watch.bus):
        stream = TextModel().stream_events("x", version="v3")
        for _ in stream.text:
            if not read:
                break
        del stream
        gc.collect()
        ended = watch.wait_until_all_ended()
    assert ended.outcomes() == {"TextModel": "ok" if read else "abandoned"}


@pytest.mark.parametrize("leave", ["drop", "abort", "with"])
def test_a_graph_s_stream_left_early_is_abandoned(watch, leave):
    """However it is left."""
    import gc

    def leave_early():
        stream = observe(talking_graph(), bus=watch.bus).stream_events(QUESTION, version="v3")
        if leave == "with":
            with stream:
                next(iter(stream))
        else:
            next(iter(stream))
            if leave == "abort":
                stream.abort()

    leave_early()
    gc.collect()
    assert watch.wait_until_all_ended().outcomes()["guide"] == "abandoned"


async def test_an_async_model_s_stream_that_is_closed_is_cancelled(watch):
    """`aclose` cancels the producer, as LangChain says."""
    from tracebus.testing import Pacing

    model = TextModel(pacing=Pacing(per_token=60))
    async with await observe(model, bus=watch.bus).astream_events("x", version="v3") as stream:
        async for _ in stream.text:
            break
    assert (await watch.await_until_all_ended()).outcomes() == {"TextModel": "cancelled"}


class LastWords(BaseCallbackHandler):
    """Notes how LangChain says models ended."""

    run_inline = True

    def __init__(self):
        self.told = []

    def on_llm_end(self, response, **about):
        self.told.append("end")

    def on_llm_error(self, error, **about):
        self.told.append(type(error).__name__)


def test_a_model_s_stream_read_to_its_end_is_ok_though_its_loop_is_closed_at_once(watch):
    """LangChain ends it twice: the cancelled task that waited for the end's callbacks says so as well."""
    import asyncio

    words = LastWords()

    async def read():
        model = observe(ScriptedChatModel(script=["The night bus leaves."]), bus=watch.bus)
        stream = await model.astream_events("When?", {"callbacks": [words]}, version="v3")
        return await stream.text

    assert asyncio.run(read()) == "The night bus leaves."
    assert words.told[0] == "end"
    assert watch.check().outcomes() == {"ScriptedChatModel": "ok"}


def test_a_failing_stream_raises_and_is_an_error(watch):
    """The program gets its exception, the run its end."""
    graph = talking_graph(TextModel(script=[ValueError("no way")]))
    with pytest.raises(ValueError, match="no way"):
        observe(graph, bus=watch.bus).stream_events(QUESTION, version="v3").output  # noqa: B018  # reading it is what runs
    assert watch.check().outcomes() == {"guide": "error", "talk": "error", "TextModel": "error"}


def test_a_cached_answer_is_told_once_and_marked(watch):
    """A replay comes by protocol events alone."""
    model = TextModel(cache=InMemoryCache())
    graph = observe(talking_graph(model), bus=watch.bus)
    for _ in range(2):
        graph.stream_events(QUESTION, version="v3").output  # noqa: B018  # as above
    watch.check()
    assert watch.text("TextModel", 1) == "Over the bridge."
    assert watch.end("TextModel", 1).cached


class CallingModel(ScriptedChatModel):
    """Speaks the protocol by itself, and calls a tool."""

    def _stream_chat_model_events(self, messages, stop=None, run_manager=None, **kwargs):
        block = {"type": "tool_call_chunk", "id": "c1", "name": "look", "args": "", "index": 0}
        yield {"event": "message-start", "role": "ai", "id": "m1"}
        yield {"event": "content-block-start", "index": 0, "content": block}
        for part in ('{"q": ', '"bus"}'):
            delta = {"type": "tool-call-delta", "args": part}
            yield {"event": "content-block-delta", "index": 0, "delta": delta}
        whole = {"type": "tool_call", "id": "c1", "name": "look", "args": {"q": "bus"}}
        yield {"event": "content-block-finish", "index": 0, "content": whole}
        yield {"event": "message-finish"}


@pytest.mark.parametrize("model_class", [CallingModel, TellingModel])
def test_the_arguments_of_a_tool_call_stream_once(watch, model_class):
    """Whether the model speaks the protocol itself or by tokens."""
    from tracebus.testing import ScriptedToolCall, Turn

    model = model_class(script=[Turn(tool_calls=[ScriptedToolCall("look", {"q": "bus"}, "c1")])])
    list(observe(model, bus=watch.bus).stream_events("Which way?", version="v3"))
    fragments = [
        part for event in watch.check().events if isinstance(event, RunStreamed) for part in event.tool_calls
    ]
    assert "".join(part.args for part in fragments) == '{"q": "bus"}'
    assert [(part.id, part.name) for part in fragments if part.id] == [("c1", "look")]


# -- filters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chosen",
    [
        {"include_types": ["chat_model"]},
        {"include_names": ["talk", "TextModel"]},
        {"include_types": ["chain"], "exclude_names": ["talk"]},
        {"exclude_types": ["chain"]},
        {"include_tags": ["mine"], "exclude_types": ["chat_model"]},
    ],
    ids=str,
)
async def test_filters_choose_the_same_runs_by_v3_as_by_v2(chosen):
    """LangGraph's v3 knows no filters, and gives models' to their providers."""
    import tracebus
    from tracebus.events import RunStarted

    def shown(events):
        return [
            (event.name, event.parent_run_id is None) for event in events if isinstance(event, RunStarted)
        ]

    config = {"tags": ["mine"]}
    by = {}
    for version in ("v2", "v3"):
        stream = tracebus.astream(talking_graph(), QUESTION, config, version=version, **chosen)
        by[version] = shown([event async for event in stream])
    assert by["v3"] == by["v2"]
    assert by["v3"]


async def test_filters_of_a_model_s_v3_stream_stay_with_us():
    """Its `**kwargs` go to the provider."""
    import tracebus

    events = [
        event
        async for event in tracebus.astream(TextModel(), "x", version="v3", include_types=["chat_model"])
    ]
    assert [type(event).__name__ for event in events][:1] == ["RunStarted"]
