"""A program in a process of its own, for the terminal UI to watch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TUI = Path(__file__).parent
sys.path[:0] = [str(TUI), str(TUI / "feed"), str(TUI.parent / "browser")]

PROGRAM = """
import sys
from langchain_core.runnables import RunnableLambda
from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel

model = ScriptedChatModel(script=[{answer!r}], pacing=Pacing(first_token={wait}))
chain = observe(RunnableLambda(lambda q: q, name="ask_harbour") | model, to=[{url!r}])
print("ready", flush=True)
for line in sys.stdin:
    chain.invoke(line.strip())
    print("done", flush=True)
"""


@pytest.fixture
def program(tmp_path):
    """Start a chain in a process of its own; it runs once for every line it is given."""
    running = []

    def start(wait=0.0, answer="The harbour bus leaves at noon.", name="events.db"):
        url = f"sqlite:{tmp_path / name}"
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(url=url, wait=wait, answer=answer)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout.readline() == "ready\n"
        return url, process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)
