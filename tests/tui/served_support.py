"""`tracebus serve --tui` in a process of its own, and the viewers it starts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

DEADLINE = 40.0
_COMMAND = [sys.executable, "-c", "from tracebus.cli import main; main()", "serve"]


class Served:
    """A server that works in *folder*; its environment has nothing in it that a terminal would need."""

    def __init__(self, folder, url, *options, **environment):
        inherited = {name: value for name, value in os.environ.items() if name not in ("TERM", "NO_COLOR")}
        self.process = subprocess.Popen(
            [*_COMMAND, "--tui", "--port", "0", *options, "--", url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**inherited, "CI": "1", **environment},
        )
        said = self.process.stdout.readline()
        assert "Serving " in said, said + self.process.stderr.read()
        self.link = said.split(" at ")[-1].strip()
        self.host = urlsplit(self.link).netloc
        self.origin = f"http://{self.host}"

    def viewers(self):
        """Return the process ids of the viewers."""
        table = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
        )
        rows = [line.split() for line in table.stdout.splitlines()]
        return [
            int(pid) for pid, parent, state in rows if int(parent) == self.process.pid and state[0] != "Z"
        ]

    def end(self, number=signal.SIGTERM):
        """Send signal *number*; return the exit code and what was said on standard error."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, said = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, said


def alive(pid):
    """Return whether a process runs; one that nobody has waited for yet does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")


def until(condition, what="the condition"):
    """Wait until *condition* holds; return what it gave."""
    deadline = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true"
    return value


async def eventually(condition):
    """Let the loop go on until *condition* holds."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - the server tells nobody when a viewer has ended
            await asyncio.sleep(0)
