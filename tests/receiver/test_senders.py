"""Real senders: other people's instrumentations, and a program in another language. Where they are not, it says so.

TRACEBUS_TEST_SENDERS names a Python that has them installed beside tracebus, where this one has not.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sent_spans import MemoryLog, tree_of

from tracebus.transcript import given, put_out
from tracebus_exporters.receiver import serve

HERE = Path(__file__).parent / "senders"
PACKAGES = {
    "openinference": ("openinference.instrumentation.langchain", "openinference-instrumentation-langchain"),
    "traceloop": ("opentelemetry.instrumentation.langchain", "opentelemetry-instrumentation-langchain"),
    "genai-langchain": ("opentelemetry.instrumentation.genai.langchain", "opentelemetry-instrumentation-genai-langchain"),
    "pydantic_ai": ("pydantic_ai", "pydantic-ai-slim"),
}  # fmt: skip


def python_with(which):
    if given_python := os.environ.get("TRACEBUS_TEST_SENDERS"):
        return given_python
    module, package = PACKAGES[which]
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip(f"needs {package}, or TRACEBUS_TEST_SENDERS")
    return sys.executable


def sent(command):
    """Run *command* with an endpoint for its last argument; return the tree of what it sent."""
    log = MemoryLog()
    with serve(log, http_port=0, grpc_port=0) as served:
        subprocess.run([*command, f"http://127.0.0.1:{served.http}"], check=True)
    return tree_of(log.events)


@pytest.mark.parametrize("which", PACKAGES)
def test_an_agent_is_an_agent_whoever_traces_it(which):
    """Models, tools, tokens, prompts, answers and the failure are found in what each writes."""
    tree = sent([python_with(which), str(HERE / "send.py"), which])
    nodes = [node for root in tree.roots for node in root.walk()]
    models = [node for node in nodes if node.kind == "chat_model"]
    tools = [node for node in nodes if node.kind == "tool"]
    assert len(models) == 2
    assert all(node.own_usage.input_tokens and node.own_usage.output_tokens for node in models)
    assert given(models[0]).splitlines() == ["system: Be brief.", "user: When?"]
    assert put_out(models[0]) == 'departures({"hour": 0})'
    assert {node.name for node in tools} == {"departures"}
    assert tools[0].inputs == {"hour": 0}
    assert put_out(tools[0]) == "0:12"
    assert any(node.name == "desk" for node in nodes)
    if which != "pydantic_ai":
        assert tools[1].error.type == "KeyError"
        assert [node.name for node in tools[1].ancestors()][-1] == "desk"


def test_a_node_program():
    """OpenTelemetry JS sends JSON: an agent, two models, a tool that works and one that throws."""
    modules = os.environ.get("TRACEBUS_TEST_NODE_MODULES")
    node = shutil.which("node")
    if node is None or modules is None:
        pytest.skip(
            "needs Node, and TRACEBUS_TEST_NODE_MODULES: a folder with @opentelemetry/sdk-trace-node, "
            "@opentelemetry/exporter-trace-otlp-http and @opentelemetry/resources in node_modules"
        )
    script = Path(modules) / "tracebus-agent.mjs"
    shutil.copy(HERE / "agent.mjs", script)
    (root,) = sent([node, str(script), "20"]).roots
    assert [(child.kind.value, child.name, child.status.value) for child in root.children] == [
        ("chat_model", "chat gpt-5", "ok"),
        ("tool", "departures", "ok"),
        ("tool", "lost_property", "error"),
        ("chat_model", "chat gpt-5", "ok"),
    ]
    assert (root.kind, root.name, root.usage.input_tokens) == ("agent", "desk", 42)
    assert root.children[2].error.message == "the register is closed"
    assert root.children[3].time_to_first_token is None
    assert put_out(root.children[3]) == "At 0:12 from Old Square."
