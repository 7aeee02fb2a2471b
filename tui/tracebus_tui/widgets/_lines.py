"""A widget that draws spans of text line by line: the only place where text becomes Textual's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tracebus_tui.drawing import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus_tui.drawing import Span

_COLOURS = {
    "ok": "$text-success",
    "error": "$text-error",
    "running": "$text-primary",
    "cancelled": "$text-warning",
    "abandoned": "$text-warning",
    "interrupted": "$text-accent",
    "lost": "$text-muted",
    "retried": "$text-warning",
    "near": "$text-warning",
    "paused": "$text-warning",
    "remark": "$text-warning",
    "model": "$text-primary",
    "tool": "$text-warning",
    "retriever": "$text-secondary",
    "agent": "$text-accent",
    "chain": "$foreground-muted",
    "name": "$foreground",
    "value": "$foreground",
    "faint": "$foreground-darken-3",
    "guide": "$foreground-darken-3",
    "wait": "$foreground-darken-3",
    "token": "$warning",
    "tokens": "$text-success",
    "cost": "$text-warning",
    "heading": "$foreground-darken-3",
    "path": "$text-accent",
    "title": "$text-accent",
    "key": "$text-warning",
    "tab": "$foreground",
    "strong": "$foreground",
    "emphasis": "$foreground",
    "code": "$text-secondary",
    "link": "$text-primary",
    "removed": "$text-error",
    "added": "$text-success",
    "found": "$text-warning",
    "found-now": "$text-warning",
}
_TEXT_STYLES = {
    **dict.fromkeys(("error", "title", "token", "tab", "key", "strong", "removed", "added"), "bold"),
    "emphasis": "italic",
    "link": "underline",
    "found": "underline",
    "found-now": "reverse",
}

_CSS = "\n".join(
    f"    & > .s--{name} {{ color: {colour}; text-style: {_TEXT_STYLES.get(name, 'none')}; }}"
    for name, colour in _COLOURS.items()
)


def _no_look(_name: str) -> Style:
    return Style.null()


def plain_border(widget: Widget) -> None:
    """Draw the borders of *widget* in ASCII, where the screen is."""
    if getattr(widget.app, "ascii", False):
        edges = widget.styles.border
        for name, edge in zip(("top", "right", "bottom", "left"), edges, strict=True):
            if edge[0]:
                setattr(widget.styles, f"border_{name}", ("ascii", edge[1]))


class LineView(Widget):
    """Draws lines of spans. Nothing in them is parsed: no markup, and no character a terminal obeys."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"s--{name}" for name in _COLOURS} | {"s--cursor", "s--hit"}
    DEFAULT_CSS = f"""
    LineView {{
{_CSS}
    & > .s--tab {{ background: $primary-muted; }}
    & > .s--cursor {{ background: $primary-muted; }}
    & > .s--hit {{ background: $warning-muted; }}
    }}
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._looks: dict[str, Style] = {}

    def look(self, name: str) -> Style:
        """Return the style of that name in the theme of the moment."""
        style = self._looks.get(name)
        if style is None:
            style = self.get_component_rich_style(f"s--{name}", partial=True) if name else Style.null()
            self._looks[name] = style
        return style

    def notify_style_update(self) -> None:
        """Forget the old theme's styles."""
        super().notify_style_update()
        self._looks.clear()

    def strip(self, spans: list[Span], cells: int, over: str = "") -> Strip:
        """Return *spans* as a line of exactly *cells* cells; *over* names a background for all of it."""
        base = self.rich_style
        look: Callable[[str], Style] = self.look
        if over and self.app.current_theme.ansi:
            # The terminal's own colours have no shades: the line is turned round, as one and not in patches.
            base, look = base + Style(reverse=True), _no_look
        elif over:
            base += Style(bgcolor=self.look(over).bgcolor)
        spell = getattr(self.app, "spell", clean)
        segments = [Segment(spell(text), base + look(style)) for text, style in spans]
        return Strip(segments).adjust_cell_length(cells, base)

    def spans_at(self, line: int) -> list[Span]:
        """Return what stands on *line* of the widget; subclasses say."""
        raise AssertionError(f"{type(self).__name__} does not say what is on line {line}")

    def render_line(self, y: int) -> Strip:
        """Draw a line."""
        return self.strip(self.spans_at(y), self.size.width)


class Bar(LineView):
    """One line that is set from outside, and painted only when it changed."""

    DEFAULT_CSS = "Bar { height: 1; background: $panel; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._spans: list[Span] = []

    def show(self, spans: list[Span]) -> None:
        """Show *spans*."""
        if spans != self._spans:
            self._spans = spans
            self.refresh()

    def spans_at(self, line: int) -> list[Span]:  # noqa: ARG002 - there is one line
        """Return the line."""
        return self._spans
