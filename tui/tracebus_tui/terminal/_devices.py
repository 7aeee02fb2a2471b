"""Whether there is a screen to draw on, and which file descriptors lead to it."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from tracebus_tui.terminal._stray import capture, release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus_tui.terminal._stray import Stray

_TTY = "/dev/tty"

BROWSER_DRIVER = "tracebus_tui.terminal._browser:BrowserDriver"
"""What Textual is told to draw with, by its environment variable, where the screen is a browser."""
_DRAWING_ON_A_BROWSER = (
    BROWSER_DRIVER,
    "textual.drivers.web_driver:WebDriver",
)  # ours, and `textual serve`'s


def in_browser() -> bool:
    """Return whether a server started this process to draw in a browser: there is no terminal then."""
    return os.environ.get("TEXTUAL_DRIVER") in _DRAWING_ON_A_BROWSER


def why_no_screen() -> str | None:
    """Return why nothing can be drawn here; `None` where it can."""
    return None if in_browser() else _why_no_terminal()


def _why_no_terminal() -> str | None:
    if os.environ.get("TERM", "") in ("", "dumb") and sys.platform != "win32":
        return f"TERM is {os.environ.get('TERM') or 'not set'}"
    if os.environ.get("CI"):
        return "CI is set"
    if not _is_tty(1):
        return "standard output is no terminal"
    if _is_tty(0) and _is_tty(2):
        return None
    try:
        os.close(os.open(_TTY, os.O_RDWR))
    except OSError as error:
        return f"there is no terminal: {error}"
    return None


def terminal_descriptor() -> int:
    """Return a descriptor of the terminal; standard output is one where there is a screen."""
    return 1


@contextmanager
def screen(stray: Stray) -> Iterator[None]:
    """Give Textual the terminal, whatever the standard streams are, and keep everything else off it.

    Textual draws on `sys.__stderr__`, in a browser on `sys.__stdout__`, reads `sys.__stdin__` and measures
    `sys.__stdout__`.
    """
    piped = in_browser()
    for name in () if piped else ("COLUMNS", "LINES"):  # Textual believes them, the terminal knows better
        os.environ.pop(name, None)
    before = (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    reader = before[0] if piped or _is_tty(0) else _opened("r")
    writer = os.fdopen(os.dup(1), "w")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = reader, writer, writer  # type: ignore[misc, assignment]  # the streams Textual takes
    saved = capture(stray)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        release(saved)
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = before  # type: ignore[misc]  # as they were
        writer.close()


def _opened(mode: str) -> IO[str]:
    return open(_TTY, mode, encoding="utf-8")  # noqa: PTH123 - open for as long as the application runs


def _is_tty(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False
