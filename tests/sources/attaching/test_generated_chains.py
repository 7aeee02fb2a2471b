"""Whatever the chain: both sources tell the same story of it, and it never notices being watched."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler, adispatch_custom_event, dispatch_custom_event
from langchain_core.documents import Document
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.tools import tool

import tracebus
from tracebus import EventBus, observe
from tracebus.events import CustomEmitted, RunEnded, RunStarted, RunStreamed
from tracebus.testing import ScriptedChatModel, ScriptedLLM, ScriptedToolCall, Turn
from tracebus.watching import Loops

# Without shrinking: every step of it runs a chain many times, and the chain as generated tells enough.
GENERATED = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


class Shelf(BaseRetriever):
    def _get_relevant_documents(self, query, *, run_manager):
        return [Document(f"about {query}", metadata={"page": 1}, id="d1")]


@tool
def shout(text: str) -> str:
    """Shout."""
    return text.upper()


def custom(value):
    dispatch_custom_event("progress", {"half": value})
    return value


async def acustom(value):
    await adispatch_custom_event("progress", {"half": value})
    return value


def text_of(value):
    """Return a text that does not depend on the order in which parallel branches finished."""
    if isinstance(value, dict):
        return str(sorted((key, text_of(item)) for key, item in value.items()))
    if isinstance(value, AIMessage):
        return str(value.text)
    return value if isinstance(value, str) else str(value)


as_text = RunnableLambda(text_of, name="as_text")

TURNS = st.builds(
    Turn,
    text=st.text("ab ", max_size=12),
    reasoning=st.text("xy ", max_size=8),
    tool_calls=st.lists(
        st.builds(ScriptedToolCall, st.just("shout"), st.just({"text": "hi"}), st.just("call_1")), max_size=2
    ),
    cache_read=st.integers(0, 3),
    response_id=st.just("resp-1"),
)
LEAVES = st.one_of(
    TURNS.map(lambda turn: as_text | ChatPromptTemplate.from_template("{q}") | model_of(turn)),
    TURNS.map(lambda turn: as_text | model_of(turn)),
    st.just(as_text | ScriptedLLM(script=["said"])),
    st.just(as_text | Shelf(name="Shelf")),
    st.just(RunnableLambda(lambda x: {"text": text_of(x)}, name="to_tool") | shout),
    st.just(RunnableLambda(custom, afunc=acustom, name="custom")),
    st.just(as_text | StrOutputParser()),
    st.just(RunnablePassthrough() | as_text),
)


def model_of(turn):
    return ScriptedChatModel(script=[turn], name="model")


def combined(children, *, side_by_side=True):
    sequences = st.lists(children, min_size=2, max_size=3).map(
        lambda parts: (
            parts[0] | as_text | parts[1]
            if len(parts) == 2
            else parts[0] | as_text | parts[1] | as_text | parts[2]
        )
    )
    parallels = st.lists(children, min_size=2, max_size=3).map(
        lambda parts: RunnableParallel({f"k{i}": part for i, part in enumerate(parts)})
    )
    wrapped = children.map(lambda part: part.with_config(tags=["wrapped"], metadata={"w": 1}))
    retried = children.map(lambda part: part.with_retry(stop_after_attempt=2, wait_exponential_jitter=False))
    fallback = st.tuples(children, children).map(lambda two: two[0].with_fallbacks([two[1]]))
    ways = [sequences, wrapped, retried, fallback]
    return st.one_of(*ways, *([parallels] if side_by_side else []))


CHAINS = st.recursive(LEAVES, combined, max_leaves=6)


async def by_callbacks(chain):
    """Observe `astream_events` itself, so that both sources see one and the same execution shape."""
    events = []
    bus = EventBus()
    bus.attach(events.extend)
    # A loop is noticed by a thread of ours, if the run lasts long enough: an event that no stream has.
    watched = observe(chain, bus=bus, loops=Loops(same_call=0, same_answer=0, ping_pong=0, same_failure=0))
    async for _ in watched.astream_events("q", version="v2"):
        pass
    assert await bus.aclose(10)
    return events


async def by_stream_events(chain):
    return [event async for event in tracebus.normalize(chain.astream_events("q", version="v2"))]


def story(events):
    """Return what the events tell, without ids and times: every run with its ancestors' names."""
    runs, names = {}, {}
    for event in events:
        match event:
            case RunStarted():
                above = names.get(event.parent_run_id, ())
                names[event.run_id] = (*above, event.name)
                runs[event.run_id] = {
                    "path": names[event.run_id],
                    "kind": str(event.kind),
                    "tags": sorted(event.tags),
                    "inputs": event.inputs,
                    "metadata": {k: v for k, v in event.metadata.items() if not k.startswith("ls_")},
                    "model": event.model and (event.model.provider, event.model.name),
                    "text": "",
                    "reasoning": "",
                    "args": "",
                    "custom": [],
                }
            case RunStreamed():
                run = runs[event.run_id]
                run["text"] += event.text
                run["reasoning"] += event.reasoning
                run["args"] += "".join(call.args for call in event.tool_calls)
            case CustomEmitted():
                runs[event.run_id]["custom"].append((event.name, event.data))
            case RunEnded():
                run = runs[event.run_id]
                run["outcome"] = str(event.outcome)
                run["outputs"] = without_ids(event.outputs)
                run["usage"] = event.usage
                run["finish"] = event.finish_reasons
                if event.inputs is not None:
                    run["inputs"] = event.inputs
    for run in runs.values():
        # An empty input that came as a stream is one of the few things v2 cannot say.
        run["inputs"] = without_ids(run["inputs"]) or None
    return sorted(runs.values(), key=lambda run: (run["path"], repr(run["inputs"]), repr(run)))


