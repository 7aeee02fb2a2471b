"""The terminal: whether there is one, how it is left, and what else writes to it."""

from __future__ import annotations

from tracebus_tui.terminal._devices import (
    BROWSER_DRIVER,
    in_browser,
    screen,
    terminal_descriptor,
    why_no_screen,
)
from tracebus_tui.terminal._guard import RESTORE, guarded, restore
from tracebus_tui.terminal._mouse import report_mouse
from tracebus_tui.terminal._plain import Printer, print_lines
from tracebus_tui.terminal._stray import Stray, capture, release

__all__ = [
    "BROWSER_DRIVER",
    "RESTORE",
    "Printer",
    "Stray",
    "capture",
    "guarded",
    "in_browser",
    "print_lines",
    "release",
    "report_mouse",
    "restore",
    "screen",
    "terminal_descriptor",
    "why_no_screen",
]
