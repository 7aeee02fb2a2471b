"""Every way to run a chain records the same runs: the table in docs/events.md is printed by this test."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.prompts import ChatPromptTemplate

import tracebus
from tracebus import EventBus, observe, observing
from tracebus.events import RunEnded, RunStarted, RunStreamed
from tracebus.testing import RecordingExporter, ScriptedChatModel

graphs = pytest.importorskip("langgraph.graph", reason="needs langgraph")

if not hasattr(BaseChatModel, "_chat_model_stream_v3"):
    pytest.skip("needs a langchain-core with v3 streams: the table has them", allow_module_level=True)

DOCS = Path(__file__).parents[3] / "docs" / "events.md"
QUESTION = {"messages": [("user", "When?")]}
TOLD = "At noon it goes."


def model():
    return ScriptedChatModel(script=[TOLD])


def chain():
    return ChatPromptTemplate.from_messages([("placeholder", "{messages}")]) | model()


def graph():
    speaker = model()
    builder = graphs.StateGraph(graphs.MessagesState)
    builder.add_node("talk", lambda state: {"messages": [speaker.invoke(state["messages"])]})
    builder.add_edge(graphs.START, "talk")
    return builder.compile(name="guide")


async def read(stream):
    return [item async for item in stream]


async def v3(runnable, question):
    return await read(await runnable.astream_events(question, version="v3"))


WAYS = {
    "invoke": lambda r, q: r.invoke(q),
    "ainvoke": lambda r, q: r.ainvoke(q),
    "stream": lambda r, q: list(r.stream(q)),
    "astream": lambda r, q: read(r.astream(q)),
    "transform": lambda r, q: list(r.transform(iter([q]))),
    "atransform": lambda r, q: read(r.atransform(items([q]))),
    "batch": lambda r, q: r.batch([q]),
    "abatch": lambda r, q: r.abatch([q]),
    "batch_as_completed": lambda r, q: list(r.batch_as_completed([q])),
    "abatch_as_completed": lambda r, q: read(r.abatch_as_completed([q])),
    "map().invoke": lambda r, q: r.map().invoke([q]),
    "astream_log": lambda r, q: read(r.astream_log(q)),
    "astream_events v1": lambda r, q: read(r.astream_events(q, version="v1")),
    "astream_events v2": lambda r, q: read(r.astream_events(q, version="v2")),
    "astream_events v3": v3,
    "stream_events v3": lambda r, q: list(r.stream_events(q, version="v3")),
    "as a step of a sequence": lambda r, q: (r | told).invoke(q),
}
"""By `observe(…)`; the same under `observing()` and `install()`, but for what the table's notes say."""


def told(value):
    return str(value)


async def items(values):
    for value in values:
        yield value


SUBJECTS = ((model, "When?"), (chain, QUESTION), (graph, QUESTION))


async def run(way, runnable, question):
    """Run it and return its events, or `None` where LangChain does not offer this."""
    bus, exporter = EventBus(), RecordingExporter()
    bus.attach(exporter)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of beta and of deprecated ways
            if way == "tracebus.astream":
                return await read(tracebus.astream(runnable, question))
            if way == "tracebus.normalize v2":
                return await read(tracebus.normalize(runnable.astream_events(question, version="v2")))
            if way == "tracebus.normalize v3":
                return await read(tracebus.normalize(runnable.astream_events(question, version="v3")))
            if way == "inside a node":
                with observing(bus=bus):
                    builder = graphs.StateGraph(graphs.MessagesState)
                    builder.add_node("outer", lambda state: {"messages": [runnable.invoke(question)][:0]})
                    builder.add_edge(graphs.START, "outer")
                    builder.compile(name="around").invoke(QUESTION)
            else:
                result = WAYS[way](observe(runnable, bus=bus), question)
                if hasattr(result, "__await__"):
                    await result
        await exporter.await_for(_all_ended, 10)
        return list(exporter.events)
    except (NotImplementedError, TypeError, ValueError, AttributeError):
        return None
    finally:
        assert bus.close(10)


def _all_ended(events):
    begun = {event.run_id for event in events if isinstance(event, RunStarted)}
    return begun and begun == {event.run_id for event in events if isinstance(event, RunEnded)}


def said_of(events):
    """Return what is recorded of a run of the model, in the words of the table."""
    if events is None:
        return "not offered by LangChain"
    started = [event for event in events if isinstance(event, RunStarted)]
    spoken = next((event for event in started if event.kind == "chat_model"), None)
    if spoken is None:
        return "nothing"
    end = next(event for event in events if isinstance(event, RunEnded) and event.run_id == spoken.run_id)
    text = "".join(e.text for e in events if isinstance(e, RunStreamed) and e.run_id == spoken.run_id)
    words = [" → ".join(sorted({str(run.kind).replace("_", " ") for run in started}, key=_ORDER.index))]
    if text == TOLD:
        words.append("text as it comes")
    elif text:
        words.append(f"text {text!r}")
    if end.usage is None:
        words.append("no usage")
    if spoken.inputs is None and end.inputs is None:
        words.append("no inputs")
    if started[0].batch is not None:
        words.append("its batch")
    return ", ".join(words)


_ORDER = ["graph", "node", "chain", "prompt", "chat model", "parser", "unknown"]
MORE = ["inside a node", "tracebus.astream", "tracebus.normalize v2", "tracebus.normalize v3"]


@pytest.mark.timeout(120)
async def test_the_table_in_the_docs_is_what_is_recorded():
    """If it is not, replace the table by the one printed here, and see whether that is meant."""
    rows = ["| way | a model | a chain (prompt and model) | a graph |", "|---|---|---|---|"]
    for way in [*WAYS, *MORE]:
        cells = [said_of(await run(way, make(), question)) for make, question in SUBJECTS]
        rows.append(f"| {way} | {' | '.join(cells)} |")
    table = "\n".join(rows)
    print(table)  # noqa: T201  # shown where it differs
    assert table in DOCS.read_text("utf-8")
