"""The clients of others, unmodified.

They need node and a folder with fast-json-patch, eventsource-parser, @ag-ui/client and ai; the page's tests need
axe-core in it::

    npm install fast-json-patch eventsource-parser @ag-ui/client ai axe-core
    TRACEBUS_NODE_MODULES=$PWD/node_modules scripts/test tests/web/page/test_clients.py
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from starlette.applications import Starlette
from starlette.routing import Route

from tracebus.bus import EventBus
from tracebus.runstate import RunState, compacted
from tracebus.testing import RecordingExporter, ScriptedChatModel, ScriptedToolCall, Turn
from tracebus_exporters.web import create_app, stream_response

MODULES = os.environ.get("TRACEBUS_NODE_MODULES", "")
CLIENTS = Path(__file__).parents[1] / "clients"
STATIC = Path(__file__).parents[3] / "exporters" / "tracebus_exporters" / "web" / "static"
SUITE = Path(__file__).parents[3].parent / "shared" / "data" / "json-patch-tests" / "tests.json"

pytestmark = [
    pytest.mark.skipif(not shutil.which("node"), reason="needs node"),
    pytest.mark.skipif(
        not Path(MODULES, "ai").exists(), reason="needs TRACEBUS_NODE_MODULES, a folder of npm packages"
    ),
]


def node(client, *arguments, text=None):
    command = ["node", str(CLIENTS / client), *map(str, arguments)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@tool
def double(n: int) -> int:
    """Double a number."""
    return 2 * n


def agent():
    call = ScriptedToolCall("double", {"n": 21}, id="call_1")
    model = ScriptedChatModel(script=[Turn(tool_calls=[call]), "It is 42."])

    async def work(_):
        first = await model.ainvoke("what is it?")
        await double.ainvoke(first.tool_calls[0])
        return await model.ainvoke("go on")

    return RunnableLambda(work).with_config(run_name="agent")


def app(runnable, wire):
    async def answer(_):
        return stream_response(runnable, "hi", wire=wire)

    return Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])


def test_ag_ui_s_client_understands_an_agent(serving):
    """`HttpAgent` ends with the tool call, its result and the answer as messages."""
    with serving(app(agent(), "agui")) as url:
        found = node("agui.mjs", url)
    assert found["failure"] is None
    _, call, result, answer = found["messages"]
    assert json.loads(call["toolCalls"][0]["function"]["arguments"]) == {"n": 21}
    assert (result["role"], result["content"]) == ("tool", "42")
    assert (answer["role"], answer["content"]) == ("assistant", "It is 42.")


def test_the_ai_sdk_understands_an_agent(serving):
    """`readUIMessageStream` makes one message of it, with the tool's input and output."""
    with serving(app(agent(), "ai")) as url:
        found = node("vercel.mjs", url)
    assert found["failure"] is None
    _, called, said = found["message"]["parts"]
    assert (called["state"], called["input"], called["output"]) == (
        "output-available",
        {"n": 21},
        "42",
    )
    assert (said["text"], said["state"]) == ("It is 42.", "done")


@pytest.mark.parametrize("frames_per_connection", [1_000_000, 3])
def test_fast_json_patch_follows_a_live_run_through_drops(serving, story, frames_per_connection):
    """A connection dropped every three frames loses nothing, repeats nothing, and ends with the document."""
    bus = EventBus()
    events = story.whole(tokens=400)

    async def live():
        watched, shows = threading.Event(), create_app(bus)

        async def app(scope, receive, send):
            if scope["type"] == "http":
                watched.set()
            await shows(scope, receive, send)

        with serving(app) as url:
            bus.publish(events[0])
            client = asyncio.to_thread(node, "follow.mjs", f"{url}/runs/root/stream", frames_per_connection)
            following = asyncio.create_task(client)
            assert await asyncio.to_thread(watched.wait, 30)
            for number, event in enumerate(events[1:]):
                bus.publish(event)
                if number % 10 == 0:
                    # A frame is what came in 50 ms: give them time to be several.
                    await asyncio.wait([following], timeout=0.02)
            return await following

    found = asyncio.run(live())
    bus.close(1)
    state = RunState()
    state.apply_all(events)
    assert compacted(found["state"]) == compacted(state.document)
    assert found["snapshots"] == 1
    assert found["patches"] > 3
    assert found["connections"] == 1 or frames_per_connection == 3


def test_langgraph_s_sdk_joins_a_run(serving, story):
    """`client.runs.joinStream` reads a run to its end, and goes on behind a `Last-Event-ID`."""
    bus = EventBus()
    events = story.whole(tokens=50)
    for event in events:
        bus.publish(event)
    with serving(create_app(bus)) as url:
        whole = node("langgraph.mjs", url, "root")
        again = node("langgraph.mjs", url, "root", whole["ids"][-1])
    bus.close(1)
    state = RunState()
    state.apply_all(events)
    assert compacted(whole["state"]) == compacted(state.document)
    assert (whole["events"][0], whole["events"][-1]) == ("snapshot", "end")
    assert again["events"] == ["end"]


@pytest.mark.parametrize("wire", ["agui", "ai"])
def test_a_user_who_stops_the_answer_cancels_the_run(serving, wire):
    """AG-UI's `abortRun` and the AI SDK's `stop` end the run, which knows that it was cancelled."""
    recorded, ended = RecordingExporter(), threading.Event()
    speaks = ScriptedChatModel(script=["Words of an answer"])

    async def work(_):
        async for _ in speaks.astream("hi"):
            pass
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def answer(_):
        return stream_response(RunnableLambda(work), "hi", wire=wire, to=recorded)

    with serving(Starlette(routes=[Route("/", answer, methods=["POST"])])) as url:
        messages = node("leave.mjs", wire, url)
        assert ended.wait(10)
        recorded.wait_for(lambda events: any(is_root_end(event) for event in events), 10)
    assert [str(event.outcome) for event in recorded.events if is_root_end(event)] == ["cancelled"]
    assert "Words" in json.dumps(messages)


def is_root_end(event):
    return type(event).__name__ == "RunEnded" and event.run_id == event.root_run_id


def test_the_page_s_patching_agrees_with_fast_json_patch():
    """For the operations the server sends, patch.js does what fast-json-patch does."""
    if not SUITE.exists():
        pytest.skip("needs the official suite in ../shared/data/json-patch-tests")
    ours = ("add", "replace", "remove")
    cases = [
        {"doc": case["doc"], "patch": case["patch"]}
        for case in json.loads(SUITE.read_text())
        if not case.get("disabled")
        and isinstance(case["doc"], dict | list)
        and all(
            one.get("op") in ours
            and one.get("path")
            and "value" in {**one, **({"value": 0} if one["op"] == "remove" else {})}
            for one in case["patch"]
        )
        and all(str(one["path"]).startswith("/") for one in case["patch"])
    ]
    assert len(cases) > 30
    assert node("patch.mjs", STATIC / "wire" / "patch.js", text=json.dumps(cases)) == []
