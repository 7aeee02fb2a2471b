"""What was printed while the screen was ours: kept, instead of smeared over it."""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from typing import IO, NamedTuple

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""Coloured log lines are common and harmless; without the sequences they can be read."""
_MOST_LINES = 5_000
_MOST_OF_A_LINE = 4_000
_PATIENCE = 1.0


class Stray:
    """The last lines some program printed.

    Attributes:
        count: how many lines have come.
    """

    def __init__(self) -> None:
        self.count = 0
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._lock = threading.Lock()

    def add(self, text: str) -> None:
        """Add a line."""
        with self._lock:
            self._lines.append(_COLOUR.sub("", text[:_MOST_OF_A_LINE]))
            self.count += 1

    def text(self) -> str:
        """Return the lines, raw: whoever shows them sanitises."""
        with self._lock:
            return "\n".join(self._lines) or "nothing has been printed"

    def lines(self) -> list[str]:
        """Return the lines."""
        with self._lock:
            return list(self._lines)

    def read_from(self, stream: IO[str]) -> threading.Thread:
        """Add every line of *stream*, on a thread of its own, until it ends."""
        thread = threading.Thread(target=self._read, args=(stream,), name="tracebus-tui-output", daemon=True)
        thread.start()
        return thread

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self.add(line.rstrip("\n"))


class Capture(NamedTuple):
    """What `release` needs to undo `capture`."""

    saved: list[tuple[int, int]]
    reader: threading.Thread


def capture(stray: Stray, descriptors: tuple[int, ...] = (1, 2)) -> Capture:
    """Send what this process writes to *descriptors* to *stray*.

    Catches what Textual cannot: handlers made earlier, C code, child processes.
    """
    reading, writing = os.pipe()
    saved = [(descriptor, os.dup(descriptor)) for descriptor in descriptors]
    for descriptor in descriptors:
        os.dup2(writing, descriptor)
    os.close(writing)
    return Capture(saved, stray.read_from(os.fdopen(reading, "r", errors="backslashreplace")))


def release(captured: Capture) -> None:
    """Undo `capture`, once everything written has been read."""
    for descriptor, copy in captured.saved:
        os.dup2(copy, descriptor)
        os.close(copy)
    captured.reader.join(_PATIENCE)  # not for ever: a child process may hold the pipe open
