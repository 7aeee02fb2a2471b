"""The command line in subprocesses, with an exporter of our own to see what came out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tracebus.cli import cli
from tracebus.events import decode_json

RECORDER = """
from tracebus.events import encode_json

class Recorder:
    def __init__(self, path):
        self.path = path

    def export(self, batch):
        with open(self.path, "ab") as file:
            file.writelines(encode_json(event) + b"\\n" for event in batch)

    def flush(self, timeout):
        pass

    def close(self):
        pass

def from_url(url):
    return Recorder(url.partition(":")[2])
"""

APP = """
import threading
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableLambda
from tracebus.testing import Pacing, ScriptedChatModel, ScriptedToolCall, Turn

model = ScriptedChatModel(script=["It goes at noon."])
chain = model | StrOutputParser()
echo = RunnableLambda(lambda given: {"given": given})
caller = ScriptedChatModel(script=[Turn("Let me see.", tool_calls=[ScriptedToolCall("search", {"q": "line seven"})])])
slow = ScriptedChatModel(script=["x"], pacing=Pacing(first_token=3600))
number = 7

def make():
    return chain

def function(value):
    return value

def fail(value):
    raise ValueError(f"no such stop: {value}")

failing = RunnableLambda(fail)
configured = RunnableLambda(lambda given, config: {"thread": config["configurable"]["thread_id"]})

def remembering():
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import START, StateGraph
    graph = StateGraph(dict)
    graph.add_node("node", lambda state, config: {"thread": config["configurable"]["thread_id"]})
    graph.add_edge(START, "node")
    return graph.compile(checkpointer=InMemorySaver())

def block(value):
    print("blocking", flush=True)
    threading.Event().wait()

blocking = RunnableLambda(block)

# In the loop's own thread: a signal while another hands its result over meets asyncio, and not us.
async def tell(value):
    print("running", flush=True)
    return value

waiting = RunnableLambda(tell) | slow
"""


class CommandLine:
    """Runs `tracebus` in a folder with `app.py` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "events.jsonl"
        plugin = folder / "plugin"
        info = plugin / "tracebus_recorder-0.dist-info"
        info.mkdir(parents=True)
        (plugin / "tracebus_recorder.py").write_text(RECORDER)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tracebus-recorder\nVersion: 0\n")
        (info / "entry_points.txt").write_text("[tracebus.exporters]\nrecord = tracebus_recorder:from_url\n")
        (folder / "app.py").write_text(APP)
        self.env = {
            **{
                k: v
                for k, v in os.environ.items()
                if not k.startswith(("TRACEBUS", "LANGSMITH", "LANGCHAIN"))
            },
            "PYTHONPATH": str(plugin),
            "TRACEBUS_TO": f"record:{self.log}",
            "HOME": str(folder),
        }

    def __call__(self, *args: str, stdin: str = "", python: bool = False, **env: str):
        """Run to the end."""
        return subprocess.run(
            self.command(*args, python=python),
            cwd=self.folder,
            env={**self.env, **env},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, *args: str, python: bool = False) -> subprocess.Popen[str]:
        """Start and return the process."""
        return subprocess.Popen(
            self.command(*args, python=python),
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def command(self, *args: str, python: bool = False) -> list[str]:
        return [sys.executable, *args] if python else [str(Path(sys.executable).with_name("tracebus")), *args]

    def events(self):
        """What was exported."""
        return [decode_json(line) for line in self.log.read_bytes().splitlines()]


@pytest.fixture
def command_line(tmp_path):
    return CommandLine(tmp_path)


@pytest.fixture
def inside(command_line, monkeypatch):
    """Run a command in this process, which is faster, in the same folder."""
    monkeypatch.chdir(command_line.folder)
    monkeypatch.setattr(sys, "path", [command_line.env["PYTHONPATH"], *sys.path])
    monkeypatch.setenv("TRACEBUS_TO", command_line.env["TRACEBUS_TO"])
    sys.modules.pop("app", None)
    yield lambda *args, stdin=None: CliRunner().invoke(cli, args, input=stdin)
    sys.modules.pop("app", None)
