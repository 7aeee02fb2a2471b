from __future__ import annotations

import json
import stat

import pytest
from tui_support import (
    cursor_name,
    opened,
    press,
    rounds,
    rows_text,
    screen_lines,
    screen_text,
    step,
    story,
    until,
)

from tracebus_tui._app import Watch
from tracebus_tui.detail import TABS
from tracebus_tui.keys import _counting
from tracebus_tui.picture._key_table import KEYS, name_of


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.action)
def test_every_key_of_the_table_does_something(key):
    """No line of the table, and so of the help, names a method that is not there."""
    assert callable(getattr(Watch, f"action_{key.action.partition('(')[0]}"))
    assert name_of(key)


async def test_moving():
    """Vi keys and arrows move; the ends are the ends."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "g")
        assert cursor_name(app) == "agent"
        await press(pilot, "j", "down")
        assert cursor_name(app) == "chat"
        await press(pilot, "k", "up", "up")
        assert cursor_name(app) == "agent"
        await press(pilot, "end")
        await press(pilot, "f")
        assert not app._follow
        await press(pilot, "home", "pagedown")
        assert app.view.line > 5
        await press(pilot, "ctrl+u")
        assert app.view.line == 0


async def test_folding():
    """H and l close, open, and walk up and down; space toggles; o and O take all."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "g", "l")
        assert cursor_name(app) == "search"
        await press(pilot, "h")
        assert cursor_name(app) == "agent"
        await press(pilot, "h")
        assert not app.view.cursor.open
        assert "search" not in screen_text(app)
        await press(pilot, "right")
        assert app.view.cursor.open
        await press(pilot, "space")
        assert not app.view.cursor.open
        await press(pilot, "o")
        assert len(app.view.rows) == 13
        await press(pilot, "O")
        assert len(app.view.rows) == 5


async def test_only_one_run():
    """Z shows a run alone, and all again; escape does too."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "g", "Z")
        assert len(app.view.rows) == 4
        await press(pilot, "Z")
        assert len(app.view.rows) == 13
        await press(pilot, "Z", "escape")
        assert len(app.view.rows) == 13


async def test_filtering_as_it_is_typed():
    """/ filters while typing, enter keeps, escape clears; the cursor goes to a hit."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "slash")
        for key in "kind:tool":
            await pilot.press("colon" if key == ":" else key)
        await until(pilot, lambda: app.view.filter_text == "kind:tool")
        await press(pilot, "enter")
        assert cursor_name(app) == "lookup"
        assert [line.strip("▾├╰─│ ✓E✗◆⚒").split()[0] for line in rows_text(app)[1:3]] == ["agent", "lookup"]
        assert "filter kind:tool: 1" in screen_text(app)
        await press(pilot, "j", "escape")
        assert len(app.view.rows) == 13
        assert cursor_name(app) == "lookup"


async def test_a_wrong_filter_is_explained():
    """What makes no sense is said in the last line, and the last filter that made sense stays."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "slash", *["colon" if key == ":" else key for key in "kund:x"])
        await press(pilot, "enter")
        assert "there is no field 'kund'" in screen_lines(app)[-1]
        assert app.view.filter_text != "kund:x"


async def test_hits_in_context():
    """& marks hits among all runs; n and N walk them."""
    async with opened(story()) as (app, pilot):
        app.view.set_filter("kind:model")
        await press(pilot, "ampersand")
        assert len(app.view.rows) == 13
        await press(pilot, "g", "n")
        assert cursor_name(app) == "chat"
        await press(pilot, "n")
        assert cursor_name(app) == "talk"
        await press(pilot, "N")
        assert cursor_name(app) == "chat"


async def test_errors_slowest_dearest():
    """E and E walk the errors, L goes to the slowest, $ to the most expensive."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "g", "e")
        assert cursor_name(app) == "lookup"
        await press(pilot, "e")
        assert cursor_name(app) == "broken"
        await press(pilot, "E")
        assert cursor_name(app) == "lookup"
        await press(pilot, "dollar_sign")
        assert cursor_name(app) == "chat"
        await press(pilot, "L")
        assert cursor_name(app) == "classify"


async def test_sorting():
    """S goes through the orders, S turns them round, and the header says so."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "s")
        assert "RUN by duration" in screen_text(app)
        assert app.view.rows.at(0).item.name == "agent"
        await press(pilot, "S")
        assert app.view.rows.at(0).item.name != "agent"
        assert "reversed" in screen_text(app)


async def test_pins_and_comparing():
    """B pins, ' goes to pins, c shows two runs side by side, escape returns."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "c")
        assert "pin a run" in screen_lines(app)[-1]
        await press(pilot, "g", "b", "j", "j")
        assert "★ agent" in screen_text(app)
        await press(pilot, "c")
        text = screen_text(app)
        assert "agent" in text
        assert "openai gpt-4o-mini" in text
        await press(pilot, "j", "k", "escape")
        await press(pilot, "apostrophe")
        assert cursor_name(app) == "agent"
        await press(pilot, "b")
        assert not app.view.pins


