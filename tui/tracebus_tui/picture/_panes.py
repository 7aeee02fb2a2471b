"""Which widgets the current screen has, and the contents of all screens but the list of runs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tracebus_tui.detail import Paragraph, flow, shown
from tracebus_tui.drawing import clean
from tracebus_tui.picture._margins import ERRORS, LOG, RUNS, TOP, Margins
from tracebus_tui.tables import groups_of, totals_of
from tracebus_tui.widgets import DetailPane, TableView, TextView

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus_tui.detail import Journal
    from tracebus_tui.terminal import Stray
    from tracebus_tui.widgets import RunList

_SAID_FOR = 5.0
_PANE_FROM = 30


class Panes(Margins):
    """The screens beside the runs: the detail, the tables, what the program printed."""

    _runs: RunList
    _detail: TextView
    _pane: DetailPane
    _pane_wanted: bool | None
    _stray: Stray | None
    _stray_seen: int
    _due: dict[str, float]
    """When what is not drawn with every frame is due again."""
    _clock: Callable[[], int]

    def _arrange(self) -> None:
        """Show the widgets that belong to the screen of the moment."""
        pane = self._pane_wanted if self._pane_wanted is not None else self.size.height >= _PANE_FROM
        detail = self._screen_now == RUNS and (self._zoomed or pane)
        shown_ids = {RUNS: "runs", TOP: "top", ERRORS: "errors", LOG: "stray"}
        for number, name in shown_ids.items():
            visible = number == self._screen_now and not (number == RUNS and self._zoomed)
            self.query_one(f"#{name}").display = visible
        self._detail.display = self._pane.display = detail
        self._pane.styles.height = "1fr" if self._zoomed else max(5, round(self.size.height * 0.34) + 1)
        self._pane.fit_to(self.size.width, zoomed=self._zoomed)
        focused = {TOP: "#top", ERRORS: "#errors", LOG: "#stray"}.get(
            self._screen_now, "#detail" if self._zoomed else "#runs"
        )
        if not self.query_one("#prompt").has_focus:
            self.query_one(focused).focus()
        self._runs.forget()
        self._due.clear()

    def _show_table(self) -> None:
        match self._screen_now:
            case 2:
                self.query_one("#top", TableView).put(totals_of(self.model))
            case 3:
                self.query_one("#errors", TableView).put(groups_of(self.model.errors, self._clock()))
            case 4:
                self._show_stray()

    def _show_stray(self) -> None:
        if self._stray is None:
            nothing = (
                "The program runs elsewhere and prints there; with `tracebus run TARGET --tui` it shows here."
            )
            self.query_one("#stray", TextView).show(flow([Paragraph(nothing, "faint")]))
        elif self._stray.count != self._stray_seen:
            self._stray_seen = self._stray.count
            self.query_one("#stray", TextView).show(flow([Paragraph(shown(self._stray.text(), tail=True))]))

    def _show_detail(self, now: int) -> None:
        if not self._detail.display:
            return
        self._pane.show(self.view.cursor.item if self.view.cursor is not None else None, now)

    def on_detail_pane_asked(self, message: DetailPane.Asked) -> None:
        """Ask the source for the chunks of the run whose events are looked at."""
        self.run_worker(
            self._read_chunks(message.journal, message.root_run_id), exclusive=True, group="chunks"
        )

    async def _read_chunks(self, journal: Journal, root_run_id: str) -> None:
        try:
            events = await asyncio.to_thread(self.feed.source.events_of, root_run_id)
        except Exception as error:  # noqa: BLE001 - said to the user; the view goes on
            self.say(f"the single chunks cannot be read: {error}", "error")
        else:
            journal.add(events)
        journal.whole = True
        journal.version += 1

    def say(self, text: str, style: str = "value") -> None:
        """Show *text* in the last line for a while."""
        self._said = (time.monotonic() + _SAID_FOR, clean(text), style)
        self._due.clear()
