"""A recording played again: its clock, its controls, and what the screen makes of them."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tui_support import (
    EPOCH,
    SECOND,
    History,
    cursor_name,
    opened,
    press,
    screen_lines,
    screen_text,
    step,
    story,
    until,
)

from tracebus_tui.drawing import ASCII, UNICODE, line_width
from tracebus_tui.drawing._replay import replay_line
from tracebus_tui.feed import SPEEDS, Contents, FeedState, ReplaySource


def errors():
    """Return a recording of ten runs a second apart, of which 3 and 7 fail inside, and their parents with them."""
    h = History()
    for number in range(10):
        h.start(f"r{number}", at=number)
        h.start(f"k{number}", f"r{number}", at=number + 0.1, kind="tool")
        failed = {"error": f"ValueError: no {number}"} if number in (3, 7) else {}
        h.end(f"k{number}", at=number + 0.2, **failed)
        h.end(f"r{number}", at=number + 0.3, **failed)
    return h.events


class Once:
    """Counts how often a recording is read."""

    def __init__(self, events):
        self.events = events
        self.read = 0

    def __iter__(self):
        self.read += 1
        return iter(self.events)


def looked_through(events, max_pause=2.0):
    contents = Contents()
    contents.read(events, max_pause, lambda: False)
    return contents


def test_long_silences_are_shortened():
    """No pause is longer than the longest that is kept, and the rest come after it."""
    h = History()
    for at in (0, 1, 100, 100.5):
        h.start(f"r{at}", at=at)
    assert list(looked_through(h.events).due) == [0, 1, 3, 3.5]
    assert looked_through(h.events).seconds == 3.5


def test_an_error_that_a_graph_words_anew_counts_once():
    """LangGraph adds to the message on the way up: the error is still that of the run inside."""
    h = History()
    h.start("graph", kind="graph")
    h.start("node", "graph", kind="node")
    h.end("node", error="ValueError: no")
    h.end("graph", error="ValueError: no. During task with name node")
    assert [failure.run_id for failure in looked_through(h.events).errors] == ["node"]


def test_an_error_counts_once():
    """Parents that failed with a child are no errors of their own."""
    found = looked_through(errors()).errors
    assert [failure.run_id for failure in found] == ["k3", "k7"]
    assert [failure.number for failure in found] == [15, 31]


async def playing(source, number):
    """Take *number* events from *source*, waiting as it says."""
    taken = []
    async for batch in source.batches(None):
        taken += batch
        if len(taken) >= number:
            return taken
    return taken


async def test_it_plays_all_of_an_iterator_again():
    """What can be read only once is kept, and played again from its beginning."""
    source = ReplaySource(iter(story()), speed=0, max_pause=2)
    assert await playing(source, len(story())) == story()
    assert await playing(source, len(story())) == story()


@given(st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=30, deadline=None)
def test_however_it_is_steered_the_events_come_in_order(goals):
    """Forward by any jumps while standing still: as many as were asked for, none twice, none left out."""

    async def run():
        events = errors()
        source = ReplaySource(events, speed=1, max_pause=2)
        source.pause(paused=True)
        taken = []
        batches = source.batches(None)
        reached = 0
        for goal in goals:
            source.forward_to(goal)
            reached = max(reached, min(goal, len(events)))
            while len(taken) < reached:
                taken += await anext(batches)
            assert taken == events[:reached]
            assert source.played == reached
        await batches.aclose()

    asyncio.run(run())


def test_the_clock_of_a_recording():
    """Its time is the recording's: it goes on at its speed, stands still when paused, and stops at the end."""
    now = [100.0]
    source = ReplaySource(errors(), speed=2, max_pause=2, clock=lambda: now[0])
    source.contents = looked_through(errors())
    source._move_to(1.0)
    now[0] += 2
    assert source.at == 5
    source.pause(paused=True)
    now[0] += 10
    assert source.at == 5
    source.pause(paused=False)
    source.change_speed(-1)
    assert source.speed == 1
    now[0] += 1
    assert source.at == 6
    now[0] += 1000
    assert source.at == source.contents.seconds


def test_speeds_have_ends():
    """Faster than the fastest is the fastest; from `at once` slower is the fastest."""
    source = ReplaySource([], speed=1, max_pause=2)
    for _ in range(30):
        source.change_speed(1)
    assert source.speed == SPEEDS[-1]
    for _ in range(30):
        source.change_speed(-1)
    assert source.speed == SPEEDS[0]
    source = ReplaySource([], speed=0, max_pause=2)
    source.change_speed(-1)
    assert source.speed in SPEEDS


