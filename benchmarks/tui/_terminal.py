"""A pseudo-terminal to measure on: what is drawn is read away, and keys are typed for real."""

from __future__ import annotations

import fcntl
import json
import os
import re
import struct
import sys
import termios
import time
import traceback

_MARK = re.compile(rb"\x1b\]7777;(\d+)\x07")


def measured(measure, *, columns=120, rows=36):
    """Return what *measure* returns, called in a process of its own that has such a terminal.

    It is given a `Keyboard`. Where keys were typed, "key to paint" says how many milliseconds passed until
    the picture that shows the key's effect was read from the terminal: median, 99th percentile, worst.
    """
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    answer, answers = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(answer)
        _inside(measure, master, slave, answers)
    os.close(slave)
    os.close(answers)
    seen, drawn = _drain(master)
    with os.fdopen(answer, "rb") as pipe:
        results = json.loads(pipe.read() or b"{}")
    os.waitpid(child, 0)
    os.close(master)
    waits = sorted(
        (seen[int(key)] - at) * 1e3 for key, at in results.pop("typed", {}).items() if int(key) in seen
    )
    if waits:
        results["key to paint p50, ms"] = waits[len(waits) // 2]
        results["key to paint p99, ms"] = waits[int(len(waits) * 0.99)]
        results["keys"] = len(waits)
    results["kB drawn"] = drawn / 1e3
    return results


class Keyboard:
    """Types, and marks the picture that shows what a key did."""

    def __init__(self, terminal):
        self._terminal = terminal
        self._effects = 0
        self.typed = {}

    def type(self, number, key):
        """Type *key*, the *number*-th."""
        self.typed[number] = time.perf_counter()
        os.write(self._terminal, key)

    def watch(self, app):
        """Mark the pictures of *app* that follow an effect."""
        driver, marked = app._driver, 0  # noqa: SLF001 - what is written there is what is seen
        write = driver.write

        def marking(data):
            nonlocal marked
            write(data)
            if self._effects > marked and len(data) > 100:
                marked = self._effects
                write(f"\x1b]7777;{marked}\x07")

        driver.write = marking

    def shown(self, number):
        """Note that the frame now drawn shows what key *number* did."""
        self._effects = number


def show(name, results):
    """Print *results* under *name*."""
    print(name)
    for inner, number in results.items():
        print(f"    {inner:<36} {number if isinstance(number, str) else f'{number:12,.2f}'}")
    sys.stdout.flush()


def load():
    """Return the machine's load at the moment."""
    return os.getloadavg()[0]


def _inside(measure, master, slave, answers):
    """Answer with what *measure* returns, and end the process."""
    results = {}
    try:
        os.login_tty(slave)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        for name in ("NO_COLOR", "SSH_CONNECTION", "TEXTUAL_FPS"):
            os.environ.pop(name, None)
        keyboard = Keyboard(master)
        results = measure(keyboard)
        results["typed"] = keyboard.typed
    except BaseException:  # noqa: BLE001 - a part that fails is a result too
        results = {"failed": traceback.format_exc()}
    os.write(answers, json.dumps(results).encode())
    os._exit(0)


def _drain(master):
    """Read until nobody has the terminal open; return when each mark was seen, and how many bytes came."""
    seen, drawn, rest = {}, 0, b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            return seen, drawn
        if not piece:
            return seen, drawn
        at = time.perf_counter()
        drawn += len(piece)
        for mark in _MARK.findall(rest + piece):
            seen.setdefault(int(mark), at)
        rest = piece[-20:]
