"""A text is found in all runs of the log, and the place chosen is gone to."""

from __future__ import annotations

from textual.widgets import OptionList
from tui_support import History, cursor_name, opened, press, screen_text, step, until

from tracebus_tui.feed import FeedState, ListSource
from tracebus_tui.keys._search import Search, excerpt


def told(root, secret):
    """Return a run whose model says *secret*, which is handed on to a tool and up."""
    h = History()
    h.start(root, at=1, kind="agent", inputs="What is late?")
    h.start(f"{root} model", root, at=2, kind="chat_model")
    h.end(f"{root} model", at=3, outputs={"text": f"Well, {secret} is late."})
    h.start(f"{root} tool", root, at=4, kind="tool", inputs={"line": f"Well, {secret} is late."})
    h.end(f"{root} tool", at=5, outputs="\x1b[2Jno answer")
    h.end(root, at=6, outputs=f"Well, {secret} is late.")
    return h.events


async def searched(app, pilot, text):
    """Ask for *text*, and wait until all runs have been looked through."""
    await press(pilot, "F", *text, "enter")
    await until(pilot, lambda: "root runs" in screen_text(app))


async def test_a_text_is_listed_where_it_was_first_and_gone_to():
    """Once, with how many runs have it; enter goes there, though it was closed; nothing acts on the terminal."""
    async with opened([*told("one", "Line 7"), *told("two", "Line 9")]) as (app, pilot):
        await press(pilot, "O", "g")
        await searched(app, pilot, "line 7")
        assert [place.run_id for place in app.screen.places] == ["one model"]
        assert "one / one model, in 3 runs" in screen_text(app)
        assert "in 1 of 2 root runs" in screen_text(app)
        await press(pilot, "enter")
        assert not isinstance(app.screen, Search)
        assert cursor_name(app) == "one model"
        assert not app._follow
        await searched(app, pilot, "no answer")
        assert {place.run_id for place in app.screen.places} == {"one tool", "two tool"}
        assert "\x1b" not in screen_text(app)
        await press(pilot, "escape")
        assert cursor_name(app) == "one model"


async def test_what_is_nowhere_is_said():
    """The list is empty, the field keeps the keys, and a single letter is not looked for."""
    async with opened(told("one", "Line 7")) as (app, pilot):
        await searched(app, pilot, "Line 8")
        assert "in 0 of 1 root runs" in screen_text(app)
        assert app.screen.query_one(OptionList).option_count == 0
        await press(pilot, "home", "ctrl+k", "x", "enter")
        assert "at least 2 characters" in screen_text(app)


class Older(ListSource):
    """A log that has a run the view did not begin with."""

    def roots(self, limit):
        return ["new", "old"][:limit]

    def events_of(self, root_run_id):
        return told(root_run_id, "Line 7" if root_run_id == "old" else "Line 9")


async def test_a_run_older_than_the_view_is_brought_in():
    """It stands where it belongs by its time."""
    source = Older(told("new", "Line 9"))
    async with opened([], source=source) as (app, pilot):
        await until(pilot, lambda: app.feed.state is FeedState.ENDED and not app.feed.backlog)
        await step(pilot)
        await searched(app, pilot, "Line 7")
        await press(pilot, "enter")
        await until(pilot, lambda: cursor_name(app) == "old model")


def test_an_excerpt_shows_what_was_found():
    """In one line, from a little before."""
    assert excerpt("short", "or") == "short"
    long = excerpt("x" * 100 + "\nNeedle\n" + "y" * 1000, "needle")
    assert long.startswith("…xxx")
    assert " Needle y" in long
    assert len(long) < 500
