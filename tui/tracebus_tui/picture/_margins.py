"""What stands above and below the runs: totals, screens, remarks, a replay's position, the last line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App

from tracebus.text import first_line
from tracebus_tui.drawing import clean, cut, width
from tracebus_tui.drawing._header import breadcrumb, honesty, tabs, totals
from tracebus_tui.drawing._replay import replay_line
from tracebus_tui.model import ORDERS
from tracebus_tui.picture._key_table import (
    LOG_FOOTER,
    REPLAY_FOOTER,
    RUNS_FOOTER,
    TABLE_FOOTER,
    TEXT_FOOTER,
    key_of,
    name_of,
)
from tracebus_tui.tables import uncounted
from tracebus_tui.widgets import TableView, TextView

if TYPE_CHECKING:
    from tracebus_tui.drawing import Glyphs, Span
    from tracebus_tui.feed import Feed, ReplaySource
    from tracebus_tui.model import Runs, View
    from tracebus_tui.picture._frames import Frames
    from tracebus_tui.terminal._companion import Companion
    from tracebus_tui.widgets import Bar

RUNS, TOP, ERRORS, LOG = range(1, 5)


class Margins(App[int]):
    """Says in the lines around the runs how things stand; `Picture` says when."""

    feed: Feed
    model: Runs
    view: View
    glyphs: Glyphs
    label: str
    _bars: dict[str | None, Bar]
    _companion: Companion | None
    _frames: Frames
    _replay: ReplaySource | None
    _begun_seen: int
    """How many root runs had begun when the view was last at the newest."""
    _follow: bool
    _mouse_wanted: bool
    _paused: bool
    _said: tuple[float, str, str]
    _screen_now: int
    _zoomed: bool

    def _show_header(self, at: float) -> None:
        if self.feed.caught_up:
            self.model.meters.sample(at)
        cells = self.size.width
        self._bars["totals"].show(
            totals(self.model, self.feed, self.glyphs, cells, paused=self._held, label=self.label)
        )
        honest = honesty(self.model, self.feed)
        if self._zoomed:  # there digits choose the tabs of the run
            line = breadcrumb(self.view.node, self._remarks(), honest, cells)
        else:
            line = tabs(self._screen_now, self._remarks(), honest, cells)
        self._bars["tabs"].show(line)
        if self._replay is not None:
            self._bars["replay"].show(replay_line(self._replay, self.glyphs, cells))
        self._bars["footer"].show(self._footer(at, cells))

    @property
    def _held(self) -> bool:
        """Return whether the picture stands still because the user said so."""
        return self._paused or (self._replay is not None and self._replay.paused and not self._replay.ended)

    def _place_remarks(self) -> list[Span]:
        """Return whether the newest run is followed, else how many are new; and who has the mouse."""
        new = self._begun_unseen()
        remarks: list[Span] = []
        if self._follow and self._screen_now == RUNS:
            remarks.append(("follow", "ok"))
        elif new and self._screen_now == RUNS:
            remarks.append((f"{self.glyphs.sorts[0]} {new:,} new", "running"))
        if not self._mouse_wanted:
            remarks.append(("mouse off", "remark"))
        return remarks

    def _begun_unseen(self) -> int:
        """Return how many root runs began since the newest was last followed."""
        begun = self.model.runs.root_counts.total
        if self._follow or begun < self._begun_seen:
            self._begun_seen = begun
        return begun - self._begun_seen

    def _remarks(self) -> list[Span]:
        view = self.view
        remarks: list[Span] = []
        if self._paused:
            remarks.append((f"{self.feed.backlog} waiting", "remark"))
        if self._companion is not None and (code := self._companion.code) is not None:
            remarks.append((f"program ended ({code})", "error" if code else "ok"))
        if self.feed.trouble:
            remarks.append((first_line(self.feed.trouble, 200), "error"))
        if self._frames.pace.lowered:
            remarks.append((f"{self._frames.pace.fps:g} fps", "remark"))
        remarks += self._place_remarks()
        if view.order is not ORDERS[0] or view.reversed:
            remarks.append((f"sort:{view.order.name}{' reversed' if view.reversed else ''}", "remark"))
        if view.filter_text:
            remarks.append((f"filter {clean(view.filter_text)}: {len(view.hits)}", "remark"))
        if view.focus:
            remarks.append(("one run only", "remark"))
        remarks += self._table_remarks()
        return remarks

    def _table_remarks(self) -> list[Span]:
        if self._screen_now not in (TOP, ERRORS):
            return []
        table = self.query_one("#top" if self._screen_now == TOP else "#errors", TableView).table
        remarks = [(f"sort:{table.order}", "remark")]
        if self._screen_now == ERRORS and (others := uncounted(self.model.runs.counts)):
            remarks.append((others, "faint"))
        return remarks

    def _footer(self, at: float, cells: int) -> list[Span]:
        until, text, style = self._said
        if at < until:
            return [(f" {cut(text, cells - 2)}", style)]
        spans: list[Span] = []
        used = 0
        for action, word in self._hints():
            name = name_of(key_of(action)).split()[0]
            used += width(name) + len(word) + 4
            if used <= cells:
                spans += [(f" {name}", "key"), (f" {word}  ", "value")]
        return spans

    def _hints(self) -> tuple[tuple[str, str], ...]:
        """Return the actions worth naming where the keys are."""
        match self.focused:
            case TableView():
                return TABLE_FOOTER
            case TextView() if self._screen_now == LOG:
                return LOG_FOOTER
            case TextView():
                return TEXT_FOOTER
            case _:
                return RUNS_FOOTER if self._replay is None else REPLAY_FOOTER
