"""Numbers typed before a key: `57G` goes to the 57th model call."""

from __future__ import annotations

import time

from tracebus_tui.detail import TABS
from tracebus_tui.keys._finding import Finding

TYPING = 1.5
"""Seconds after which a digit belongs to no number any more."""
_SCREENS = 4


class Counting(Finding):
    """Takes digits. Each does what it does alone, too: only what comes after tells that it began a number."""

    _typed = ""
    _typed_at = 0.0
    _numbered = False
    """Whether a single digit did nothing else, and so was meant as a number."""

    def action_digit(self, digit: int) -> None:
        """Take a digit; 1 to 4 show a screen, in an open run 1 to 6 a tab."""
        before = self._screen_now
        if self._zoomed and 1 <= digit <= len(TABS):
            self._pane.choose(TABS[digit - 1])
            self._due.clear()
        elif not self._zoomed and 1 <= digit <= _SCREENS:
            self.show_screen(digit)
        now = time.monotonic()
        fresh = now - self._typed_at < TYPING
        self._typed, self._typed_at = (self._typed if fresh else "") + str(digit), now
        self._numbered = not self._zoomed and (digit > _SCREENS or self._screen_now == before)

    def show_screen(self, number: int) -> None:
        """Show a screen."""
        self._screen_now = number
        self._arrange()

    def take_number(self) -> int | None:
        """Return the number typed just now, once; `None` where there is none."""
        typed, self._typed = self._typed, ""
        fresh = time.monotonic() - self._typed_at < TYPING
        return int(typed) if typed and fresh and (len(typed) > 1 or self._numbered) else None
