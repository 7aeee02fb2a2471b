"""The installed command on a pseudo-terminal of its own: drawn, killed, and what is left behind."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tui_support import story

from tracebus import open_log
from tracebus_tui.terminal import RESTORE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")

SCREEN_ON, SCREEN_OFF = b"\x1b[?1049h", b"\x1b[?1049l"
DEADLINE = 40.0


class Terminal:
    """A command on a pseudo-terminal; everything it writes is kept."""

    running = []

    def __init__(self, *args, program="from tracebus.cli import main; main()", **env):
        self.output = b""
        self.child, self.descriptor = pty.fork()
        if self.child == 0:
            os.environ.pop("CI", None)
            os.environ.pop("NO_COLOR", None)
            os.environ.update({"TERM": "xterm-256color", "COLORTERM": "truecolor", **env})
            os.execv(sys.executable, [sys.executable, "-c", program, *args])
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.running.append(self)

    def until(self, *wanted):
        """Read until all of *wanted* have been written."""
        deadline = time.monotonic() + DEADLINE
        while not all(part in self.output for part in wanted):
            assert time.monotonic() < deadline, f"{wanted} did not come; the end is {self.output[-300:]!r}"
            if not self._read(0.2):
                assert all(part in self.output for part in wanted), (
                    f"ended without {wanted}: {self.output[-600:]!r}"
                )
        return self.output

    def end(self):
        """Read to the end and return the exit code."""
        deadline = time.monotonic() + DEADLINE
        while self._read(0.2):
            if time.monotonic() > deadline:
                raise AssertionError(f"it did not end: {self.output[-300:]!r}")
        self.running.remove(self)
        _, status = os.waitpid(self.child, 0)
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(status)

    def press(self, keys):
        os.write(self.descriptor, keys)

    def viewer(self):
        """Return the process that draws: the guard's child."""
        return int(Path(f"/proc/{self.child}/task/{self.child}/children").read_text().split()[0])

    def _read(self, seconds):
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return True
        try:
            piece = os.read(self.descriptor, 65536)
        except OSError:
            return False
        self.output += piece
        return bool(piece)


@pytest.fixture
def log(tmp_path):
    log = open_log(f"sqlite:{tmp_path / 'events.db'}")
    log.append(story())
    yield log
    log.close()


@pytest.fixture(autouse=True)
def no_process_is_left():
    """Kill what a failed test has left."""
    yield
    for terminal in Terminal.running:
        os.kill(terminal.child, signal.SIGKILL)
        os.waitpid(terminal.child, 0)
    Terminal.running.clear()


def test_it_draws_and_leaves(log):
    """The screen is entered, drawn and left, and one line says what was seen."""
    terminal = Terminal("watch", log.url)
    terminal.until(SCREEN_ON, b"classify", b"talk")
    terminal.press(b"q")
    assert terminal.end() == 0
    assert SCREEN_OFF in terminal.output
    assert b"tracebus: 7 runs" in terminal.output.rpartition(SCREEN_OFF)[2]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc to find the viewer")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGSEGV])
def test_a_signal_leaves_a_usable_terminal(log, number):
    """However the viewer is killed, the screen, the mouse, the cursor and the modes are put back."""
    terminal = Terminal("watch", log.url)
    terminal.until(SCREEN_ON, b"\x1b[?1000h", b"talk")
    os.kill(terminal.viewer(), number)
    terminal.until(SCREEN_OFF, b"tracebus: ")
    assert terminal.end() == 128 + number
    assert terminal.output.rfind(b"\x1b[?1000l") > terminal.output.rfind(b"\x1b[?1000h")
    assert terminal.output.rfind(b"\x1b[?25h") > terminal.output.rfind(b"\x1b[?25l")


def test_a_signal_to_the_command_itself_is_passed_on(log):
    """`kill` on the process the shell started ends the viewer as well."""
    terminal = Terminal("watch", log.url)
    terminal.until(SCREEN_ON, b"talk")
    os.kill(terminal.child, signal.SIGTERM)
    assert terminal.end() == 143
    assert SCREEN_OFF in terminal.output


def test_no_escape_sequence_of_a_model_reaches_the_terminal(tmp_path):
    """What the terminal gets holds no clipboard write that a model asked for."""
    from test_safety import hostile

    log = open_log(f"sqlite:{tmp_path / 'events.db'}")
    log.append(hostile())
    terminal = Terminal("watch", log.url)
    terminal.until(SCREEN_ON, "␛]52".encode())
    terminal.press(b"g\r")
    terminal.until(b"1 Output")
    terminal.press(b"\rq")
    terminal.end()
    log.close()
    assert b"\x1b]52;c;aGVsbG8" not in terminal.output
    assert "\u202e".encode() not in terminal.output


def test_no_color(log):
    """With NO_COLOR nothing is coloured."""
    terminal = Terminal("watch", log.url, NO_COLOR="1")
    terminal.until(SCREEN_ON, b"talk")
    terminal.press(b"q")
    assert terminal.end() == 0
    assert b"38;2;" not in terminal.output
    assert b"48;2;" not in terminal.output


