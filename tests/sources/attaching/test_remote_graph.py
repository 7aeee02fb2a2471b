"""LangGraph's RemoteGraph, which fires no callbacks, on a loopback server."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tracebus import observe, observing

pytest.importorskip("langgraph", reason="needs langgraph")

from langgraph.graph import START, MessagesState, StateGraph
from langgraph.pregel.remote import RemoteException, RemoteGraph

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
def serve():
    """Give a server that streams given parts, whatever it is asked."""
    servers = []

    def start(parts):
        body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in parts).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length") or 0))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Stay silent."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join(10)
        server.server_close()


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
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "True True\n"
