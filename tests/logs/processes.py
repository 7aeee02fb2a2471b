"""Python processes that write to a log, waiting, and all events of a log."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time

started: list[subprocess.Popen] = []


def python(code, *args, **options):
    """Start a Python process running *code*, its output readable line by line."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )
    started.append(process)
    return process


def output_of(process):
    out, _ = process.communicate()
    assert process.returncode == 0, out
    return out


def until(condition, what, seconds=30):
    """Wait until *condition* is true, by asking; fail with *what* after *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what


def all_events(log):
    events = []
    while page := log.read(events[-1].seq if events else 0, 5000):
        events += page
    return events
