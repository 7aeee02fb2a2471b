"""The list of runs: only the lines in sight are drawn, and of those only the ones that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from textual.geometry import Region
from textual.message import Message

from tracebus.tree import RunNode, RunStatus
from tracebus_tui.drawing import Brush, clean, columns_for, heading, path_to, row_spans
from tracebus_tui.model import Together, Wall
from tracebus_tui.widgets._lines import LineView

if TYPE_CHECKING:
    from collections.abc import Hashable

    from textual import events
    from textual.strip import Strip

    from tracebus_tui.drawing import Columns, Glyphs, Span
    from tracebus_tui.model import Item, Row, View

_WHEEL = 3
_TRACK = " "
_HINTS = (
    "No runs to show yet.",
    "",
    "In your program:    from tracebus import observe; observe(chain)",
    "Or, to try it out:  tracebus demo   in another terminal",
)


class _Drawn(NamedTuple):
    """A line on the screen: what it was made from, and what it is."""

    key: Hashable
    spans: list[Span]
    over: str


class RunList(LineView, can_focus=True):
    """Draws a `View`. `frame` brings the screen in line with it; nothing else paints.

    Attributes:
        wall: the wall-clock window the bars are drawn on, where the user wants one.
        top: the line of the view that stands under the heading.
    """

    DEFAULT_CSS = "RunList { height: 1fr; min-height: 4; }"

    class Moved(Message):
        """The user moved the cursor or folded a row with the mouse."""

    class Opened(Message):
        """The user asked for the run under the cursor by a second click."""

    def __init__(self, view: View, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.view = view
        self.glyphs = glyphs
        self.top = 0
        self.wall = Wall()
        self._held: tuple[Item | None, int] = (None, 0)
        """What the cursor was on when last drawn, and on which line of the view that was."""
        self._columns: Columns = columns_for(80)
        self._drawn: list[_Drawn] = []
        self._hints: tuple[str, ...] = ()
        self._heading: list[Span] = []
        self._thumb = (0, 0)
        self.moved = False
        """The user moved, and nobody has heard of it yet: a frame in between must not follow the newest."""

    @property
    def page(self) -> int:
        """Return how many rows fit under the heading."""
        return max(1, self.size.height - 1)

    def frame(self, now: int, tick: int, *, to_end: bool = False) -> int:
        """Bring the lines in line with the view at *now*; return how many were painted anew.

        With *to_end* the last row stays in sight as long as the cursor does.
        """
        self._scroll(to_end=to_end)
        rows = self.view.rows.window(self.top, self.page)
        cursor = self.view.cursor.item if self.view.cursor is not None else None
        window = self.wall.window(cursor, now) if self.wall.shown else None
        brush = Brush(self._columns, self.glyphs, now, tick, window, self.view.source.calls.of)
        fresh = [
            self._draw(row, depth, brush, self._drawn[y] if y < len(self._drawn) else None)
            for y, (row, depth) in enumerate(zip(rows, self.view.rows.depths(rows), strict=True))
        ]
        width = self.size.width
        dirty = [
            Region(0, y + 1, width, 1)
            for y, line in enumerate(fresh)
            if y >= len(self._drawn) or self._drawn[y][1:] != line[1:]
        ]
        if len(fresh) < len(self._drawn):
            dirty.append(Region(0, len(fresh) + 1, width, len(self._drawn) - len(fresh)))
        path = path_to(rows[0], self._columns, self.glyphs) if rows else None
        title = heading(
            self._columns, self.view.order.name, arrow=self.glyphs.arrow, path=path, window=window
        )
        if title != self._heading:
            self._heading = title
            dirty.append(Region(0, 0, width, 1))
        hints = () if fresh else self._hints_now()
        if hints != self._hints:
            self._hints = hints
            dirty = [Region(0, 0, width, self.size.height)]
        self._drawn = fresh
        thumb = self._thumb_now()
        if thumb != self._thumb:
            self._thumb = thumb
            dirty.append(Region(width - 1, 1, 1, self.page))
        if dirty:
            self.refresh(*dirty)
        return len(dirty)

    def forget(self) -> None:
        """Draw everything anew with the next frame."""
        self._drawn = []
        self._heading = []
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw a line: the heading, or a row with its part of the scroll bar."""
        cells = self.size.width
        if y == 0:
            return self.strip(self._heading, cells)
        if y > len(self._drawn):
            hint = self._hints[y - 2] if 2 <= y < len(self._hints) + 2 else ""  # noqa: PLR2004 - under a blank line
            return self.strip([(f"   {hint}", "faint")], cells)
        line = self._drawn[y - 1]
        first, length = self._thumb
        thumb = self.glyphs.done if length and first <= y - 1 < first + length else _TRACK
        return self.strip(
            [*line.spans, (" " * (cells - 1 - self._columns.total), ""), (thumb, "guide")], cells, line.over
        )

    def on_resize(self) -> None:
        """Fit the columns to the new width."""
        self._columns = columns_for(self.size.width - 1)
        self.forget()

    def notify_style_update(self) -> None:
        """Draw everything in the new theme."""
        super().notify_style_update()
        self._drawn = []

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move the cursor with the wheel, which keeps it in sight."""
        event.stop()
        self._wheel(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move the cursor with the wheel, which keeps it in sight."""
        event.stop()
        self._wheel(-_WHEEL)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the row; fold it where the fold sign was hit; open it on a second click."""
        line = self.top + event.y - 1
        if event.y == 0 or line >= len(self.view.rows):
            return
        again = self.view.line == line
        self.view.move_to(line)
        row = self.view.cursor
        if row is not None and row.kids and row.depth * 2 <= event.x <= row.depth * 2 + 1:
            self.view.set_open(row, opened=not row.open)
        elif again and event.chain > 1:
            self.post_message(self.Opened())
        self._say_moved()

    # How it is done.

    def _wheel(self, lines: int) -> None:
        self.view.move_to(self.view.line + lines)
        self._say_moved()

    def _say_moved(self) -> None:
        self.moved = True
        self.post_message(self.Moved())

    def _scroll(self, *, to_end: bool) -> None:
        """Keep the cursor in sight, and in its place on the screen where lines come or go above it."""
        page, total, line = self.page, len(self.view.rows), self.view.line
        item = self.view.cursor.item if self.view.cursor is not None else None
        if to_end:
            self.top = total
        elif item is self._held[0]:
            self.top = max(0, self.top + line - self._held[1])
        self._held = (item, line)
        self.top = min(self.top, line) if line < self.top else max(self.top, line - page + 1)
        self.top = max(0, min(self.top, total - page))

    def _draw(self, row: Row, depth: int, brush: Brush, before: _Drawn | None) -> _Drawn:
        view, item = self.view, row.item
        node = item if isinstance(item, RunNode) else None
        many = item if isinstance(item, Together) else None
        live = (node is None and many is None) or (
            node is not None and RunStatus.RUNNING in (node.status, node.root.status)
        )
        pinned = node is not None and node.run_id in view.pins
        hit = node is not None and node.run_id in view.hits
        over = "cursor" if row is view.cursor else ("hit" if hit and not view.only_hits else "")
        dimmed = bool(view.hits) and view.only_hits and not hit
        key = (
            id(item),
            node.generation if node is not None else (many.version if many is not None else -1),
            (brush.now if live else 0, brush.window, brush.call(node) if node and brush.call else None),
            (row.open, bool(row.kids), row.last, depth, over, pinned, dimmed),
            brush.columns,
        )
        if before is not None and before.key == key:
            return before
        return _Drawn(key, row_spans(row, brush, pinned=pinned, dimmed=dimmed, depth=depth), over)

    def _hints_now(self) -> tuple[str, ...]:
        """Return what to say where there are no rows: how to get some."""
        if not self.view.filter_text or not len(self.view.source.rows):
            return _HINTS
        return (f"No run matches  {clean(self.view.filter_text)}", "", "esc clears the filter, / changes it")

    def _thumb_now(self) -> tuple[int, int]:
        page, total = self.page, len(self.view.rows)
        if total <= page:
            return (0, 0)
        length = max(1, page * page // total)
        return (round(self.top * (page - length) / (total - page)), length)