@pytest.mark.parametrize("cells", [20, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_the_line_fits(cells, glyphs):
    """At any width the line is as wide as the screen, and says where it stands."""
    source = ReplaySource(errors(), speed=0.25, max_pause=2)
    source.contents = looked_through(errors())
    line = replay_line(source, glyphs, cells)
    assert line_width(line) == cells or cells < 60
    assert "00:00.0 / 00:09.3" in "".join(text for text, _ in line)


def paused(events, **options):
    source = ReplaySource(events, speed=1, max_pause=2, **options)
    source.pause(paused=True)
    return source


async def at_rest(pilot, source):
    """Wait until the recording has been looked through and what was played is on the screen."""
    await until(pilot, lambda: source.contents.whole)
    await until(pilot, lambda: pilot.app.model.meters.events == source.played)
    await step(pilot)


async def test_steps_forward_and_back():
    """`.` plays one event, `,` takes it back, and the screen shows what was known then."""
    source = paused(errors())
    async with opened([], source=source) as (app, pilot):
        app._clock = source.now
        await at_rest(pilot, source)
        assert "PAUSED" in screen_text(app)
        for number in range(1, 5):
            await press(pilot, "full_stop")
            await until(pilot, lambda number=number: app.model.meters.events == number)
        assert app.model.runs.get("r0").end is not None
        await press(pilot, "comma")
        await until(pilot, lambda: app.model.meters.events == 3)
        assert app.model.runs.get("r0").end is None
        assert app.model.runs.get("k0").end is not None


async def test_from_error_to_error():
    """} goes to the next error and stands still on it, { goes back, and at the end it says so."""
    source = paused(errors())
    async with opened([], source=source) as (app, pilot):
        await at_rest(pilot, source)
        for key, wanted in (("right", "k3"), ("right", "k7"), ("left", "k3")):
            await press(pilot, f"{key}_curly_bracket")
            await until(pilot, lambda: app._awaited is None)
            await at_rest(pilot, source)
            assert cursor_name(app) == wanted
            assert source.paused
        assert "r4" not in screen_text(app)
        await press(pilot, "left_curly_bracket")
        assert "no error before this" in screen_lines(app)[-1]


async def test_tenths():
    """) goes on by a tenth of the recording, ( back, and not beyond its ends."""
    source = paused(errors())
    async with opened([], source=source) as (app, pilot):
        await at_rest(pilot, source)
        for _ in range(5):
            await press(pilot, "right_parenthesis")
            await at_rest(pilot, source)
        middle = source.played
        assert 15 <= middle <= 21
        await press(pilot, "left_parenthesis")
        await at_rest(pilot, source)
        assert source.played < middle
        for _ in range(9):
            await press(pilot, "left_parenthesis")
            await at_rest(pilot, source)
        assert source.played == 0
        assert not len(app.view.rows)


async def test_what_was_chosen_survives_going_back():
    """Filter, order, pins and the run under the cursor are the same after a step back."""
    source = paused(errors())
    async with opened([], source=source) as (app, pilot):
        await at_rest(pilot, source)
        source.forward_to(20)
        await at_rest(pilot, source)
        await press(pilot, "g", "j", "b", "s")
        app.view.set_filter("kind:tool")
        name = cursor_name(app)
        await press(pilot, "comma")
        await until(pilot, lambda: app._awaited is None)
        await at_rest(pilot, source)
        assert app.view.filter_text == "kind:tool"
        assert app.view.order.name == "duration"
        assert len(app.view.pins) == 1
        assert cursor_name(app) == name


async def test_speed_and_pause_by_keys():
    """> and < change the speed, p stops and goes on, and the line says so."""
    source = paused(errors())
    async with opened([], source=source, size=(120, 30)) as (app, pilot):
        await at_rest(pilot, source)
        await press(pilot, "greater_than_sign")
        assert "2x" in screen_lines(app)[-2]
        await press(pilot, "less_than_sign", "less_than_sign")
        assert "0.5x" in screen_lines(app)[-2]
        for _ in range(9):
            await press(pilot, "greater_than_sign")
        await press(pilot, "p")
        assert not source.paused
        await until(pilot, lambda: app.feed.state is FeedState.ENDED)
        await at_rest(pilot, source)
        assert source.played == 40
        assert "END" in screen_lines(app)[-2]


async def test_a_run_of_long_ago_is_as_old_as_it_was():
    """A run that runs in the recording has run for as long as it had then, not since last year."""
    source = paused(errors())
    async with opened([], source=source) as (app, pilot):
        await at_rest(pilot, source)
        source.forward_to(2)
        await at_rest(pilot, source)
        assert source.now() == EPOCH + SECOND // 10
        assert app.model.runs.get("r0").elapsed(source.now()) == pytest.approx(0.1)


async def test_without_a_recording_there_is_nothing_to_steer():
    """The keys of a replay say what they need."""
    async with opened(story()) as (app, pilot):
        for key in ("full_stop", "greater_than_sign", "right_curly_bracket", "left_parenthesis"):
            app._said = (0.0, "", "")
            await press(pilot, key)
            assert "only a recording can be steered" in screen_lines(app)[-1]


async def test_reading_while_it_is_looked_through():
    """Playing begins at once, whether or not the recording has been looked through."""
    recording = Once(errors())
    source = ReplaySource(recording, speed=0, max_pause=2)
    assert await playing(source, 40) == recording.events
    assert recording.read == 2
