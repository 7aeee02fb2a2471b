"""The terminal: whether there is one, how it is left, and what else writes to it."""

from __future__ import annotations

from tracebus_tui.terminal._devices import screen, terminal_descriptor, why_no_screen
from tracebus_tui.terminal._guard import RESTORE, guarded, restore
from tracebus_tui.terminal._plain import Printer, print_lines
from tracebus_tui.terminal._stray import Stray, capture, release

__all__ = [
    "RESTORE",
    "Printer",
    "Stray",
    "capture",
    "guarded",
    "print_lines",
    "release",
    "restore",
    "screen",
    "terminal_descriptor",
    "why_no_screen",
]
