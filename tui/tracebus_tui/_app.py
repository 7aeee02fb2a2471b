"""The application: the picture, and what the keys that move, fold and show do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tracebus.figures import duration
from tracebus_tui.keys._commands import DEPTHS, Choice, Help
from tracebus_tui.keys._counting import Counting
from tracebus_tui.keys._replaying import Replaying
from tracebus_tui.keys._taking import Taking
from tracebus_tui.model import Together
from tracebus_tui.picture._margins import RUNS
from tracebus_tui.picture._themes import CYCLE
from tracebus_tui.tables import ErrorGroup, Total
from tracebus_tui.terminal import report_mouse
from tracebus_tui.widgets import TableView, TextView

if TYPE_CHECKING:
    from tracebus_tui.model import Item


class Watch(Replaying, Counting, Taking):
    """Shows the runs of one source, live, and does what the keys say."""

    # Keys: moving.

    def action_move(self, lines: int) -> None:
        """Move the cursor, or the text in focus."""
        text = self._text_in_focus
        if text is not None:
            text.scroll_lines(lines)
            return
        self._unfollow()
        self.view.move_to(self.view.line + lines)

    def action_page(self, pages: int) -> None:
        """Move by a page."""
        text = self._text_in_focus
        page = text.page if text is not None else self._runs.page
        self.action_move(pages * max(1, page - 1))

    def action_edge(self, edge: int) -> None:
        """Move to the first or the last line; the last is followed. A number before it is a model call's."""
        number = self.take_number()
        if number is not None and edge > 0:
            self.go_to_call(number)
            return
        text = self._text_in_focus
        if text is not None:
            text.scroll_to_edge(end=edge > 0)
            return
        self._follow = edge > 0
        self.view.move_to(0 if edge < 0 else len(self.view.rows) - 1)

    def action_fold_or_parent(self) -> None:
        """Close the row, or go to its parent."""
        row = self.view.cursor
        self._unfollow()
        if row is None:
            return
        if row.kids and row.open:
            self.view.set_open(row, opened=False)
        elif row.parent is not None and row.parent.item is not None:
            self.view.cursor = row.parent

    def action_unfold_or_child(self) -> None:
        """Open the row, or go to its first child."""
        row = self.view.cursor
        self._unfollow()
        if row is None or not row.kids:
            return
        if not row.open:
            self.view.set_open(row, opened=True)
        else:
            self.view.cursor = row.kids[0]

    def action_switch_pane(self) -> None:
        """Give the keys to the runs or to the detail."""
        if self._screen_now != RUNS:
            return
        if not self._detail.display:
            self._pane_wanted = True
            self._arrange()
        other = self._runs if self.focused is self._detail and not self._zoomed else self._detail
        other.focus()

    # Keys: folding.

    def action_fold(self) -> None:
        """Open or close the row."""
        if self._text_in_focus is not None and self._pane.toggle_stretch():
            self._due.clear()
            return
        row = self.view.cursor
        if row is not None and row.kids:
            self._unfollow()
            self.view.set_open(row, opened=not row.open)

    def action_fold_all(self, opened: int) -> None:
        """Open or close all rows."""
        self._unfollow()
        self.view.open_all(opened=bool(opened))

    def action_depth(self) -> None:
        """Ask how deep to open the rows, and open them."""

        def take(key: str | None) -> None:
            if key is None:
                return
            self._unfollow()
            if key.isdecimal():
                self.view.open_to(int(key))
            elif key in "RM":
                self.view.open_all(opened=key == "R")
            elif self.view.cursor is not None:
                self.view.open_all(opened=key == "O", below=self.view.cursor)

        self.push_screen(Choice("open", DEPTHS), take)

    def action_isolate(self) -> None:
        """Show only this run and what is below it, or all again."""
        self._unfollow()
        node = self.view.node
        self.view.focus = None if self.view.focus or node is None else node.run_id
        self.view.rebuild()

    # Keys: views.

    def action_follow(self) -> None:
        """Follow the newest run, or stop to."""
        self._follow = not self._follow
        self._due.clear()

    def action_zoom(self) -> None:
        """Open the run over the whole screen; of a line of a table, go to its runs."""
        table = self._table_in_focus
        if table is not None:
            self._open_line(table.thing)
        elif self._screen_now == RUNS and self._text_in_focus is not None and self._pane.toggle_stretch():
            self._due.clear()
        elif self._screen_now == RUNS and isinstance(self._item, Together) and not self._zoomed:
            self.action_fold()
        elif self._screen_now == RUNS:
            self._zoomed = not self._zoomed
            self._unfollow()
            self._pane.forget()
            self._arrange()

    def _open_line(self, thing: Total | ErrorGroup | None) -> None:
        """Show the runs a line of a table stands for: those a filter finds, or the only one."""
        if thing is None:
            return
        self.show_screen(RUNS)
        runs = thing.nodes if isinstance(thing, ErrorGroup) else ()
        if len(runs) != 1:
            self.view.set_filter(thing.filter)
            self._unfollow()
        if runs:
            self._jump(self.view.reveal(runs[-1]), "that run has left the view")
        elif self.view.node is None or self.view.node.run_id not in self.view.hits:
            self._jump(self.view.next_hit(), "no such run is in the view any more")

    def on_text_view_picked(self, event: TextView.Picked) -> None:
        """Go to the runs of the line that was clicked; open or close the chunks that were."""
        if isinstance(event.view, TableView):
            self._open_line(event.view.thing)
        elif event.view is self._detail and self._pane.toggle_stretch(event.line):
            self._due.clear()

    def on_run_list_moved(self) -> None:
        """Stop following: the user has moved."""
        self._unfollow()
        self._runs.moved = False

    def on_run_list_opened(self) -> None:
        """Open the run that was clicked twice."""
        self.action_zoom()

    @property
    def _item(self) -> Item | None:
        return self.view.cursor.item if self.view.cursor is not None else None

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

    # Keys: the rest.

    def action_palette(self) -> None:
        """Open the palette of all commands."""
        self.action_command_palette()

    def action_help(self) -> None:
        """Show the help."""
        self.push_screen(Help())

    def action_step_back(self) -> None:
        """Close what is open, innermost first; then clear the filter."""
        text = self._text_in_focus
        if self.query_one("#prompt").display:
            self._drop_prompt()
        elif text is not None and text.wanted:
            text.find("")
            self.say("")
        elif self._zoomed:
            self._zoomed = False
            self._arrange()
        elif self._screen_now != RUNS:
            self.show_screen(RUNS)
        elif self.view.focus:
            self.action_isolate()
        elif self.view.filter_text:
            self.view.set_filter("")
        else:
            self._runs.focus()

    def action_leave(self) -> None:
        """Quit."""
        self.exit(0)
