from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import queue
import subprocess
import sys
import threading
import time

import pytest
from tui_support import History, story

from tracebus import open_log
from tracebus_tui.feed import ListSource
from tracebus_tui.terminal import Printer, why_no_screen
from tracebus_tui.terminal._plain import _print


def printed(events, **options):
    out = io.StringIO()
    asyncio.run(_print(ListSource(events), out=out, **{"as_json": False, "only_new": False, **options}))
    return out.getvalue()


def test_a_line_for_every_start_and_end():
    """Starts, ends, retries are told in words, indented by depth, with what they cost."""
    lines = printed(story()).splitlines()
    assert any(line.endswith("agent agent started") for line in lines)
    assert any("chat_model chat ok, after 1.40s, 1.2k tokens in, 80 out, $0.0002" in line for line in lines)
    assert any(
        "tool lookup error, after 1.00s, TimeoutError: no answer from the depot" in line for line in lines
    )
    assert any("is tried again: attempt 2" in line for line in lines)
    assert not any("word0" in line for line in lines)


def test_nothing_dangerous_is_printed():
    """Names and errors are one line each, with controls made visible."""
    h = History()
    h.start("a", name="\x1b[31mred\nline")
    h.end("a", error="E\x07: \x9b2J")
    text = printed(h.events)
    assert len(text.splitlines()) == 2
    assert text.replace("\n", "").isprintable()


def test_json_lines_are_events():
    """With --json every event comes as it would stand in a JSONL log."""
    lines = printed(story(), as_json=True).splitlines()
    assert len(lines) == len(story())
    assert json.loads(lines[0])["type"] == "run_started"


def test_only_what_is_new():
    """Following a log prints nothing of what was there before, but knows the names of open runs."""
    assert printed(story(), only_new=True) == ""
    printer = Printer()
    for event in story()[:1]:
        printer.line(event)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"TERM": "dumb"}, "TERM is dumb"),
        ({"TERM": ""}, "TERM is not set"),
        ({"TERM": "xterm", "CI": "1"}, "CI is set"),
        ({"TERM": "xterm"}, "no terminal"),
    ],
)
def test_why_there_is_no_screen(monkeypatch, variables, says):
    """A dumb terminal, CI and a pipe each have a reason to give."""
    monkeypatch.delenv("CI", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    read, write = os.pipe()
    saved = os.dup(1)
    os.dup2(write, 1)
    try:
        reason = why_no_screen()
    finally:
        os.dup2(saved, 1)
        for descriptor in (read, write, saved):
            os.close(descriptor)
    assert says in reason


@contextlib.contextmanager
def command(*args, **env):
    process = subprocess.Popen(
        [sys.executable, "-c", "from tracebus.cli import main; main()", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env={key: value for key, value in os.environ.items() if not key.startswith("TRACEBUS")} | env,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_a_pipe_gets_lines(tmp_path):
    """`tracebus watch LOG | …` prints what comes, as it comes, and ends with the reader."""
    url = f"sqlite:{tmp_path / 'events.db'}"
    log = open_log(url)
    log.append(story()[:2])
    with command("watch", url) as process:
        assert "here are lines" in process.stderr.readline()
        printed_lines = queue.Queue()
        reader = threading.Thread(target=lambda: [printed_lines.put(line) for line in process.stdout])
        reader.start()
        late = History()
        deadline = time.monotonic() + 30
        while (
            printed_lines.empty()
        ):  # the command follows from the moment it is ready, which it does not tell
            assert time.monotonic() < deadline, "no line came"
            late.start(f"late{len(late.events)}")
            log.append(late.events[-1:])
        found = printed_lines.get()
        assert "late" in found
        assert "\x1b" not in found
        process.terminate()
        assert process.wait() == 130
        reader.join()
    log.close()


def test_without_textual_a_sentence_says_what_to_install(tmp_path):
    """Where Textual is missing, the command says so, and how to get it."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nreal = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'textual' else real(name, package)\n"
    )
    with command("watch", PYTHONPATH=str(tmp_path)) as process:
        _, errors = process.communicate()
    assert process.returncode == 1
    assert "-m pip install 'markdown-it-py>=3' 'textual<9,>=8.2'" in errors
    assert "Traceback" not in errors


def test_a_log_that_is_none_is_explained():
    """A mistyped URL is an error message, not a screen."""
    with command("watch", "nonsense:there") as process:
        _, errors = process.communicate()
    assert process.returncode == 1
    assert "nonsense" in errors
    assert "Traceback" not in errors