async def test_following_and_unfollowing():
    """F follows the model that talks; moving stops it; G follows again."""
    async with opened(story()) as (app, pilot):
        assert cursor_name(app) == "talk"
        await press(pilot, "k")
        assert not app._follow
        await press(pilot, "f")
        assert cursor_name(app) == "talk"
        await press(pilot, "g")
        assert not app._follow
        await press(pilot, "G")
        assert app._follow


async def test_pausing():
    """P holds the picture: events wait, are counted, and come when it goes on."""
    async with opened(story()[:20]) as (app, pilot):
        await press(pilot, "p")
        app.feed._waiting.extend(story()[20:])
        await press(pilot, "j")
        text = screen_text(app)
        assert "PAUSED" in text
        assert f"{len(story()) - 20} waiting" in text
        assert "talk" not in text
        await press(pilot, "p")
        assert "talk" in screen_text(app)


async def test_opening_a_run():
    """Enter shows the run over the whole screen; digits and brackets choose tabs; J goes on; escape returns."""
    async with opened(story(), size=(80, 24)) as (app, pilot):
        await press(pilot, "g", "j", "j", "enter")
        assert "Line 7 is late." in screen_text(app)
        for number, tab in enumerate(TABS, 1):
            await press(pilot, str(number))
            assert app._pane.tab == tab
        await press(pilot, "left_square_bracket")
        assert app._pane.tab == "Events"
        await until(pilot, lambda: app._pane.journal.whole)
        await step(pilot)
        assert "2 chunks in 0.40s, 2.5/s, to #6" in screen_text(app)
        await press(pilot, "right_square_bracket")
        assert app._pane.tab == "Raw"
        await press(pilot, "4", "J")
        assert "no answer from the depot" in screen_text(app)
        await press(pilot, "K")
        assert "no error" in screen_text(app)
        await press(pilot, "w", "escape")
        assert "RUN" in screen_text(app)


async def test_the_pane():
    """V shows and hides the detail; tab moves the keys between it and the runs."""
    async with opened(story(), size=(80, 24)) as (app, pilot):
        assert not app._detail.display
        await press(pilot, "v")
        assert app._detail.display
        await press(pilot, "tab")
        assert app.focused is app._detail
        line = app.view.line
        await press(pilot, "j")
        assert app.view.line == line
        await press(pilot, "tab")
        assert app.focused is app._runs
        await press(pilot, "v")
        assert not app._detail.display


async def test_the_other_screens():
    """2 adds up by model, 3 lists errors and enter goes to one, 4 is the log, 1 the runs."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "2")
        assert "gpt-4o-mini" in screen_text(app)
        assert "$" in screen_text(app)
        await press(pilot, "3")
        assert "ValueError: bad input 42" in screen_text(app)
        assert "TimeoutError: no answer" in screen_text(app)
        await press(pilot, "j", "enter")
        assert cursor_name(app) == "lookup"
        await press(pilot, "4")
        assert "tracebus run TARGET --tui" in screen_text(app)
        await press(pilot, "1")
        assert "agent" in screen_text(app)


async def test_copying():
    """Y asks what, and what is copied is whole and raw."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "g", "j", "j", "y")
        assert "run id" in screen_lines(app)[-1]
        await press(pilot, "o")
        assert app.clipboard == "Line 7 is late."
        await press(pilot, "y", "r")
        assert app.clipboard == "chat"
        await press(pilot, "y", "i")
        assert json.loads(app.clipboard)["messages"][0]["content"] == "Be brief."
        await press(pilot, "y", "j")
        assert json.loads(app.clipboard.splitlines()[0])["type"] == "run_started"
        await press(pilot, "y", "escape")
        await press(pilot, "j", "y", "e")
        assert app.clipboard == "Traceback …"


async def test_saving(tmp_path):
    """X writes the whole root run, for its owner's eyes only, and says where."""
    async with opened(story(), folder=tmp_path) as (app, pilot):
        await press(pilot, "g", "j", "x")
        await until(pilot, lambda: any(tmp_path.iterdir()))
        await until(pilot, lambda: "saved" in app._said[1])
        (path,) = tmp_path.iterdir()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(path.read_text().splitlines()) == 11


