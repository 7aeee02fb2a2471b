"""LangGraph's RemoteGraph, which fires no callbacks, on a loopback server."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import itertools
import json
import subprocess
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tracebus import observe, observing

pytest.importorskip("langgraph", reason="needs langgraph")

from langgraph.graph import START, MessagesState, StateGraph
from langgraph.pregel.remote import RemoteException, RemoteGraph
from langgraph_sdk import get_client
from thread_events import STATE as THREAD_STATE
from thread_events import thread_events

pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")

V2 = {"version": "v2"} if "version" in inspect.signature(RemoteGraph.astream).parameters else {}
NODE = "talk:4f5cb0b3-0000-4000-8000-000000000001"
ABOUT = {
    "langgraph_node": "talk",
    "langgraph_checkpoint_ns": NODE,
    "ls_model_name": "m-1",
    "ls_provider": "acme",
}
ANSWER = {"type": "ai", "content": "from afar", "id": "run--4f5cb0b3-0000-4000-8000-000000000002"}
STATE = {"messages": [ANSWER]}
QUESTION = {"messages": [("user", "Which way?")]}
PARTS = [
    ("metadata", {"run_id": "r1", "attempt": 1}),
    ("messages", [{**ANSWER, "type": "AIMessageChunk", "content": "from "}, ABOUT]),
    ("messages", [{**ANSWER, "type": "AIMessageChunk", "content": "afar"}, ABOUT]),
    ("updates", {"talk": STATE}),
    ("values", STATE),
    ("end", None),
]


@pytest.fixture
def listening():
    """Give a function that serves with a handler on a free port of this machine; returns the address."""
    servers = []

    def start(handler):
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture
def serve(listening):
    """Give a server that streams given parts, whatever it is asked; *fresh*: its message is another each time."""
    numbers = itertools.count(10)

    def start(parts, *, fresh=False):
        body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in parts).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length") or 0))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.replace(b"0002", b"00%d" % next(numbers)) if fresh else body)

            def log_message(self, *_):
                """Stay silent."""

        return listening(Handler)

    return start


async def call(graph, how):
    match how:
        case "invoke":
            return graph.invoke(QUESTION)
        case "ainvoke":
            return await graph.ainvoke(QUESTION)
        case "stream":
            return list(graph.stream(QUESTION, stream_mode=["updates", "messages", "values"]))
        case "astream":
            modes = ["updates", "messages", "values"]
            return [chunk async for chunk in graph.astream(QUESTION, stream_mode=modes, subgraphs=True, **V2)]


@pytest.mark.parametrize("by", ["observe", "observing"])
@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream"])
async def test_a_remote_graph_is_recorded_and_gives_what_it_gives(watch, serve, how, by):
    """Its root with inputs and outputs; where its stream says so, the nodes and models inside."""
    url = serve(PARTS)
    expected = await call(RemoteGraph("guide", url=url), how)
    if by == "observe":
        given = await call(observe(RemoteGraph("guide", url=url), bus=watch.bus, name="far"), how)
    else:
        with observing(bus=watch.bus):
            given = await call(RemoteGraph("guide", url=url), how)
    assert given == expected
    watch.check()
    root = watch.started[0]
    assert (root.name, str(root.kind)) == ("far" if by == "observe" else "guide", "graph")
    assert "Which way?" in str(root.inputs)
    assert "from afar" in str(watch.ends[root.run_id].outputs)
    assert root.metadata["assistant_id"] == "guide"
    below = [(run.name, str(run.kind)) for run in watch.started[1:]]
    inside = [("talk", "node"), ("m-1", "chat_model")]
    assert below == (inside if "stream" in how else [])
    if "stream" in how:
        assert watch.text("m-1") == "from afar"
    assert set(watch.outcomes().values()) == {"ok"}


@pytest.mark.parametrize("by", ["observe", "observing"])
async def test_calls_with_one_run_id_are_a_run_each(watch, serve, by):
    """Twice at once, streamed and not, and once more after."""
    remote, config = RemoteGraph("guide", url=serve(PARTS, fresh=True)), {"run_id": uuid.uuid4()}
    graph = observe(remote, bus=watch.bus) if by == "observe" else remote

    async def read():
        return [chunk async for chunk in graph.astream(QUESTION, config, stream_mode=["updates", "messages"])]

    with observing(bus=watch.bus) if by == "observing" else contextlib.nullcontext():
        await asyncio.gather(graph.ainvoke(QUESTION, config), read(), read())
        await graph.ainvoke(QUESTION, config)
    watch.check()
    roots = [run for run in watch.started if run.parent_run_id is None]
    assert len({run.run_id for run in roots}) == 4
    assert [str(watch.ends[run.run_id].outcome) for run in roots] == ["ok"] * 4
    nodes = [run.parent_run_id for run in watch.started if run.name == "talk"]
    assert len(nodes) == len(set(nodes)) == 2


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_as_a_node_it_hangs_under_the_node(watch, serve, asynchronous):
    """The local graph's node, and the remote graph below it."""
    builder = StateGraph(MessagesState)
    builder.add_node("away", RemoteGraph("guide", url=serve(PARTS)))
    builder.add_edge(START, "away")
    graph = observe(builder.compile(name="desk"), bus=watch.bus)
    if asynchronous:
        await graph.ainvoke(QUESTION)
    else:
        graph.invoke(QUESTION)
    assert watch.check().parents() == {"desk": None, "away": "desk", "guide": "away"}
    assert set(watch.outcomes().values()) == {"ok"}


