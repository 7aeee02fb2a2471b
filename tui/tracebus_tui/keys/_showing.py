"""Keys that change how things are shown: panes, tabs, text, bars, colours, and whose the mouse is."""

from __future__ import annotations

import os

from tracebus.figures import duration
from tracebus_tui.keys._counting import Counting
from tracebus_tui.picture._margins import RUNS
from tracebus_tui.picture._themes import CYCLE
from tracebus_tui.terminal import report_mouse


class Showing(Counting):
    """Shows and hides, and says what it did where that is not seen."""

    def action_switch_pane(self) -> None:
        """Give the keys to the runs or to the detail."""
        if self._screen_now != RUNS:
            return
        if not self._detail.display:
            self._pane_wanted = True
            self._arrange()
        other = self._runs if self.focused is self._detail and not self._zoomed else self._detail
        other.focus()

    def action_wall(self) -> None:
        """Draw all bars on one stretch of the wall clock, or each root run's on its own time."""
        wall = self._runs.wall
        wall.shown = not wall.shown
        self._say_wall() if wall.shown else self.say("each run has its own scale again")

    def action_wall_length(self, step: int) -> None:
        """Make the stretch of the wall clock longer or shorter."""
        wall = self._runs.wall
        if wall.shown:
            wall.resize(step)
            self._say_wall()
        else:
            self.say("W draws all bars on the wall clock; + and - make it longer and shorter")

    def _say_wall(self) -> None:
        long = duration(self._runs.wall.seconds).replace("m00s", "m").replace("h00m", "h").replace(".0s", "s")
        self.say(f"all bars on the same {long} of the wall clock; + longer, - shorter, W back")

    def action_mouse(self) -> None:
        """Leave the mouse to the terminal, which selects text with it, or take it again."""
        wanted = not self._mouse_wanted
        if not report_mouse(self._driver, wanted=wanted):
            self.say("the mouse cannot be given back here")
            return
        self._mouse_wanted = wanted
        self.say("the mouse is back" if wanted else "the terminal has the mouse, to select text; M takes it")

    def action_pane(self) -> None:
        """Show or hide the detail pane."""
        self._pane_wanted = not self._detail.display
        self._arrange()

    def action_tab(self, step: int) -> None:
        """Show the next or the previous tab of the detail."""
        self._pane.step(step)
        self._due.clear()

    def action_neighbour(self, step: int) -> None:
        """Show the next or the previous run in the detail."""
        self._unfollow()
        self.view.move_to(self.view.line + step)

    def action_wrap(self) -> None:
        """Break long lines, or not."""
        (self._text_in_focus or self._detail).toggle_wrap()

    def action_markdown(self) -> None:
        """Show Markdown as it reads, or as it is written."""
        rendered = self._pane.toggle_markdown()
        self._due.clear()
        self.say("Markdown as it reads" if rendered else "Markdown as it is written")

    def action_history(self) -> None:
        """Show all of a conversation, or what is new in it."""
        whole = self._pane.toggle_history()
        self._due.clear()
        self.say("the whole conversation" if whole else "what is new in a conversation")

    def action_screen(self, number: int) -> None:
        """Show a screen; in an open run, a tab."""
        self.action_digit(number)

    def action_theme(self) -> None:
        """Show everything in the next theme."""
        if os.environ.get("NO_COLOR"):
            self.say("NO_COLOR is set")
            return
        place = CYCLE.index(self.theme) if self.theme in CYCLE else -1
        self.theme = CYCLE[(place + 1) % len(CYCLE)]
        self.say(f"theme {self.theme}")
