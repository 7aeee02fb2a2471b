"""Lines of text that are scrolled, followed, wrapped and searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from tracebus_tui.detail import emphasised, find, flow
from tracebus_tui.widgets._lines import LineView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.strip import Strip

    from tracebus_tui.detail import Layout, Line, Piece
    from tracebus_tui.drawing import Span

_WHEEL = 3


class TextView(LineView, can_focus=True):
    """Shows a layout; stays at the end where it was at the end.

    Attributes:
        cursor: the line a cursor is on; `None` for text that is only read.
        wanted: the text that is looked for; empty for none.
        follow: whether it stays at its end while it grows.
    """

    above = 0
    """Lines above the text that do not scroll."""
    DEFAULT_CSS = (
        "TextView { height: 1fr; padding: 0 1; } TextView:focus { background-tint: $foreground 3%; }"
    )

    class Picked(Message):
        """A line with a cursor was clicked."""

        def __init__(self, view: TextView, line: int) -> None:
            super().__init__()
            self.view = view
            self.line = line

    def __init__(self, *, follow: bool = False, pick: bool = False, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.wrap = True
        self.top = 0
        self.cursor: int | None = 0 if pick else None
        self.wanted = ""
        self.follow = follow
        self._layout: Layout = flow(())
        self._shown: Sequence[Line] = ()
        self._found: list[list[Piece]] = []
        self._at = 0
        """The place of `_found` the user went to last."""
        self._marks: dict[int, list[tuple[int, int, str]]] = {}

    @property
    def lines(self) -> Sequence[Line]:
        """Return what is laid out, in sight or not."""
        return self._shown

    @property
    def page(self) -> int:
        """Return how many lines of the text fit."""
        return max(1, self.size.height - self.above)

    @property
    def at_end(self) -> bool:
        """Return whether the last line is in sight."""
        return self.top >= len(self._shown) - self.page

    def show(self, layout: Layout, *, restart: bool = False, pick: bool | None = None) -> None:
        """Show *layout*; *restart* begins at the top, or at the end of what is followed.

        *pick* gives it a cursor or takes it away.
        """
        self._layout = layout
        if pick is not None and pick != (self.cursor is not None):
            self.cursor = 0 if pick else None
        stay = self.follow and self.cursor is None and (restart or self.at_end)
        if restart:
            self.top = 0
            self.cursor = None if self.cursor is None else 0
        self._lay_out(to_end=stay)

    def scroll_lines(self, lines: int) -> None:
        """Move by *lines*."""
        if self.cursor is not None:
            self.move_to(self.cursor + lines)
        else:
            self.top = max(0, min(self.top + lines, len(self._shown) - self.page))
        self.refresh()

    def move_to(self, line: int) -> None:
        """Put the cursor on *line*, or the nearest there is; without a cursor bring *line* in sight."""
        line = max(0, min(len(self._shown) - 1, line))
        height = self.page
        if self.cursor is not None:
            self.cursor = line
            self.top = min(max(self.top, line - height + 1), line)
        elif not self.top <= line < self.top + height:
            self.top = max(0, min(line - height // 3, len(self._shown) - height))
        self.refresh()

    def scroll_to_edge(self, *, end: bool) -> None:
        """Move to the first or the last line."""
        self.scroll_lines(len(self._shown) if end else -len(self._shown))

    def toggle_wrap(self) -> None:
        """Break long lines, or let them run out of sight."""
        self.wrap = not self.wrap
        self._lay_out(to_end=self.at_end and self.follow)

    # Finding.

    def find(self, wanted: str) -> None:
        """Mark every place where *wanted* stands, and go to the first from the line in sight on."""
        self.wanted = wanted
        self._look()
        if self._found:
            here = self.cursor if self.cursor is not None else self.top
            self._go(next((at for at, place in enumerate(self._found) if place[0].line >= here), 0))
        self.refresh()

    def find_next(self, *, back: bool = False) -> bool:
        """Go to the next place, or the one before, round the end; return whether there is any."""
        if self._found:
            self._go((self._at + (-1 if back else 1)) % len(self._found))
        return bool(self._found)

    @property
    def said(self) -> str:
        """Return where among the places found the reader is."""
        if not self._found:
            return f"{self.wanted}: nowhere in what is shown"
        return f"{self.wanted}: {self._at + 1} of {len(self._found)}"

    def _look(self) -> None:
        self._found = find(self._shown, self.wanted)
        self._at = min(self._at, max(0, len(self._found) - 1))
        self._mark()

    def _go(self, at: int) -> None:
        self._at = at
        self._mark()
        self.move_to(self._found[at][0].line)

    def _mark(self) -> None:
        self._marks = {}
        for at, place in enumerate(self._found):
            for line, start, end in place:
                style = "found-now" if at == self._at else "found"
                self._marks.setdefault(line, []).append((start, end, style))

    # Drawing.

    def spans_at(self, line: int) -> list[Span]:
        """Return a line of the text."""
        number = self.top + line - self.above
        if number >= len(self._shown):
            return []
        spans, margin, _ = self._shown[number]
        for start, end, style in self._marks.get(number, ()):
            spans = emphasised(spans, start, end, style)
        return [(margin, "guide"), *spans] if margin else spans

    def render_line(self, y: int) -> Strip:
        """Draw a line, the one with the cursor marked."""
        at = self.top + y - self.above
        over = "cursor" if self.cursor is not None and at == self.cursor else ""
        return self.strip(self.spans_at(y), self.size.width, over)

    def on_resize(self) -> None:
        """Wrap anew."""
        self._lay_out(to_end=self.follow and self.at_end)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll."""
        event.stop()
        self.scroll_lines(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll."""
        event.stop()
        self.scroll_lines(-_WHEEL)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is."""
        line = self.top + event.y - self.above
        if self.cursor is not None and 0 <= line < len(self._shown):
            self.cursor = line
            self.refresh()
            self.post_message(self.Picked(self, self.cursor))

    def _lay_out(self, *, to_end: bool) -> None:
        if self.size.width == 0:  # it has no size yet, or is hidden: `on_resize` comes back
            return
        lines = self._layout(self.size.width, wrap=self.wrap)
        last = max(0, len(lines) - self.page)
        top = last if to_end else min(self.top, last)
        if self.cursor is not None:
            self.cursor = max(0, min(self.cursor, len(lines) - 1))
        if lines != self._shown or top != self.top:
            self._shown, self.top = lines, top
            if self.wanted:
                self._look()
            self.refresh()