async def test_an_error_of_the_server_is_the_run_s_and_the_program_s(watch, serve):
    """What LangGraph raises is raised, and recorded."""
    url = serve([("metadata", {"run_id": "r1"}), ("error", {"error": "ValueError", "message": "no way"})])
    with pytest.raises(RemoteException):
        observe(RemoteGraph("guide", url=url), bus=watch.bus).invoke(QUESTION)
    assert watch.check().outcomes() == {"guide": "error"}
    assert watch.end("guide").error.type.endswith("RemoteException")


def test_an_interrupt_is_interrupted(watch, serve):
    """As the state says it."""
    url = serve([("values", {**STATE, "__interrupt__": [{"value": "Sure?", "id": "i1"}]})])
    observe(RemoteGraph("guide", url=url), bus=watch.bus).invoke(QUESTION)
    assert watch.check().outcomes() == {"guide": "interrupted"}


def test_a_stream_left_early_is_abandoned(watch, serve):
    """As any stream."""
    stream = observe(RemoteGraph("guide", url=serve(PARTS)), bus=watch.bus).stream(
        QUESTION, stream_mode="updates"
    )
    next(stream)
    stream.close()
    assert watch.wait_until_all_ended().outcomes()["guide"] == "abandoned"


def test_unobserved_nothing_is_told(watch, serve):
    """And nothing is different."""
    assert RemoteGraph("guide", url=serve(PARTS)).invoke(QUESTION) == STATE
    assert not watch.events