async def test_a_picture(tmp_path):
    """ctrl+s writes the screen as SVG."""
    async with opened(story(), folder=tmp_path) as (_, pilot):
        await press(pilot, "ctrl+s")
        (path,) = tmp_path.iterdir()
        assert path.suffix == ".svg"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "gpt-4o-mini" in path.read_text()


async def test_themes_and_help_and_palette():
    """T changes the theme, ? shows every key, : opens the palette with every command."""
    async with opened(story(), size=(120, 60)) as (app, pilot):
        before = app.theme
        await press(pilot, "T")
        assert app.theme != before
        await press(pilot, "question_mark")
        text = screen_text(app)
        for key in KEYS[:20]:
            assert key.says in text
        await press(pilot, "j", "pagedown", "escape")
        await press(pilot, "colon")
        assert app.screen is not app.screen_stack[0]
        await press(pilot, "escape")
        assert len(list(app.get_system_commands(app.screen))) > len(KEYS) - 5


async def test_no_color_refuses_themes(monkeypatch):
    """With NO_COLOR the theme stays: a coloured one would be drawn black on black."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(story()) as (app, pilot):
        before = app.theme
        await press(pilot, "T")
        assert app.theme == before
        assert "NO_COLOR" in screen_lines(app)[-1]


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_quitting(key):
    """Q and ctrl+c leave with code 0."""
    async with opened(story()) as (app, pilot):
        await pilot.press(key)
        await pilot.pause()
        assert app.return_code == 0


async def test_the_mouse():
    """A click moves the cursor, on the fold sign it folds, a second one opens; the wheel moves."""
    async with opened(story()) as (app, pilot):
        await pilot.click("#runs", offset=(10, 2))
        await until(pilot, lambda: cursor_name(app) == "search")
        await pilot.click("#runs", offset=(0, 1))
        await until(pilot, lambda: not app.view.cursor.open)
        await pilot.click("#runs", offset=(10, 2), times=2)
        await until(pilot, lambda: app._zoomed)


async def test_a_frame_right_after_the_mouse_does_not_follow():
    """The cursor stays where the user put it, though a frame comes before the application hears of it."""
    async with opened(story()) as (app, pilot):
        newest = cursor_name(app)
        app._runs._wheel(-3)
        app.frame()
        there = cursor_name(app)
        assert there != newest
        await step(pilot)
        assert cursor_name(app) == there


async def test_keys_can_be_changed():
    """Every binding has an id, so a keymap can give it another key."""
    async with opened(story()) as (app, pilot):
        app.set_keymap({"pause": "P"})
        await press(pilot, "P")
        assert app._paused


@pytest.mark.parametrize("keys", [["5", "7", "G"], ["2", "3", "G"], ["slash", "number_sign", "4", "enter"]])
async def test_going_to_a_model_call_by_its_number(keys, monkeypatch):
    """57G and `#57` go to that call of the run under the cursor, also where its digits show screens."""
    monkeypatch.setattr(_counting, "TYPING", 1e9)
    wanted = int("".join(key for key in keys if key.isdecimal()))
    async with opened(rounds(60)) as (app, pilot):
        await press(pilot, "g", *keys)
        assert app.view.node.run_id == f"model {wanted}"
        assert f"model call {wanted} of 60" in screen_lines(app)[-1]
        await until(pilot, lambda: f"model {wanted} " in screen_text(app))


async def test_a_model_call_that_is_not_there_and_digits_that_are_no_number(monkeypatch):
    """It is said how many there are; a digit alone that shows a screen is no number, nor is an old one."""
    monkeypatch.setattr(_counting, "TYPING", 1e9)
    async with opened(rounds(3)) as (app, pilot):
        await press(pilot, "g", "9", "9", "G")
        assert "no model call 99: this run has 3 model calls" in screen_lines(app)[-1]
        await press(pilot, "1", "G")
        assert app.view.node.run_id == "model 1"
        await press(pilot, "2", "G", "1")
        assert app.view.node.run_id == "model 1"
        monkeypatch.setattr(_counting, "TYPING", 0)
        await press(pilot, "G")
        assert app.view.line == len(app.view.rows) - 1


async def test_a_filter_without_hits_says_so_and_how_to_leave():
    """Not that there are no runs, which is another thing."""
    async with opened(story()) as (app, pilot):
        await press(pilot, "slash", *"zebra", "enter")
        await until(pilot, lambda: "No run matches  zebra" in screen_text(app))
        assert "esc clears the filter" in screen_text(app)
        assert "No runs to show yet" not in screen_text(app)
        await press(pilot, "escape")
        assert len(app.view.rows) == 13
