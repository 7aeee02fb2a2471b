"""A parent process that leaves the terminal as it was, however the viewer dies.

Textual restores the terminal after an exception and after SIGINT, but not after SIGTERM or SIGHUP
(textual#5140, textual#6292), and no process can after SIGKILL or a segmentation fault.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if sys.platform != "win32":
    import termios

if TYPE_CHECKING:
    from collections.abc import Callable

RESTORE = (
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l"  # mouse
    b"\x1b[?2004l\x1b[?1004l\x1b[?2026l\x1b[<u"  # paste, focus, synchronised output, keyboard protocol
    b"\x1b[?1049l\x1b[?25h\x1b[0m"  # the other screen, the cursor, colours
)
_SIGNALLED = 128  # shells report a death by signal n as 128 + n


def guarded(main: Callable[[], int], *, terminal: int, after: Callable[[], None] = lambda: None) -> int:
    """Run *main* in a child process and return its exit code; clean *terminal* up if a signal kills it.

    Where the process cannot be forked safely, or *terminal* is none, runs *main* here. *after* runs in the
    end in any case.
    """
    if sys.platform == "win32" or threading.active_count() > 1 or not os.isatty(terminal):
        try:
            return main()
        finally:
            after()
    modes = termios.tcgetattr(terminal)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _become_viewer(main)
    code = _wait_for(child)
    if code < 0:  # it had no time to clean up; after an exit of its own a second time would move the cursor
        restore(terminal, modes)
        name = signal.Signals(-code).name
        sys.stderr.write(f"tracebus: the viewer was ended by {name}; the log keeps every event\n")
    after()
    return code if code >= 0 else _SIGNALLED - code


def restore(terminal: int, modes: list[Any] | None = None) -> None:
    """Take *terminal* out of every mode a viewer puts it in."""
    with suppress(OSError):  # the terminal itself may be gone
        os.write(terminal, RESTORE)
    if modes is not None:
        with suppress(termios.error, OSError):
            termios.tcsetattr(terminal, termios.TCSADRAIN, modes)


def _become_viewer(main: Callable[[], int]) -> None:
    """Run *main* and end this process with its code, skipping what the parent will do at its own end."""
    code = 1
    try:
        code = main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 - the last frame of this process: shown, as the interpreter would
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _wait_for(child: int) -> int:
    """Return *child*'s exit code, -n for signal n; pass on what asks this process to end."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: _pass_on(child, received))
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        if os.WIFSTOPPED(status):  # the shell waits for this process, so it has to stop as well
            os.kill(os.getpid(), signal.SIGSTOP)
            _pass_on(child, signal.SIGCONT)
            continue
        return os.waitstatus_to_exitcode(status)


def _pass_on(child: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, number)
