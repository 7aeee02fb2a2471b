"""The installed command in tmux, driven by keys, watching a chain in another process."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from tracebus.events import ErrorInfo, Outcome, RunEnded, RunKind, RunStarted
from tracebus.logs import open_log

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

DEADLINE = 40.0


class Tmux:
    """A tmux server of its own with one window."""

    def __init__(self, folder, width, height):
        self.socket = f"tracebus-{uuid.uuid4().hex[:8]}"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        shell = f"env -u CI -u NO_COLOR PATH={shlex.quote(path)} HOME={shlex.quote(str(folder))} PS1='$ ' sh"
        self("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), shell)

    def __call__(self, *args):
        done = subprocess.run(
            ["tmux", "-L", self.socket, *args], capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout

    def type(self, text):
        self("send-keys", "-l", text)
        self("send-keys", "Enter")

    def keys(self, *keys):
        self("send-keys", *keys)

    def text(self):
        return self("capture-pane", "-p")

    def until(self, *wanted, gone=()):
        deadline = time.monotonic() + DEADLINE
        while True:
            text = self.text()
            if all(part in text for part in wanted) and not any(part in text for part in gone):
                return text
            assert time.monotonic() < deadline, f"{wanted} did not come:\n{text}"

    def modes(self):
        return self("display-message", "-p", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}").strip()


@pytest.fixture
def tmux(tmp_path):
    servers = []

    def start(width=100, height=30):
        servers.append(Tmux(tmp_path, width, height))
        return servers[-1]

    yield start
    for server in servers:
        subprocess.run(["tmux", "-L", server.socket, "kill-server"], check=False, capture_output=True)


def test_a_chain_in_another_process_is_watched_live(tmux, program):
    """Runs appear, end, are opened and searched while the program that runs them lives elsewhere."""
    url, process = program()
    window = tmux()
    window.type(f"tracebus {url}; echo code=$?")
    window.until("No runs to show yet")
    process.stdin.write("when?\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"
    window.until("RunnableSequence", "ask_harbour", "ScriptedChatModel", "1✓")
    window.keys("g", "/")
    window.keys("-l", "kind:model")
    window.keys("Enter")
    window.until("filter kind:model: 1", gone=["ask_harbour"])
    window.keys("Enter")
    window.until("The harbour bus leaves at noon.", "1 Output")
    window.keys("Enter")
    window.until("RUN ")
    window.keys("q")
    text = window.until("code=0")
    assert "tracebus: 1 runs, 1 ok" in text
    assert window.modes() == "0 0 1"


def test_a_producer_that_is_killed_leaves_lost_runs(tmux, program):
    """After kill -9 of the program its open runs stop running on the screen, which goes on."""
    url, process = program(wait=600)
    window = tmux()
    window.type(f"tracebus watch {url}; echo code=$?")
    process.stdin.write("when?\n")
    process.stdin.flush()
    window.until("1 running", "ScriptedChatModel")
    process.send_signal(signal.SIGKILL)
    window.until("0 running", "?L")
    window.keys("q")
    window.until("code=0")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 36)])
def test_the_demo_in_its_screen(tmux, width, height):
    """`tracebus demo` opens the screen by itself, plays to its end, and leaves the terminal as it was."""
    window = tmux(width, height)
    window.type("tracebus demo --fast; echo code=$?")
    window.until("program ended (0)", "storyteller")
    window.keys("4")
    window.until("the programme cancelled it")
    window.keys("q")
    window.until("code=0", "Kept in the log on this machine")
    assert window.modes() == "0 0 1"


def test_resizing(tmux, program):
    """The picture follows the window's size."""
    url, process = program()
    process.stdin.write("when?\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"
    window = tmux(120, 36)
    window.type(f"tracebus {url}; echo code=$?")
    window.until("TTFT", "COST")
    window("resize-window", "-x", "80", "-y", "24")
    window.until("RUN", gone=["TTFT"])
    window("resize-window", "-x", "160", "-y", "45")
    window.until("TTFT")
    window.keys("q")
    window.until("code=0")


def test_the_mouse_goes_back_to_the_terminal(tmux):
    """M ends the terminal's reports of the mouse, and has them again; leaving, there are none."""
    window = tmux()
    window.type("tracebus demo --fast; echo code=$?")
    window.until("program ended (0)")
    assert window.modes() == "1 1 0"
    window.keys("M")
    window.until("mouse off")
    assert window.modes() == "1 0 0"
    window.keys("M")
    window.until("program ended (0)", gone=["mouse off"])
    assert window.modes() == "1 1 0"
    window.keys("M")
    window.until("mouse off")
    window.keys("q")
    window.until("code=0")
    assert window.modes() == "0 0 1"


def test_a_long_log_is_one_screen(tmux, tmp_path):
    """Three hundred good runs of a log are a row, the one that failed stands out, z 2 opens two levels."""
    url = f"jsonl:{tmp_path}/events.jsonl"
    log = open_log(url)
    log.append(_calls(300, failed=200))
    log.close()
    window = tmux(80, 24)
    window.type(f"tracebus {url}; echo code=$?")
    window.until("200 finished ok", "RateLimitError", "89 finished ok")
    window.keys("k", "z")
    window.until("1-9 levels", "89 finished ok")
    window.keys("1")
    window.until(" e Next error", gone=["chat"])
    window.keys("g", "Space")
    window.until("  ◇ ask", gone=["RateLimitError"])
    window.keys("e")
    window.until("RateLimitError", "\n 200 finished ok ")
    window.keys("q")
    window.until("code=0")


def _calls(count, *, failed):
    """Return the events of *count* calls of a chain with a model in it, minutes ago; one of them failed."""
    events = []
    began = time.time_ns() - 600_000_000_000
    for number in range(count):
        at = began + number * 100_000_000
        for run_id, parent, name, kind in (
            (f"r{number}", None, "ask", RunKind.CHAIN),
            (f"m{number}", f"r{number}", "chat", RunKind.CHAT_MODEL),
        ):
            ids = {"run_id": run_id, "parent_run_id": parent, "root_run_id": f"r{number}"}
            events.append(RunStarted(time=at, name=name, kind=kind, **ids))
        error = ErrorInfo(type="RateLimitError", message="429") if number == failed else None
        outcome = Outcome.OK if error is None else Outcome.ERROR
        for run_id, parent in ((f"m{number}", f"r{number}"), (f"r{number}", None)):
            ids = {"run_id": run_id, "parent_run_id": parent, "root_run_id": f"r{number}"}
            events.append(RunEnded(time=at + 50_000_000, outcome=outcome, error=error, **ids))
    return events
