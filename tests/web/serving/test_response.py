from __future__ import annotations

import asyncio
import functools
import json
import operator
import threading
import warnings

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from starlette.applications import Starlette
from starlette.routing import Route

from tracebus.runstate import compacted
from tracebus.testing import RecordingExporter, ScriptedChatModel, ScriptedToolCall, Turn
from tracebus_exporters.web import langserve_routes, stream_response

WORDS = "The quick brown fox\njumps over the lazy dog"


def chain(*script):
    model = ScriptedChatModel(script=list(script) or [WORDS])
    return ChatPromptTemplate.from_messages([("human", "{q}")]) | model | StrOutputParser()


@tool
def double(n: int) -> int:
    """Double a number."""
    return 2 * n


def agent():
    call = ScriptedToolCall("double", {"n": 21}, id="call_1")
    model = ScriptedChatModel(script=[Turn(reasoning="Let me think", tool_calls=[call]), "It is 42."])

    async def ask(text):
        chunks = [chunk async for chunk in model.astream(text)]
        return functools.reduce(operator.add, chunks)

    async def work(_):
        first = await ask("what is it?")
        await double.ainvoke(first.tool_calls[0])
        return await ask("go on")

    return RunnableLambda(work).with_config(run_name="agent")


def broken():
    return chain(Turn("some words here", error=ValueError("model broke"), error_after=2))


def app(runnable, **options):
    async def answer(request):
        wire = request.path_params["wire"]
        asked = await request.json() if request.method == "POST" else {}
        ids = {"thread_id": asked.get("threadId"), "run_id": asked.get("runId")}
        return stream_response(runnable, {"q": "hi"}, wire=wire, **ids, **options)

    return Starlette(routes=[Route("/{wire}", answer, methods=["GET", "POST"])])


def read(serving, runnable, wire, **options):
    with serving(app(runnable, **options)) as url:
        return httpx.get(f"{url}/{wire}").text


