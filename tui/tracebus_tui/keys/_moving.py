"""Keys that move the cursor, and open and close rows."""

from __future__ import annotations

from tracebus_tui.keys._commands import DEPTHS, Choice
from tracebus_tui.keys._counting import Counting


class Moving(Counting):
    """Moves among the rows, or in the text in focus, and folds."""

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
