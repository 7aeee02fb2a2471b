from __future__ import annotations

import time

import pytest
from tui_support import (
    History,
    crowded,
    cursor_name,
    folded,
    opened,
    press,
    rows_text,
    screen_lines,
    screen_text,
    step,
    story,
    until,
)

from tracebus.events import BatchMembership
from tracebus.tree import BatchGroup
from tracebus_tui.drawing import ASCII
from tracebus_tui.feed import FeedState
from tracebus_tui.model import Together


def first_column(app):
    return [line[:60].rstrip() for line in rows_text(app)[1:]]


async def test_a_crowd_is_opened_and_closed_by_every_key_that_opens():
    """Space, enter, l and h, and the mouse open a row of many and close it."""
    async with opened(crowded(), at=30) as (app, pilot):
        await folded(app, pilot)
        await press(pilot, "g")
        assert isinstance(app.view.cursor.item, Together)
        assert "≡ 60 finished ok" in first_column(app)[0]
        for key, back in (("space", "space"), ("enter", "enter"), ("l", "h"), ("right", "left")):
            await press(pilot, key)
            assert app.view.cursor.open
            assert "support_bot" in first_column(app)[1]
            await press(pilot, back)
            assert not app.view.cursor.open
        await pilot.click("#runs", offset=(0, 1))
        assert app.view.cursor.open
        await pilot.click("#runs", offset=(20, 1), times=2)
        assert not app.view.cursor.open
        assert not app._zoomed


async def test_errors_and_what_runs_stay_in_sight():
    """The error stands between two crowds; the wide run shows its siblings as one row, then the rest."""
    async with opened(crowded(), size=(120, 60), at=30) as (app, pilot):
        await folded(app, pilot)
        names = [line.replace("…", "") for line in first_column(app)]
        assert "≡ 60 finished ok" in names[0]
        assert "RateLimitError" in names[1]
        assert "≡ 31 finished ok" in names[3]
        wide = next(number for number, name in enumerate(names) if "map_reduce" in name)
        assert "summarise  \u00d735" in names[wide + 1]
        assert "summarise" in names[wide + 2]
        assert "TimeoutError" in names[wide + 2]
        assert sum("⠋r ○ summarise" in name for name in names) == 4


async def test_an_error_is_found_from_a_crowd():
    """E goes from the row the cursor is on, also where that is no run; E back again."""
    async with opened(crowded(), at=30) as (app, pilot):
        await folded(app, pilot)
        await press(pilot, "g", "j", "j", "j")
        assert isinstance(app.view.cursor.item, Together)
        await press(pilot, "e")
        assert app.view.node.run_id == "w3.m"
        await press(pilot, "E")
        assert app.view.node.run_id == "ask60"


async def test_a_key_without_a_run_does_nothing_on_a_crowd():
    """Pin, copy, save, compare and only-this-run need one run; on many they leave everything as it is."""
    async with opened(crowded(), at=30) as (app, pilot):
        await folded(app, pilot)
        await press(pilot, "g", "b", "y", "x", "Z")
        assert not app.view.pins
        assert len(app.screen_stack) == 1
        assert app.view.focus is None
        assert isinstance(app.view.cursor.item, Together)


@pytest.mark.parametrize("tab", ["2", "3", "4", "5", "6"])
async def test_the_detail_says_what_a_crowd_adds_up_to(tab):
    """On every tab."""
    async with opened(crowded(), at=30) as (app, pilot):
        await folded(app, pilot)
        await press(pilot, "g", *["right_square_bracket"] * (int(tab) - 1))
        assert "60 finished ok" in screen_text(app)
        assert "p50" in "\n".join(screen_lines(app)[20:])
        assert any(line.startswith("─ 60 finished ok") for line in screen_lines(app))


async def test_the_cursor_stays_where_it_is_on_the_screen_when_lines_fold_above_it():
    """Sixty rows fold into one above the cursor, and the picture does not jump."""
    async with opened(crowded(), at=30) as (app, pilot):
        app._follow = False
        app.view.reveal(app.model.runs.get("ask95"))
        await step(pilot)
        line = app.view.line - app._runs.top
        before = first_column(app)[line]
        assert app._runs.top > 60
        await folded(app, pilot)
        assert app.view.line < 60
        assert app.view.line - app._runs.top == line
        assert first_column(app)[line].strip("▾▸") == before.strip("▾▸")


async def test_the_line_above_the_rows_says_what_the_first_is_under():
    """With the root out of sight its name stands there, and the parents'; in sight, RUN does."""
    h = History()
    h.start("agent", at=0, kind="agent")
    h.start("step", "agent", at=0)
    h.start("deep", "step", at=0)
    for number in range(60):
        h.start(f"tool{number}", "deep", at=1, kind="tool")
    async with opened(h.events, size=(120, 24), at=5) as (app, pilot):
        await press(pilot, "g")
        assert screen_lines(app)[2].startswith(" RUN ")
        await press(pilot, "G")
        assert screen_lines(app)[2].startswith(" agent \u203a step \u203a deep  ")
        assert "TIME" in screen_lines(app)[2]
        await press(pilot, "g")
        assert screen_lines(app)[2].startswith(" RUN ")


