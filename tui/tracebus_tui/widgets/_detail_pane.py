"""The detail pane: what is known of one run, in tabs, with its facts beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace
from textual.containers import Horizontal, Vertical
from textual.message import Message

from tracebus.text import first_line
from tracebus.tree import RunNode, RunStatus
from tracebus_tui.detail import (
    EVENTS,
    TABS,
    Events,
    Journal,
    Look,
    Paragraph,
    aligned,
    facts_of,
    flow,
    layout_of,
    version_of,
)
from tracebus_tui.drawing import clean, cut, width
from tracebus_tui.model import Together
from tracebus_tui.widgets._lines import Bar, plain_border
from tracebus_tui.widgets._text import TextView

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tracebus_tui.drawing import Glyphs, Span
    from tracebus_tui.model import Item

_SIDE_FROM = 100
_LONGEST_NAME = 80
_LONGEST_FACT = 400


class DetailPane(Vertical):
    """Shows one run or batch. `show` brings it up to date; nothing is drawn where nothing changed.

    Attributes:
        tab: which of `TABS` is shown.
        zoomed: whether it has the whole screen, where digits choose tabs.
        journal: the single chunks of the run, while its events are looked at.
    """

    DEFAULT_CSS = """
    DetailPane { height: 12; }
    DetailPane > Horizontal { height: 1fr; }
    DetailPane #detail { width: 1fr; }
    DetailPane #side { width: 38; border-left: vkey $panel; }
    DetailPane #side:focus { background-tint: $foreground 0%; }
    """

    class Asked(Message):
        """The single chunks of a run are wanted, which only its source may have."""

        def __init__(self, journal: Journal, root_run_id: str) -> None:
            super().__init__()
            self.journal = journal
            self.root_run_id = root_run_id

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.glyphs = glyphs
        self.tab = TABS[0]
        self.zoomed = False
        self.journal: Journal | None = None
        self._look = Look()
        self._item: Item | None = None
        self._version: object = object()
        self._where: object = None

    def compose(self) -> ComposeResult:
        """Build the line of tabs, the text and the facts."""
        yield Bar(id="facts")
        with Horizontal():
            yield TextView(id="detail")
            yield TextView(id="side")

    def on_mount(self) -> None:
        """Find what was built."""
        self._text = self.query_one("#detail", TextView)
        self._side = self.query_one("#side", TextView)
        self._side.wrap = False
        plain_border(self._side)

    def on_resize(self) -> None:
        """Draw the line of tabs anew, which is as long as the pane is wide."""
        self.forget()

    def fit_to(self, cells: int, *, zoomed: bool) -> None:
        """Fit it to a screen of *cells* cells, all of it where it is *zoomed*."""
        self.zoomed = zoomed
        self._side.display = cells >= _SIDE_FROM
        self.forget()

    def forget(self) -> None:
        """Show everything anew next time."""
        self._version = object()

    def show(self, item: Item | None, now: int) -> None:
        """Show *item* as it is at *now* (ns since the epoch)."""
        self._item = item
        self._keep_journal(item)
        version = version_of(item, self.tab, self._look, self.journal, now)
        if version == self._version:
            return
        self._version = version
        where = (item.run_id if isinstance(item, RunNode) else None, self.tab)
        restart, self._where = where != self._where, where
        self.query_one(Bar).show(self._heading(item))
        events = self.tab == EVENTS and isinstance(item, RunNode)
        # What is still written is followed; what is finished is read from its beginning.
        self._text.follow = isinstance(item, RunNode) and item.status is RunStatus.RUNNING
        layout = layout_of(item, self.tab, self._look, self.journal, now)
        self._text.show(layout, restart=restart, pick=events)
        if self._side.display:
            self._side.show(flow(_beside(item, now)), restart=restart)

    # What the keys do.

    def choose(self, tab: str) -> None:
        """Show *tab*."""
        self.tab = tab

    def step(self, tabs: int) -> None:
        """Show the tab so many further on, round the end."""
        self.tab = TABS[(TABS.index(self.tab) + tabs) % len(TABS)]

    def toggle_markdown(self) -> bool:
        """Render Markdown, or show it as it is written; return whether it is rendered now."""
        rendered = not self._look.renders(self._item)
        self._look = replace(self._look, rendered=rendered)
        return rendered

    def toggle_history(self) -> bool:
        """Show all of a conversation, or only what is new in it; return whether it is all now."""
        self._look = replace(self._look, whole=not self._look.whole)
        return self._look.whole

    def toggle_stretch(self, line: int | None = None) -> bool:
        """Open or close the stretch of chunks on *line*, the cursor's by default; tell if there is one."""
        lines = self._text.lines
        place = self._text.cursor if line is None else line
        stretch = lines.stretch_at(place) if isinstance(lines, Events) and place is not None else None
        if stretch is None or not isinstance(lines, Events):
            return False
        self._text.move_to(lines.line_of(stretch))
        self._look = replace(self._look, opened=self._look.opened ^ {stretch})
        self.forget()
        return True

    # How it is done.

    def _keep_journal(self, item: Item | None) -> None:
        """Begin to keep the single chunks of *item* while its events are shown, and only then."""
        if self.tab != EVENTS or not isinstance(item, RunNode):
            self.journal = None
        elif self.journal is None or self.journal.run_id != item.run_id:
            self.journal = Journal(item.run_id)
            self._look = Look(rendered=self._look.rendered)
            self.post_message(self.Asked(self.journal, item.root_run_id))

    def _heading(self, item: Item | None) -> list[Span]:
        cells = self.size.width
        called = item.title if isinstance(item, Together) else item.name if item is not None else "no run"
        name = clean(called[:_LONGEST_NAME])
        spans: list[Span] = [
            (f"{self.glyphs.rule} ", "guide"),
            (cut(name, max(8, cells - 60)), "title"),
            ("  ", ""),
        ]
        for number, tab in enumerate(TABS, 1):
            mark = f"{number} " if self.zoomed else ""
            spans.append((f" {mark}{tab} ", "tab" if tab == self.tab else "faint"))
        used = sum(width(text) for text, _ in spans)
        return [*spans, (self.glyphs.rule * max(0, cells - used), "guide")]


def _beside(item: Item | None, now: int) -> list[Paragraph]:
    """Return the facts that stand beside whatever tab is shown."""
    if not isinstance(item, RunNode):
        return []
    facts = facts_of(item, now)
    pad = aligned(name for name, _ in facts)
    return [Paragraph(pad(name) + first_line(value, _LONGEST_FACT)) for name, value in facts]
