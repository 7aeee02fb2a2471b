"""A table on the screen: titles that stay, a cursor that stays on its thing, columns that sort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus_tui.widgets._text import TextView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual import events
    from textual.strip import Strip

    from tracebus_tui.tables import Table


class TableView(TextView):
    """Shows a table. `put` gives it new things; `thing` is the one under the cursor."""

    above = 1

    def __init__(self, table: Table[Any], *, signs: str = "▼▲", id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(pick=True, id=id)
        self.table = table
        self._signs = signs

    @property
    def thing(self) -> Any:
        """Return what is under the cursor; `None` where there is nothing."""
        things, line = self.table.things, self.cursor or 0
        return things[line] if line < len(things) else None

    def put(self, things: Iterable[Any]) -> None:
        """Show *things*; the cursor stays with its own."""
        who = self.table.who_at(self.cursor or 0)
        self.table.put(things)
        self._again(who)

    def sort(self) -> None:
        """Sort by the next column."""
        who = self.table.who_at(self.cursor or 0)
        self.table.sort_by_next(self.size.width)
        self._again(who)

    def turn_round(self) -> None:
        """Turn the order round."""
        who = self.table.who_at(self.cursor or 0)
        self.table.turn_round()
        self._again(who)

    def render_line(self, y: int) -> Strip:
        """Draw the titles, or a line under them."""
        if y == 0:
            return self.strip(self.table.heading(self.size.width, self._signs), self.size.width)
        return super().render_line(y)

    def on_click(self, event: events.Click) -> None:
        """Sort by the column whose title was clicked; else put the cursor where the mouse is."""
        if event.y > 0:
            return
        event.prevent_default()
        title = self.table.title_at(self.size.width, event.x - self.gutter.left)
        if title is not None:
            who = self.table.who_at(self.cursor or 0)
            self.table.sort_by(title)
            self._again(who)

    def _again(self, who: object) -> None:
        # At the top the reader looks at what comes first, whatever it is; elsewhere at one thing.
        line = self.table.line_of(who) if self.cursor else 0
        self.show(self.table)
        if line is not None and line != self.cursor:
            self.move_to(line)
        self.refresh()
