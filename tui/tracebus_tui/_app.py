"""The application: the picture with all keys, what opens and closes something, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus_tui.keys._commands import Help
from tracebus_tui.keys._moving import Moving
from tracebus_tui.keys._replaying import Replaying
from tracebus_tui.keys._searching import Searching
from tracebus_tui.keys._showing import Showing
from tracebus_tui.keys._taking import Taking
from tracebus_tui.model import Together
from tracebus_tui.picture._margins import RUNS
from tracebus_tui.tables import ErrorGroup, Total
from tracebus_tui.widgets import TableView, TextView

if TYPE_CHECKING:
    from tracebus_tui.model import Item


class Watch(Replaying, Moving, Searching, Showing, Taking):
    """Shows the runs of one source, live, and does what the keys say."""

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