def messages(text):
    return [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {")]


def test_patches_of_a_run_of_one_s_own(serving, follower):
    """An endpoint of one line streams the run; the client ends with its whole document."""
    client = follower()
    for frame in read(serving, chain(), "patch").strip().split("\n\n"):
        client.take(frame.encode())
    assert client.kinds[0] == "snapshot"
    assert client.kinds[-1] == "end"
    runs = compacted(client.state)["runs"].values()
    assert [run["status"] for run in runs] == ["ok"] * 4
    assert [run["text"] for run in runs if run["kind"] == "chat_model"] == [[WORDS]]


def test_text_only(serving):
    """The simplest page reads `data:` lines up to `[DONE]`, line breaks included."""
    lines = []
    for frame in read(serving, chain(), "text").strip().split("\n\n"):
        lines.append("\n".join(line[6:] for line in frame.split("\n")))
    assert lines[-1] == "[DONE]"
    assert "".join(lines[:-1]) == WORDS


@pytest.mark.parametrize("wire", ["text", "agui", "ai", "patch"])
def test_an_error_is_told_without_its_traceback(serving, wire):
    """The client learns that and why the run failed, not where in the program."""
    text = read(serving, broken(), wire)
    assert "model broke" in text
    assert "Traceback" not in text
    if wire == "text":
        assert 'event: error\ndata: {"message":"model broke"}' in text
        assert text.endswith("data: [DONE]\n\n")


def test_tracebacks_where_asked_for(serving):
    """A developer's own page may have them."""
    assert "Traceback" in read(serving, broken(), "patch", tracebacks=True)


def test_agui_events_are_valid_and_in_order(serving):
    """Every event is one of AG-UI 1.0's own models; the first says the version."""
    from importlib import import_module

    pytest.importorskip("ag_ui", reason="needs ag-ui-protocol")
    from pydantic import TypeAdapter

    event = TypeAdapter(import_module("ag_ui.core").Event)
    found = messages(read(serving, agent(), "agui"))
    for one in found:
        event.validate_python(one)
    types = [one["type"] for one in found]
    assert types[:3] == ["RUN_STARTED", "REASONING_START", "REASONING_MESSAGE_START"]
    assert types[-2:] == ["TEXT_MESSAGE_END", "RUN_FINISHED"]
    assert types.index("TOOL_CALL_END") < types.index("TOOL_CALL_RESULT")
    assert found[0]["protocolVersion"] == "1.0"
    arguments = "".join(one["delta"] for one in found if one["type"] == "TOOL_CALL_ARGS")
    assert json.loads(arguments) == {"n": 21}
    assert [one["content"] for one in found if one["type"] == "TOOL_CALL_RESULT"] == ["42"]


def test_ai_sdk_chunks(serving):
    """Text, reasoning and tools become parts that open, grow and close."""
    text = read(serving, agent(), "ai")
    found = messages(text)
    types = [one["type"] for one in found]
    assert types[:2] == ["start", "start-step"]
    assert types[-2:] == ["finish-step", "finish"]
    assert text.endswith("data: [DONE]\n\n")
    assert "".join(one["delta"] for one in found if one["type"] == "text-delta") == "It is 42."
    assert "".join(one["delta"] for one in found if one["type"] == "reasoning-delta") == "Let me think"
    assert [one["input"] for one in found if one["type"] == "tool-input-available"] == [{"n": 21}]
    assert [one["output"] for one in found if one["type"] == "tool-output-available"] == ["42"]


def test_a_model_that_does_not_stream_still_speaks(serving):
    """Where everything came with the end, the message is told whole."""
    model = ScriptedChatModel(script=["all at once"])

    async def ask(question):
        return (await model.ainvoke("x", config={"callbacks": None}, stream=False)).content

    for wire, part in (("agui", "TEXT_MESSAGE_CONTENT"), ("ai", "text-delta")):
        found = messages(read(serving, RunnableLambda(ask), wire))
        told = "".join(one["delta"] for one in found if one["type"] == part)
        assert told == "all at once"


def test_a_client_that_goes_away_cancels_the_run(serving):
    """Closing the page ends the run, and its events say it was cancelled."""
    recorded, entered, ended = RecordingExporter(), threading.Event(), threading.Event()

    async def hang(_):
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with serving(app(RunnableLambda(hang), to=recorded)) as url:
        with httpx.stream("GET", f"{url}/patch") as response:
            next(response.iter_bytes())
            assert entered.wait(10)
        assert ended.wait(10)
        recorded.wait_for(lambda events: any(type(event).__name__ == "RunEnded" for event in events), 10)
    assert [event.outcome for event in recorded.events if type(event).__name__ == "RunEnded"] == ["cancelled"]


def test_a_client_that_goes_away_may_leave_the_run_running(serving):
    """With the option off the run goes on to its own end."""
    recorded, entered, gone = RecordingExporter(), threading.Event(), threading.Event()

    async def work(_):
        entered.set()
        await asyncio.to_thread(gone.wait, 10)
        return "done"

    with serving(app(RunnableLambda(work), to=recorded, cancel_on_disconnect=False)) as url:
        with httpx.stream("GET", f"{url}/patch") as response:
            next(response.iter_bytes())
            assert entered.wait(10)
        gone.set()
        recorded.wait_for(lambda events: any(type(event).__name__ == "RunEnded" for event in events), 10)
    assert [event.outcome for event in recorded.events if type(event).__name__ == "RunEnded"] == ["ok"]


@pytest.mark.parametrize("wire", ["patch", "agui", "ai", "text"])
def test_a_run_that_never_began_is_told_too(serving, wire):
    """A failure before the first callback reaches the client like any other."""

    class Stillborn(RunnableLambda):
        async def astream(self, *args, **kwargs):
            raise ValueError("not even begun")
            yield

    assert "not even begun" in read(serving, Stillborn(lambda x: x), wire)


def test_what_is_no_runnable_is_refused_at_once():
    """The mistake is found where it is made, not in a client's stream."""
    with pytest.raises(TypeError, match="takes a LangChain Runnable"):
        stream_response("chain", {})


def test_an_unknown_wire_is_refused():
    """The error lists what there is."""
    with pytest.raises(ValueError, match="wire is one of patch, append, text"):
        stream_response(chain(), {}, wire="smoke")
    with pytest.raises(ValueError, match="observe"):
        stream_response(chain(), {}, wire="langserve_log", to="console")


@pytest.fixture
def remote(serving):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        langserve = pytest.importorskip("langserve", reason="needs langserve")
        routes = langserve_routes(chain(), "/chain") + langserve_routes(broken(), "/broken")
        routes += langserve_routes(ScriptedChatModel(script=[WORDS]), "/model")
        with serving(Starlette(routes=routes)) as url:
            yield lambda name: langserve.RemoteRunnable(f"{url}/{name}")


async def test_langserve_s_client_calls_our_other_routes(remote):
    """`RemoteRunnable` invokes, batches and streams, synchronously too, as it does with LangServe."""
    found = remote("chain")
    assert await found.ainvoke({"q": "hi"}) == WORDS
    assert await asyncio.to_thread(found.invoke, {"q": "hi"}) == WORDS
    assert await found.abatch([{"q": "hi"}, {"q": "ho"}]) == [WORDS, WORDS]
    assert "".join([chunk async for chunk in found.astream({"q": "hi"})]) == WORDS
    assert "".join(await asyncio.to_thread(lambda: list(found.stream({"q": "hi"})))) == WORDS


async def test_langserve_s_client_gets_messages_as_messages(remote):
    """A message that comes back is one at the client, and one that is sent is one at the chain."""
    found = await remote("model").ainvoke([HumanMessage("hi")])
    assert isinstance(found, AIMessage)
    assert found.content == WORDS


async def test_langserve_s_schemas(remote):
    """The schemas are those of the chain."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{remote('chain').url}input_schema")
    assert answer.json()["properties"]["q"]["type"] == "string"


@pytest.mark.parametrize("how", ["ainvoke", "abatch", "astream"])
async def test_langserve_s_client_sees_failures_of_the_other_routes(remote, how):
    """A failing chain is an HTTP error for every route."""
    found = remote("broken")
    with pytest.raises(httpx.HTTPStatusError):
        if how == "astream":
            _ = [chunk async for chunk in found.astream({"q": "hi"})]
        else:
            await getattr(found, how)([{"q": "hi"}] if how == "abatch" else {"q": "hi"})


async def test_langserve_s_client_reads_our_run_log(remote):
    """`RemoteRunnable.astream_log` accumulates the same state as the chain itself."""
    log = None
    async for patch in remote("chain").astream_log({"q": "hi"}):
        log = patch if log is None else log + patch
    assert log.state["final_output"] == WORDS
    assert set(log.state["logs"]) == {"ChatPromptTemplate", "ScriptedChatModel", "StrOutputParser"}


async def test_langserve_s_client_reads_our_events(remote):
    """`RemoteRunnable.astream_events` sees the run's events."""
    found = [event async for event in remote("chain").astream_events({"q": "hi"}, version="v2")]
    text = "".join(event["data"]["chunk"] for event in found if event["event"] == "on_parser_stream")
    assert text == WORDS


async def test_langserve_s_client_sees_a_failure(remote):
    """A failing chain fails at the client too, without its reasons."""

    async def read_all():
        return [patch async for patch in remote("broken").astream_log({"q": "hi"})]

    with pytest.raises(httpx.HTTPStatusError, match="Internal Server Error"):
        await read_all()
