"""The picture: each frame takes events from the feed and brings the widgets up to date."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import SystemCommand
from textual.events import InputEvent
from textual.widgets import Input

from tracebus_tui.drawing import ASCII, SPELLING, UNICODE, clean
from tracebus_tui.feed import Feed, ReplaySource
from tracebus_tui.model import ORDERS, FilterError, Runs, View
from tracebus_tui.picture._frames import Frames
from tracebus_tui.picture._key_table import KEYS, bindings, name_of
from tracebus_tui.picture._margins import RUNS
from tracebus_tui.picture._pace import Pace
from tracebus_tui.picture._panes import Panes
from tracebus_tui.picture._themes import DARK, LIGHT
from tracebus_tui.tables import error_table, total_table
from tracebus_tui.widgets import Bar, DetailPane, RunList, TableView, TextView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.events import Event
    from textual.screen import Screen

    from tracebus_tui.drawing import Glyphs
    from tracebus_tui.feed import Source
    from tracebus_tui.terminal import Stray
    from tracebus_tui.terminal._companion import Companion

_BUDGET = 0.012
_BEHIND = 5_000
_CHUNK = 250
_TICK = 100_000_000
_DETAIL_EVERY = 0.06
_HEADER_EVERY = 0.2
_MOST_WRITES = 2


class Picture(Panes):
    """Shows the runs of one source, live; `Watch` adds what the keys do.

    Args:
        source: where events come from.
        glyphs: the signs to draw with.
        stray: what the watched program printed.
        companion: the watched program, where it was started for this view.
        title: what to call the source on the screen, where its own label says too little.
        fps: frames a second at most.
        share: part of a core that drawing may take before there are fewer frames.
        motion: whether the spinner turns.
        folder: where saved files go; the working directory by default.
        clock: nanoseconds since the epoch; where not given that of a replay, or the machine's.
    """

    TITLE = "tracebus"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS = bindings()
    CSS = """
    Screen { background: $background; }
    Choice { background: transparent; }
    #prompt { height: 1; border: none; padding: 0 1; background: $panel; display: none; }
    #prompt:focus { border: none; }
    .hidden { display: none; }
    """
    NOTIFICATION_TIMEOUT: ClassVar[float] = 4.0

    def __init__(
        self,
        source: Source,
        *,
        glyphs: Glyphs = UNICODE,
        stray: Stray | None = None,
        companion: Companion | None = None,
        title: str = "",
        fps: float = 40,
        share: float = 0.6,
        motion: bool = True,
        folder: Path | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        super().__init__()
        self.feed = Feed(source)
        self.model = Runs()
        self.view = View(self.model)
        self.glyphs = glyphs
        self.painted = 0
        """Frames in which something was painted."""
        self.label = title or source.label
        self._stray = stray
        self._companion = companion
        self._frames = Frames(Pace(fps, share), self.frame, self._turning, self._congested)
        self._motion = motion
        self._folder = folder
        self._replay = source if isinstance(source, ReplaySource) else None
        self._clock = clock or (time.time_ns if self._replay is None else self._replay.now)
        self._awaited: str | None = None
        """The run to go to when it has ended: an error in a replay."""
        self._follow = True
        self._begun_seen = 0
        self._mouse_wanted = True
        self._paused = False
        self._zoomed = False
        self._pane_wanted: bool | None = None
        self._screen_now = RUNS
        self._said: tuple[float, str, str] = (0.0, "", "")
        self._due: dict[str, float] = {}
        self._filter_at: float | None = None
        self._finding: TextView | None = None
        """The text the prompt finds in; where there is none it filters the runs."""
        self._rebuilt_for = -1
        self._stray_seen = -1

    @property
    def ascii(self) -> bool:
        """Return whether the screen is drawn with ASCII characters only."""
        return self.glyphs is ASCII

    def spell(self, text: str) -> str:
        """Return *text* as one line that no terminal obeys, with our own signs as this screen has them."""
        safe = clean(text)
        return safe.translate(SPELLING) if self.ascii and not safe.isascii() else safe

    # Building.

    def compose(self) -> ComposeResult:
        """Build the screen."""
        yield Bar(id="totals")
        yield Bar(id="tabs")
        yield RunList(self.view, self.glyphs, id="runs")
        yield TableView(total_table(self.glyphs), signs=self.glyphs.sorts, id="top")
        yield TableView(error_table(self.glyphs), signs=self.glyphs.sorts, id="errors")
        yield TextView(id="stray", follow=True)
        yield DetailPane(self.glyphs, id="pane")
        yield Input(id="prompt", select_on_focus=False)
        yield Bar(id="replay")
        yield Bar(id="footer")

    def on_mount(self) -> None:
        """Start the feed and the frames."""
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        if "TEXTUAL_THEME" not in os.environ:
            self.theme = DARK.name
        self._runs = self.query_one("#runs", RunList)
        self._detail = self.query_one("#detail", TextView)
        self._bars = {bar.id: bar for bar in self.query(Bar)}
        self._pane = self.query_one(DetailPane)
        self._bars["replay"].display = self._replay is not None
        self._runs.focus()
        self._arrange()
        self.feed.arrived = self._frames.arrived
        self.feed.start()
        self.run_worker(self._frames.run(), name="frames")

    def on_unmount(self) -> None:
        """Stop the feed."""
        self.feed.stop()

    def on_resize(self) -> None:
        """Show the detail pane where there is room for it."""
        if hasattr(self, "_runs"):
            self.call_later(self._arrange)  # now the application still says its size from before

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Yield every key's command for the palette."""
        del screen
        for key in KEYS:
            if key.action not in ("palette", "step_back"):
                yield SystemCommand(
                    f"{key.group}: {key.says}", f"key {name_of(key)}", self._runner(key.action)
                )

    def _runner(self, action: str) -> Callable[[], Any]:
        async def run() -> None:
            await self.run_action(action)

        return lambda: self.call_later(run)

    async def run_action(self, *args: Any, **options: Any) -> bool:
        """Do what a key says, and show it at once."""
        done = await super().run_action(*args, **options)
        self._frames.hurry()
        return done

    async def on_event(self, event: Event) -> None:
        """Pass *event* on; somebody who types or points sees the picture move."""
        if isinstance(event, InputEvent):
            self._frames.pace.wake(time.monotonic())
        await super().on_event(event)

    # The frame.

    def frame(self) -> None:
        """Take what has come, and bring the screen in line with it."""
        at = time.monotonic()
        if not self._paused:
            self._take(at)
        now = self._clock() // _TICK * _TICK
        if self._filter_at is not None and at >= self._filter_at:
            self._apply_filter()
        if self._screen_now == RUNS and not self._zoomed and not self._congested():
            self._show_runs(now)
        if self._every("header", at, _HEADER_EVERY):
            self._show_header(at)
        if self._every("table", at, _HEADER_EVERY):
            self._show_table()
            # Sorting 5,000 errors takes a while: the keys come first.
            self._due["table"] = at + max(_HEADER_EVERY, 10 * (time.monotonic() - at))
        if self._every("detail", at, _DETAIL_EVERY):
            self._show_detail(now)

    def _take(self, at: float) -> None:
        budget = _BUDGET * (2 if self.feed.backlog > _BEHIND else 1)
        until = time.perf_counter() + budget
        if self.feed.backlog:
            self._frames.pace.wake(at)
        while events := self.feed.take(_CHUNK):
            self.model.apply(events)
            if self._pane.journal is not None:
                self._pane.journal.add(events)
            if time.perf_counter() > until:
                break
        if lost := self.feed.take_lost():
            self.model.lose(lost)
        if (open_runs := self.feed.take_open_runs()) is not None:
            self.model.resync(open_runs)
        if self._every("tidy", at, 0.2):
            self.model.tidy(self._clock())
            self._refresh_view()
        if self._awaited is not None:
            self._reveal_awaited()

    def _begin_again(self) -> None:
        """Forget all runs, and read the source from its beginning."""
        self.feed.stop()
        before = self.view
        item = before.node
        self._awaited = self._awaited or (item.run_id if item is not None and not self._follow else None)
        self.feed = Feed(self.feed.source)
        self.feed.arrived = self._frames.arrived
        self.model = Runs()
        self.view = self._runs.view = View(self.model)
        self.view.pins.update(before.pins)
        self.view.only_hits, self.view.focus = before.only_hits, before.focus
        self.view.order_by(before.order, reverse=before.reversed)
        self.view.set_filter(before.filter_text)
        self._rebuilt_for = -1
        self._runs.forget()
        self._pane.forget()
        self.feed.start()

    def _reveal_awaited(self) -> None:
        """Go to the run that was waited for, once it is there."""
        node = self.model.runs.get(self._awaited) if self._awaited is not None else None
        if node is not None and (node.end is not None or not self.feed.backlog) and self.view.reveal(node):
            self._awaited = None

    def _refresh_view(self) -> None:
        """Bring a filtered or sorted view up to date, no more often than it can afford."""
        generation = self.model.runs.generation
        sorted_by = self.view.order is not ORDERS[0] or self.view.reversed
        if generation == self._rebuilt_for or not (self.view.narrowed or self.view.hits or sorted_by):
            return
        at = time.perf_counter()
        if at < self._due.get("rebuild", 0.0):
            return
        self.view.rebuild()
        self._rebuilt_for = generation
        took = time.perf_counter() - at
        self._due["rebuild"] = at + max(0.3, 10 * took)

    def _show_runs(self, now: int) -> None:
        self.view.settle()
        if self._follow and not self._paused and not self._runs.moved:
            self._to_newest()
        tick = now // _TICK if self._motion else 0
        if self._runs.frame(now, tick, to_end=self._follow):
            self.painted += 1

    def _to_newest(self) -> None:
        newest = self.model.newest()
        row = self.model.row_for(newest)
        if row is None or self.view.narrowed:
            self.view.move_to(len(self.view.rows) - 1)
        else:
            self.view.cursor = self.view.rows.shown(row)

    def _turning(self) -> bool:
        """Tell whether something shown changes by time alone."""
        playing = self._replay is not None and not (self._replay.paused or self._replay.ended)
        return playing or bool(self.model.runs.running)

    def _congested(self) -> bool:
        """Tell whether the terminal takes no more: a frame more would block the keys."""
        writer = getattr(self._driver, "_writer_thread", None)
        queue = getattr(writer, "_queue", None)
        return queue is not None and queue.qsize() > _MOST_WRITES

    def _every(self, what: str, at: float, seconds: float) -> bool:
        if at < self._due.get(what, 0.0):
            return False
        self._due[what] = at + seconds
        return True

    # What the keys and the frame have in common.

    def _unfollow(self) -> None:
        self._follow = False

    def _jump(self, found: bool, otherwise: str) -> None:  # noqa: FBT001 - whether it worked
        if found:
            self._unfollow()
        else:
            self.say(otherwise)

    @property
    def _text_in_focus(self) -> TextView | None:
        return self.focused if isinstance(self.focused, TextView) else None

    @property
    def _table_in_focus(self) -> TableView | None:
        return self.focused if isinstance(self.focused, TableView) else None

    def _apply_filter(self) -> None:
        self._filter_at = None
        text = self.query_one("#prompt", Input).value
        if self._finding is not None:
            if text != self._finding.wanted:
                self._finding.find(text)
            self.say(self._finding.said if text else "")
            return
        if text == self.view.filter_text:
            return
        try:
            self.view.set_filter(text)
        except FilterError as error:
            self.say(str(error), "error")
        else:
            self._unfollow()
            if self.view.hits and (node := self.view.node) is not None and node.run_id not in self.view.hits:
                self.view.next_hit()
            self._due.clear()
