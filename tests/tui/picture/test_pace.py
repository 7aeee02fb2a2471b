"""How often a frame is drawn: at a key and at an event at once, seldom when nothing happens, less under load."""

from __future__ import annotations

import asyncio
import threading
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tui_support import DEADLINE, History, opened, screen_text, step, story, until

from tracebus_tui.feed import FeedState
from tracebus_tui.picture import _pace
from tracebus_tui.picture._frames import Frames
from tracebus_tui.picture._pace import LADDER, Pace


def spend(pace, share, seconds, at=0.0, *, refused=False):
    """Let frames take *share* of a core for *seconds*; return when that was over."""
    until = at + seconds
    while at < until:
        at += 1 / pace.fps
        pace.spent(at, share / pace.fps, refused=refused)
    return at


def test_frames_come_often_after_an_event_and_seldom_later():
    """For a second after something happened frames come at full pace; then as spinners need them, or slower."""
    pace = Pace(40)
    pace.wake(100.0)
    assert pace.rest(100.5, turning=False) == 1 / 40
    assert pace.rest(101.5, turning=True) == 0.1
    assert pace.rest(101.5, turning=False) == 0.25


def test_who_asks_for_few_frames_gets_no_more():
    """A pace below the one of spinners holds for them, too."""
    assert Pace(5).rest(10.0, turning=True) == 0.2
    assert Pace(2).rest(10.0, turning=False) == 0.5


def test_too_much_work_means_fewer_frames_and_room_means_more_again():
    """Above 60 % of a core there are fewer frames, a step a second; there are more again where they fit."""
    pace = Pace(40)
    at = spend(pace, 0.8, 2.2)
    assert pace.fps == 20
    assert pace.lowered
    at = spend(pace, 0.5, 5, at)
    assert pace.fps == 20
    spend(pace, 0.1, 20, at)
    assert pace.fps == 40
    assert not pace.lowered


def test_a_slow_terminal_means_fewer_frames():
    """A terminal that does not keep up is sent less, however little it costs us."""
    pace = Pace(40)
    spend(pace, 0.05, 3.5, refused=True)
    assert pace.fps < 30


@given(
    st.floats(1, 60),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3), st.booleans(), st.booleans()), max_size=100),
)
def test_the_pace_stays_on_its_ladder(most, frames):
    """Whatever frames take, the pace is one of the ladder's, and the rest neither nothing nor long."""
    pace, at = Pace(most), 0.0
    for passed, core, refused, turning in frames:
        at += passed
        pace.spent(at, core, refused=refused)
        assert pace.fps == most or pace.fps in LADDER
        assert pace.fps <= most
        assert 1 / most <= pace.rest(at, turning=turning) <= max(0.25, 1 / most, 0.2)


@pytest.fixture
def dozes_for_ever(monkeypatch):
    """Nothing is drawn by time alone, once nothing happens any more."""
    monkeypatch.setattr(_pace, "_AWAKE", 0.0)
    monkeypatch.setattr(_pace, "_STILL", 1e6)
    monkeypatch.setattr(_pace, "_TURNING", 1e6)


async def test_a_key_is_drawn_at_once(dozes_for_ever):
    """A key moves the picture although no frame is due."""
    async with opened(story()) as (app, pilot):
        await until(pilot, lambda: app._frames._dozing)
        painted, line = app.painted, app.view.line
        await pilot.press("k")
        await until(pilot, lambda: app.painted > painted)
        assert app.view.line == line - 1


async def test_an_event_is_drawn_at_once(dozes_for_ever):
    """An event that comes while nothing happens is taken without waiting for a frame that is due."""
    async with opened(story()) as (app, pilot):
        await until(pilot, lambda: app.feed.state is FeedState.ENDED and app._frames._dozing)
        late = History()
        late.start("late", at=13)
        app.feed._waiting.extend(late.events)
        threading.Thread(target=app.feed.arrived).start()
        await until(pilot, lambda: app.model.runs.get("late") is not None)


async def test_a_still_picture_is_not_painted():
    """Frames of a log in which nothing happens paint nothing."""
    async with opened(story()[:20]) as (app, pilot):
        await step(pilot)
        painted = app.painted
        for _ in range(5):
            app.frame()
        assert app.painted == painted


async def test_the_header_says_that_there_are_fewer_frames():
    """Who sees fewer frames than asked for is told how many."""
    async with opened(story()) as (app, pilot):
        assert "fps" not in screen_text(app)
        app._frames.pace._step = 2
        await step(pilot)
        assert "20 fps" in screen_text(app)


async def test_frames_are_apart_however_fast_keys_come():
    """Asked for a frame at every turn of the loop, it draws no more than sixty a second."""
    drawn = []
    frames = Frames(Pace(60), lambda: drawn.append(time.monotonic()), lambda: False, lambda: False)
    async with asyncio.timeout(DEADLINE):
        task = asyncio.create_task(frames.run())
        while len(drawn) < 4:
            frames.hurry()
            await asyncio.sleep(0)
        task.cancel()
    assert all(later - earlier > 1 / 61 for earlier, later in pairwise(drawn))


def test_a_view_beside_the_program_leaves_it_the_time():
    """Where a twentieth of a core is all there is, a busy view comes down to few frames."""
    pace = Pace(15, share=0.05)
    spend(pace, 0.12, 5)
    assert pace.fps == 5