def test_imported_after_everything_was_observed():
    """`install()` stands at the beginning of a program."""
    code = (
        "import tracebus\n"
        "tracebus.install(to=[lambda batch: None])\n"
        "from langgraph.pregel.remote import RemoteGraph\n"
        "print(hasattr(RemoteGraph.stream, '__wrapped__'), hasattr(RemoteGraph.astream, '__wrapped__'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"


# -- v3 --------------------------------------------------------------------------------------------


@pytest.fixture
def serve_thread(listening):
    """Give a server that speaks the v3 protocol of threads (langgraph-api), as scripted."""
    if not hasattr(RemoteGraph, "_reject_v3_unsupported"):
        pytest.skip("needs a langgraph whose RemoteGraph has v3 streams (1.2)")

    def start(events=thread_events, refused=False):
        return listening(_thread_handler(events, refused))

    return start


def _thread_handler(events, refused):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
            if self.path.endswith("/commands"):
                failed = {"type": "error", "error": "invalid", "message": "no such graph"}
                done = {"type": "success", "result": {"run_id": "r1"}}
                self._answer({"id": asked["id"], **(failed if refused else done)})
            elif self.path.endswith("/stream/events"):
                told = [f"event: message\ndata: {json.dumps(e)}\n\n" for e in events(1, asked["channels"])]
                self._send("".join(told).encode(), "text/event-stream")
            else:
                self._answer({})

        def do_GET(self):
            self._answer({"values": THREAD_STATE, "next": [], "tasks": []})

        def _answer(self, value):
            self._send(json.dumps(value).encode(), "application/json")

        def _send(self, body, kind):
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Stay silent."""

    return Handler


V3_READERS = {
    "output": (lambda stream: stream.output, []),
    "events": (lambda stream: list(stream), ["ChatModel", "look", "ChatModel"]),
}


@pytest.mark.parametrize("by", ["observe", "observing"])
@pytest.mark.parametrize("reader", V3_READERS)
def test_a_v3_stream_is_recorded_as_far_as_the_program_reads(watch, serve_thread, reader, by):
    """Its run always; what is inside as the events say it. No request is made for us."""
    read, inside = V3_READERS[reader]
    url = serve_thread()
    with RemoteGraph("guide", url=url).stream_events(QUESTION, version="v3") as plain:
        expected = read(plain)
    assert not watch.events
    if by == "observe":
        stream = observe(RemoteGraph("guide", url=url), bus=watch.bus).stream_events(QUESTION, version="v3")
    else:
        with observing(bus=watch.bus):
            stream = RemoteGraph("guide", url=url).stream_events(QUESTION, version="v3")
    assert type(stream) is type(plain)
    assert not watch.events  # nothing runs before it is entered
    with stream:
        given = read(stream)
    assert given == expected
    watch.check()
    assert [run.name for run in watch.started] == ["guide", *inside]
    assert set(watch.outcomes().values()) == {"ok"}
    root = watch.started[0]
    assert "Which way?" in str(root.inputs)
    assert watch.ends[root.run_id].outputs == THREAD_STATE
    assert not watch.bus.statistics().counters.get("unknown_stream_object")


@pytest.mark.parametrize("reader", ["output", "events"])
async def test_an_async_v3_stream_likewise(watch, serve_thread, reader):
    """Its events have a subscription of their own."""
    async with get_client(url=serve_thread()) as client:
        graph = observe(RemoteGraph("guide", client=client), bus=watch.bus, name="far")
        async with await graph.astream_events(QUESTION, version="v3") as stream:
            if reader == "output":
                await stream.output()
            else:
                async for event in stream:
                    if event["method"] == "lifecycle" and event["params"]["data"]["event"] == "completed":
                        break
    watch.check()
    assert [run.name for run in watch.started] == ["far", *V3_READERS[reader][1]]
    assert watch.end("far").outputs == THREAD_STATE


@pytest.mark.parametrize("how", ["left", "aborted", "failed", "refused"])
def test_the_ends_of_a_v3_stream(watch, serve_thread, how):
    """However it ends."""
    running = functools.partial(thread_events, end="running")
    events = functools.partial(thread_events, end="failed") if how == "failed" else running
    graph = observe(RemoteGraph("guide", url=serve_thread(events, how == "refused")), bus=watch.bus)
    stream = graph.stream_events(QUESTION, version="v3")
    if how == "refused":
        with pytest.raises(RuntimeError), stream:
            pass
    else:
        with stream:
            for _ in stream:
                if how in ("left", "aborted"):
                    break
            if how == "aborted":
                stream.abort()
    ends = {"left": "abandoned", "aborted": "cancelled"}
    assert watch.wait_until_all_ended().outcomes()["guide"] == ends.get(how, "error")
