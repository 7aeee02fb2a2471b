"""Lines of text that are scrolled, followed and wrapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from tracebus_tui.detail import lines_of
from tracebus_tui.widgets._lines import LineView

if TYPE_CHECKING:
    from textual import events
    from textual.strip import Strip

    from tracebus_tui.detail import Paragraph
    from tracebus_tui.drawing import Span

_WHEEL = 3


class TextView(LineView, can_focus=True):
    """Shows paragraphs; stays at the end where it was at the end.

    Attributes:
        cursor: the line a cursor is on; `None` for text that is only read.
    """

    DEFAULT_CSS = (
        "TextView { height: 1fr; padding: 0 1; } TextView:focus { background-tint: $foreground 3%; }"
    )

    class Picked(Message):
        """A line was clicked."""

        def __init__(self, view: TextView, line: int) -> None:
            super().__init__()
            self.view = view
            self.line = line

    def __init__(self, *, follow: bool = False, pick: bool = False, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.wrap = True
        self.top = 0
        self.cursor: int | None = 0 if pick else None
        self._follow = follow
        self._paragraphs: list[Paragraph] = []
        self._shown: list[list[Span]] = []

    @property
    def at_end(self) -> bool:
        """Return whether the last line is in sight."""
        return self.top >= len(self._shown) - self.size.height

    def show(self, paragraphs: list[Paragraph], *, restart: bool = False) -> None:
        """Show *paragraphs*; *restart* begins at the top, or at the end of what is followed."""
        self._paragraphs = paragraphs
        stay = self._follow and (restart or self.at_end)
        if restart:
            self.top = 0
        self._reflow(to_end=stay)

    def scroll_lines(self, lines: int) -> None:
        """Move by *lines*."""
        if self.cursor is not None:
            self.cursor = max(0, min(len(self._shown) - 1, self.cursor + lines))
            height = self.size.height
            self.top = min(max(self.top, self.cursor - height + 1), self.cursor)
        else:
            self.top = max(0, min(self.top + lines, len(self._shown) - self.size.height))
        self.refresh()

    def scroll_to_edge(self, *, end: bool) -> None:
        """Move to the first or the last line."""
        self.scroll_lines(len(self._shown) if end else -len(self._shown))

    def toggle_wrap(self) -> None:
        """Break long lines, or let them run out of sight."""
        self.wrap = not self.wrap
        self._reflow(to_end=self.at_end and self._follow)

    def spans_at(self, line: int) -> list[Span]:
        """Return a line of the text."""
        number = self.top + line
        return self._shown[number] if number < len(self._shown) else []

    def render_line(self, y: int) -> Strip:
        """Draw a line, the one with the cursor marked."""
        over = "cursor" if self.cursor is not None and self.top + y == self.cursor else ""
        return self.strip(self.spans_at(y), self.size.width, over)

    def on_resize(self) -> None:
        """Wrap anew."""
        self._reflow(to_end=self._follow and self.at_end)

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
        if self.cursor is not None and self.top + event.y < len(self._shown):
            self.cursor = self.top + event.y
            self.refresh()
            self.post_message(self.Picked(self, self.cursor))

    def _reflow(self, *, to_end: bool) -> None:
        lines = lines_of(self._paragraphs, max(1, self.size.width), wrap=self.wrap and self.cursor is None)
        last = max(0, len(lines) - self.size.height)
        top = last if to_end else min(self.top, last)
        if lines != self._shown or top != self.top:
            self._shown, self.top = lines, top
            self.refresh()