async def test_levels_are_opened_by_digits_after_z():
    """Z asks, a digit opens so many levels, R and M all and none, O and C what is below; others leave it be."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "g", "z")
        assert "1-9 levels" in screen_lines(app)[-1]
        assert "chat gpt-4o-mini" in screen_text(app)  # the runs stay in sight meanwhile
        await press(pilot, "1")
        assert len(app.screen_stack) == 1
        assert len(app.view.rows) == 5
        await press(pilot, "z", "2")
        assert len(app.view.rows) == 13
        await press(pilot, "z", "M")
        assert len(app.view.rows) == 5
        await press(pilot, "z", "R")
        assert len(app.view.rows) == 13
        await press(pilot, "z", "C")
        assert not app.view.cursor.open
        assert len(app.view.rows) == 10
        await press(pilot, "z", "O")
        assert len(app.view.rows) == 13
        for other in ("escape", "q", "5"):
            await press(pilot, "z", other)
        assert len(app.screen_stack) == 1
        assert len(app.view.rows) == 13
        assert app._screen_now == 1


async def test_digits_choose_screens_again_after_a_depth_was_chosen():
    """Only the key right after z is a depth."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "z", "2", "3")
        assert app._screen_now == 3


async def test_bars_on_the_wall_clock(monkeypatch):
    """W draws all bars on one stretch of time, + and - change it, W again returns; the heading says so."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    async with opened(crowded(), at=30) as (app, pilot):
        await folded(app, pilot)
        await press(pilot, "plus")
        assert "W draws all bars" in screen_lines(app)[-1]
        await press(pilot, "G", "W")
        heading = screen_lines(app)[2]
        assert "-30s" in heading
        assert heading.rstrip().endswith("now")
        await press(pilot, "plus")
        assert "-1m" in screen_lines(app)[2]
        await press(pilot, *["plus"] * 9)
        assert "-1h" in screen_lines(app)[2]
        await press(pilot, *["minus"] * 9)
        assert "-30s" in screen_lines(app)[2]
        await press(pilot, "W")
        assert "run time" in screen_lines(app)[2]


async def test_the_wall_clock_goes_to_where_the_cursor_is(monkeypatch):
    """Of runs of long ago the stretch in which they lie is shown, by the time of the day."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    async with opened(crowded()[:400], at=5000) as (app, pilot):
        await press(pilot, "g", "W")
        heading = screen_lines(app)[2]
        assert "08:53:17" in heading
        assert heading.rstrip().endswith("+30s")
        first, last = rows_text(app)[1], rows_text(app)[15]
        bar = app._runs._columns.bar
        assert first[-bar:].index("━") < last[-bar:].index("━")


async def test_the_terminal_without_reports_keeps_its_mouse():
    """Where the mouse cannot be given back, M says so and changes nothing."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "M")
        assert "cannot" in screen_lines(app)[-1]
        assert app._mouse_wanted


async def test_what_is_new_is_counted_while_not_following():
    """The second line says how many roots began since; following again, it does not."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "g")
        assert "new" not in screen_lines(app)[1]
        h = History()
        for number in range(3):
            h.start(f"fresh{number}", at=13)
        app.model.apply(h.events)
        await step(pilot)
        assert "▼ 3 new" in screen_lines(app)[1]
        await press(pilot, "G")
        assert "new" not in screen_lines(app)[1]
        assert cursor_name(app) == "talk"


async def test_a_large_batch_is_opened_on_what_asks_for_attention():
    """Failed and running members come first when space opens it."""
    h = History()
    for number in range(20):
        h.start(f"b{number}", at=0, name="classify", batch=BatchMembership("b", number, 20))
    for number in range(15):
        h.end(f"b{number}", at=1, error="ValueError: no" if number == 7 else None)
    async with opened(h.events, at=2) as (app, pilot):
        await press(pilot, "g")
        assert isinstance(app.view.cursor.item, BatchGroup)
        assert len(app.view.rows) == 1
        await press(pilot, "space")
        marks = [line[2:5] for line in first_column(app)[1:21]]
        assert [mark.strip() for mark in marks[:6]] == ["✗E", "⠋r", "⠋r", "⠋r", "⠋r", "⠋r"]


async def test_rows_of_many_in_ascii():
    """No sign beyond ASCII is drawn with --ascii."""
    async with opened(crowded(), at=30, glyphs=ASCII) as (app, pilot):
        await folded(app, pilot)
        await press(pilot, "g")
        for line in rows_text(app):
            assert line.isascii(), line
        assert "= 60 finished ok" in screen_text(app)


async def test_new_runs_join_a_crowd_while_it_is_followed():
    """The view at the end of the list stays there while rows above it fold."""
    async with opened(crowded(), at=30) as (app, pilot):
        await until(pilot, lambda: app.feed.state is FeedState.ENDED)
        await folded(app, pilot)
        assert app._follow
        assert cursor_name(app) == "chat"
        assert app._runs.top == max(0, len(app.view.rows) - app._runs.page)