def without_ids(value):
    """Leave out the run ids LangChain writes into messages: they differ between two executions."""
    if isinstance(value, dict):
        return {
            k: without_ids(v)
            for k, v in value.items()
            if not (k == "id" and str(v).startswith(("lc_", "run-")))
        }
    return [without_ids(item) for item in value] if isinstance(value, list) else value


@settings(GENERATED, max_examples=40)
@given(CHAINS)
def test_both_sources_agree(chain):
    """Same runs, parents, kinds, names, inputs, outputs, usage, text: whatever the chain."""
    assert story(asyncio.run(by_stream_events(chain))) == story(asyncio.run(by_callbacks(chain)))


async def test_version_1_dictionaries_give_the_same_runs():
    """v1 tells no parents; everything else is there."""
    chain = ChatPromptTemplate.from_template("{q}") | model_of(Turn("one two")) | StrOutputParser()
    with_warning = chain.astream_events({"q": "x"}, version="v1")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        events = [event async for event in tracebus.normalize(with_warning)]
    told = story(events)
    assert {run["path"][-1]: (run["kind"], run["outcome"]) for run in told} == {
        "RunnableSequence": ("chain", "ok"),
        "ChatPromptTemplate": ("prompt", "ok"),
        "model": ("chat_model", "ok"),
        "StrOutputParser": ("parser", "ok"),
    }
    model = next(run for run in told if run["path"][-1] == "model")
    assert model["text"] == "one two"
    assert model["usage"].output_tokens == 2
    assert model["outputs"]["messages"][0]["content"] == "one two"


def fail(value):
    raise ValueError(text_of(value))


FAILING = st.one_of(
    st.just(RunnableLambda(fail, name="fail")),
    st.just(RunnableLambda(acustom, name="async_only")),  # fails where it is called without await
)
# Nothing fails side by side: which of two branches is first then decides what the chain does.
FALLIBLE = st.recursive(
    st.one_of(LEAVES, FAILING), lambda children: combined(children, side_by_side=False), max_leaves=5
)


def what_happens(call):
    """Return a call's value or its exception, as text: LangChain puts ids into messages."""
    try:
        return "value", text_of(call())
    except Exception as error:
        return type(error).__name__, str(error)


async def gathered(stream):
    return sorted([text_of(chunk) async for chunk in stream])


class Other(BaseCallbackHandler):
    """The user's own handler: notes what it is told."""

    def __init__(self):
        self.told = []

    def on_chain_start(self, serialized, inputs, *, name=None, **kwargs):
        self.told.append(("start", name))

    def on_chain_end(self, outputs, **kwargs):
        self.told.append(("end", text_of(outputs)))

    def on_chain_error(self, error, **kwargs):
        self.told.append(("error", str(error)))

    def on_llm_new_token(self, token, **kwargs):
        self.told.append(("token", str(token)))


def ways(chain, handler):
    """Yield every way to run *chain*, as functions without arguments."""
    config = {"callbacks": [handler]}
    yield lambda: chain.invoke("q", config)
    # Chunks of parallel branches come as they are ready, in another order every time.
    yield lambda: sorted(map(text_of, chain.stream("q", config)))
    yield lambda: asyncio.run(chain.ainvoke("q", config))
    yield lambda: asyncio.run(gathered(chain.astream("q", config)))
    yield lambda: [text_of(value) for value in chain.batch(["q", "r"], {**config, "max_concurrency": 1})]
    yield lambda: [text_of(v) for v in chain.batch(["q"], config, return_exceptions=True)]


@settings(GENERATED, max_examples=25)
@given(st.one_of(CHAINS, FALLIBLE))
def test_a_chain_does_the_same_watched_and_unwatched(chain):
    """Same values, exceptions, chunks, and the same calls of the user's own handlers."""
    bus = EventBus()
    plain, watched = Other(), Other()
    failed = False
    for bare, observed in zip(ways(chain, plain), ways(observe(chain, bus=bus), watched), strict=True):
        happened = what_happens(bare)
        assert happened == what_happens(observed)
        failed = failed or happened[0] != "value"
    # How far the siblings of a failed branch came is another matter every time.
    assert failed or sorted(plain.told) == sorted(watched.told)
    assert bus.statistics().counters.get("callback_errors", 0) == 0
    assert bus.close(10)
    assert bus.statistics().open_runs == 0
