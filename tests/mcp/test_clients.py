"""Real clients: the `mcp` package's own, a LangChain agent, MCP Inspector."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn

pytest.importorskip("mcp", reason="needs tracebus[mcp]")

TOOLS = {
    "list_runs",
    "show_run",
    "read_run",
    "why_failed",
    "what_cost",
    "compare_runs",
    "wait_for_run",
    "search",
}


def said(message, field):
    """Return a field that generation 2 of the package writes `is_error` and generation 1 `isError`."""
    return getattr(
        message, re.sub("([A-Z])", lambda letter: f"_{letter[1].lower()}", field), None
    ) or getattr(message, field, None)


async def test_the_packages_own_client(broken, connected):
    """Tools are listed as read-only, answer, and refuse with a reason; prompts and resources are there."""
    async with connected(broken) as session:
        tools = (await session.list_tools()).tools
        assert {tool.name for tool in tools} == TOOLS
        assert all(tool.description and said(tool.annotations, "readOnlyHint") for tool in tools)
        answer = await session.call_tool("why_failed", {"run": "last"})
        assert not said(answer, "isError")
        assert "KeyError: 24" in answer.content[0].text
        for arguments, reason in (({"run": "zzz"}, "no run 'zzz'"), ({"run": 7, "cursor": "x"}, "cursor")):
            refused = await session.call_tool("why_failed", arguments)
            assert said(refused, "isError")
            assert reason in refused.content[0].text
        assert "why_failed" in (await session.get_prompt("debug_last_failure")).messages[0].content.text
        assert {str(each.uri) for each in (await session.list_resources()).resources} == {"tracebus://runs"}
        tree = await session.read_resource("tracebus://run/last")
        assert "✗ desk" in tree.contents[0].text


def test_nonsense_ends_nothing(broken):
    """Lines that are no JSON-RPC, too early or too large, and calls of what is not there: the next is answered."""
    lines = [
        '{"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": {"name": "list_runs", "arguments": {}}}',
        '{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}}',
        "this is no JSON",
        '{"jsonrpc": "2.0", "id": 0, "method": 7}',
        "[]",
        json.dumps({
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
        }),
        '{"jsonrpc": "2.0", "method": "notifications/initialized"}',
        '{"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "delete_everything"}}',
        '{"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": "list_runs", "arguments": {"limit": "x"}}}',
        json.dumps({
            "jsonrpc": "2.0",
            "id": 6,
            "method": "tools/call",
            "params": {"name": "show_run", "arguments": {"run": "x" * 1_000_000}},
        }),
        '{"jsonrpc": "2.0", "id": 77, "result": {}}',
        "[" * 10_000,
        '{"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "list_runs", "arguments": {}}}',
    ]  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "tracebus", "mcp", broken],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        process.stdin.write("\n".join(lines) + "\n")
        process.stdin.flush()
        answers = {}
        while not answers.keys() >= {1, 2, 3, 4, 5, 6}:
            message = json.loads(process.stdout.readline())
            answers[message.get("id")] = message
        process.stdin.close()
        assert process.wait(30) == 0
    assert "desk" in answers[3]["result"]["content"][0]["text"]
    assert "delete_everything" in json.dumps(answers[2])
    assert "error" in answers[4]
    assert "limit" in json.dumps(answers[5])
    assert "(1000000 characters)" in json.dumps(answers[6])


async def test_a_langchain_agent_debugs_anothers_run(broken):
    """It lists the failed run, asks why, reads the cause's input by the ids it was told, and says the cause."""
    agents = pytest.importorskip("langchain.agents", reason="an agent needs the package langchain")
    adapters = pytest.importorskip("langchain_mcp_adapters.client", reason="needs langchain-mcp-adapters")
    server = {"transport": "stdio", "command": sys.executable, "args": ["-m", "tracebus", "mcp", broken]}
    tools = await adapters.MultiServerMCPClient({"tracebus": server}).get_tools()
    agent = agents.create_agent(ScriptedChatModel(script=_debugger), tools)
    answer = await agent.ainvoke({"messages": [("user", "Why did my desk fail?")]})
    assert answer["messages"][-1].content == 'departures has no hour: "hour": 24'
    assert [message.name for message in answer["messages"] if message.type == "tool"] == [
        "list_runs",
        "why_failed",
        "read_run",
    ]


def _debugger(messages):
    """Answer as a model would that reads what its tools say."""
    last = messages[-1]
    said = last.content if isinstance(last.content, str) else last.content[0]["text"]
    match getattr(last, "name", None):
        case None:
            return Turn(tool_calls=[ScriptedToolCall("list_runs", {"status": "error", "limit": 1})])
        case "list_runs":
            run = re.search(r"^(\S{36})  error", said, re.MULTILINE)[1]
            return Turn(tool_calls=[ScriptedToolCall("why_failed", {"run": run})])
        case "why_failed":
            cause = re.search(r"cause: .*  \[(\S+)\]", said)[1]
            return Turn(tool_calls=[ScriptedToolCall("read_run", {"run": cause, "part": "input"})])
        case _:
            return "departures has no hour: " + re.search(r'"hour": \d+', said)[0]


@contextmanager
def http_server(url):
    """Serve on a free port of loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "tracebus", "mcp", url, "--http", "--port", str(port)],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert str(port) in process.stderr.readline()
            _until_open(port, process)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.kill()


def _until_open(port, process):
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            continue
        return
    raise AssertionError(process.stderr.read())


async def test_http_answers_this_machine_only(broken):
    """A client over streamable HTTP is answered; a page of another site, or another name for this host, is not."""
    import httpx
    from mcp.client import streamable_http

    from mcp import ClientSession

    connect = (
        getattr(streamable_http, "streamable_http_client", None) or streamable_http.streamablehttp_client
    )
    with http_server(broken) as url:
        async with connect(url) as streams, ClientSession(*streams[:2]) as session:
            await session.initialize()
            answer = await session.call_tool("list_runs", {})
            assert "desk" in answer.content[0].text
        headers = {"accept": "application/json, text/event-stream"}
        async with httpx.AsyncClient() as client:
            for extra in ({"origin": "http://evil.example"}, {"host": "evil.example"}):
                refused = await client.post(url, json={}, headers=headers | extra)
                assert refused.status_code in (403, 421)


INSPECTOR = shutil.which("mcp-inspector")


@pytest.mark.skipif(
    INSPECTOR is None, reason="needs MCP Inspector: npm install -g @modelcontextprotocol/inspector"
)
def test_mcp_inspector(broken):
    """Its command line calls a tool and reads the answer."""
    command = [INSPECTOR, "--cli", sys.executable, "-m", "tracebus", "mcp", broken]
    called = [*command, "--method", "tools/call", "--tool-name", "why_failed", "--tool-arg", "run=last"]
    done = subprocess.run(called, capture_output=True, text=True, check=True)
    assert "KeyError: 24" in json.loads(done.stdout)["content"][0]["text"]


def test_a_missing_package_is_named(broken, monkeypatch):
    """Without the extra the command says what to install; a wrong log is said before anybody connects."""
    from click.testing import CliRunner

    from tracebus.cli._app import cli

    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    monkeypatch.setitem(sys.modules, "mcp.server.fastmcp", None)
    result = CliRunner().invoke(cli, ["mcp", broken])
    assert result.exit_code == 1
    assert "pip install 'tracebus[mcp]'" in result.stderr
    result = CliRunner().invoke(cli, ["mcp", "nonsense://x"], standalone_mode=False)
    assert "no log answers for 'nonsense'" in str(result.exception)
