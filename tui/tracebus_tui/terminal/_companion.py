"""A program run beside the viewer, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus_tui.terminal import Stray

_PATIENCE = 3.0


class Companion:
    """A child process whose output goes to the Log screen.

    A process of its own: it may block, crash or use its main thread, and the screen lives on; the screen
    may be busy, and the program is no slower.
    """

    def __init__(self, command: Sequence[str], stray: Stray) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own command line, by this interpreter
            command,
            stdin=subprocess.DEVNULL if os.isatty(0) else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        if self._process.stdout is not None:
            self._reader = stray.read_from(self._process.stdout)

    @property
    def code(self) -> int | None:
        """Return its exit code, 128 + n where signal n ended it; `None` while it runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def end(self) -> int:
        """Interrupt it if it still runs, as Ctrl-C would, and return its exit code."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                self._process.send_signal(number)
                try:
                    self._process.wait(_PATIENCE)
                except subprocess.TimeoutExpired:
                    continue
        self._reader.join(1.0)
        return self.code or 0


def tracebus_command(*args: str) -> list[str]:
    """Return how to run `tracebus` with *args* in another process of this interpreter."""
    return [sys.executable, "-c", "from tracebus.cli import main; main()", *args]