def test_a_dumb_terminal_gets_lines(log):
    """TERM=dumb is never drawn on."""
    terminal = Terminal("watch", log.url, TERM="dumb")
    terminal.until(b"TERM is dumb, so here are lines")
    os.kill(terminal.child, signal.SIGTERM)
    assert terminal.end() == 130
    assert b"\x1b" not in terminal.output


def test_a_program_beside_the_screen(tmp_path):
    """`run --tui` shows a script's runs, keeps its prints off the screen, and returns its code."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, os\n"
        "from langchain_core.runnables import RunnableLambda\n"
        "RunnableLambda(lambda x: x, name='my_step').invoke(1)\n"
        "print('printed by the program'); os.write(2, b'raw bytes\\n')\n"
        "sys.exit(7)\n"
    )
    terminal = Terminal("run", str(script), "--tui", "--to", f"jsonl:{tmp_path / 'other.jsonl'}")
    terminal.until(SCREEN_ON, b"my_step", b"program ended (7)")
    terminal.press(b"4")
    terminal.until(b"printed by the program", b"raw bytes")
    terminal.press(b"q")
    assert terminal.end() == 7
    assert b"printed by the program" in terminal.output.rpartition(SCREEN_OFF)[2]
    assert "my_step" in (tmp_path / "other.jsonl").read_text()


def test_quitting_interrupts_the_program(tmp_path):
    """A program that still runs is interrupted when its screen is left."""
    script = tmp_path / "script.py"
    script.write_text("import threading\nprint('begun')\nthreading.Event().wait()\n")
    terminal = Terminal("run", str(script), "--tui", "--to", f"jsonl:{tmp_path / 'other.jsonl'}")
    terminal.until(SCREEN_ON)
    terminal.press(b"4")
    terminal.until(b"begun")
    terminal.press(b"q")
    assert terminal.end() == 130
    assert b"KeyboardInterrupt" in terminal.output


def test_a_replay(log):
    """A log is played on the screen as fast as possible, and ends."""
    terminal = Terminal("replay", log.url, "--tui", "--speed", "0")
    terminal.until(SCREEN_ON, b"talk", b"ENDED")
    terminal.press(b"q")
    assert terminal.end() == 0


def test_the_restore_string_takes_everything_back():
    """Mouse, paste, focus, the other screen and the hidden cursor are each undone."""
    for mode in (1000, 1002, 1003, 1006, 2004, 1004, 1049):
        assert b"\x1b[?%dl" % mode in RESTORE
    assert b"\x1b[?25h" in RESTORE


IN_PROCESS = """
import logging, os, sys, threading
logging.basicConfig()
from tracebus import EventBus, observe
from tracebus.testing import ScriptedChatModel
from tracebus_tui import view

bus = EventBus()
model = observe(ScriptedChatModel(script=["Noon."]), bus=bus)

def work():
    model.invoke("When?")
    print("a print")
    os.write(1, b"raw bytes\\n")
    logging.getLogger("app").warning("a warning")

threading.Thread(target=work).start()
sys.exit(view(bus))
"""


def test_a_bus_of_the_same_process():
    """`view(bus)` draws what other threads publish, and keeps prints and logs off the screen."""
    terminal = Terminal(program=IN_PROCESS)
    terminal.until(SCREEN_ON, b"ScriptedChatModel", "1✓".encode())
    terminal.press(b"4")
    terminal.until(b"raw bytes", b"a warning")
    terminal.press(b"q")
    assert terminal.end() == 0


BROKEN = """
import sys
from tracebus_tui.picture import _picture

frame, drawn = _picture.Picture.frame, []

def broken(self):
    frame(self)
    drawn.append(1)
    if len(drawn) > 20:
        {what}

_picture.Picture.frame = broken
from tracebus.cli import main
main()
"""


def test_an_error_of_ours_is_shown_on_a_restored_terminal(log):
    """A widget that raises ends the viewer with code 1, its screen left and the traceback in sight."""
    terminal = Terminal("watch", log.url, program=BROKEN.format(what="raise RuntimeError('a bug of ours')"))
    terminal.until(SCREEN_ON, SCREEN_OFF, b"a bug of ours")
    assert terminal.end() == 1
    assert b"a bug of ours" in terminal.output.rpartition(SCREEN_OFF)[2]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc to find the viewer")
def test_a_viewer_that_hangs_leaves_at_the_second_signal(log):
    """A stuck event loop hears no request; the second one ends the process and restores the terminal."""
    hang = "print(flush=True) or sys.__stderr__.write('HANGS') and sys.__stderr__.flush(); exec('while True: pass')"
    terminal = Terminal("watch", log.url, program=BROKEN.format(what=hang))
    terminal.until(SCREEN_ON, b"HANGS")
    viewer = terminal.viewer()
    os.kill(viewer, signal.SIGTERM)
    os.kill(viewer, signal.SIGTERM)
    deadline = time.monotonic() + DEADLINE
    while SCREEN_OFF not in terminal.output and time.monotonic() < deadline and terminal._read(0.1):
        with suppress(ProcessLookupError):  # it has ended, and what it wrote last is still to be read
            os.kill(viewer, signal.SIGTERM)  # two at once may have been delivered as one
    assert terminal.end() == 143
