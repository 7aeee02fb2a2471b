"""Every key of the table, pressed: what it is for does not hold before, and holds after."""

from __future__ import annotations

import pytest
from test_replay import at_rest, errors, paused
from tui_support import cursor_name, opened, press, screen_lines, screen_text, story, until

from tracebus_tui.keys._commands import Choice, Compare, Help
from tracebus_tui.keys._search import Search
from tracebus_tui.picture._key_table import (
    KEYS,
    LOG_FOOTER,
    REPLAY_FOOTER,
    RUNS_FOOTER,
    TABLE_FOOTER,
    TEXT_FOOTER,
    bindings,
    key_of,
)


def on(name):
    return lambda app: cursor_name(app) == name


def filtered(app):
    app.view.set_filter("kind:model")


def beyond(line):
    return lambda app: app.view.line >= line


LONG = [0.0]


def remember(app):
    LONG[0] = app._runs.wall.seconds


SCENES = {
    # action: keys before, what holds after and not before
    "move(1)": (("g",), on("search")),
    "move(-1)": (("g", "j"), on("agent")),
    "page(1)": (("g",), beyond(6)),
    "page(-1)": (("G", "f"), lambda app: app.view.line < 5),
    "edge(-1)": (("j",), on("agent")),
    "edge(1)": (("g",), lambda app: app._follow),
    "fold_or_parent": (("g",), lambda app: not app.view.cursor.open),
    "unfold_or_child": (("g",), on("search")),
    "switch_pane": ((), lambda app: app.focused is app._detail),
    "filter": ((), lambda app: app.query_one("#prompt").display),
    "hit(1)": ((filtered, "ampersand", "g"), on("chat")),
    "hit(-1)": ((filtered, "ampersand", "g"), on("talk")),
    "context": ((filtered,), lambda app: len(app.view.rows) > 10),
    "error(1)": (("g",), on("lookup")),
    "error(-1)": (("g",), on("broken")),
    "slowest": (("g",), on("classify")),
    "dearest": (("g",), on("chat")),
    "search": ((), lambda app: isinstance(app.screen, Search)),
    "sort": ((), lambda app: app.view.order.name == "duration"),
    "reverse": ((), lambda app: app.view.reversed),
    "pin": (("g",), lambda app: "agent" in app.view.pins),
    "next_pin": (("g", "b", "j"), on("agent")),
    "compare": (("g", "b", "j"), lambda app: isinstance(app.screen, Compare)),
    "fold": (("g",), lambda app: not app.view.cursor.open),
    "fold_all(1)": (("O",), lambda app: len(app.view.rows) > 10),
    "fold_all(0)": ((), lambda app: len(app.view.rows) < 8),
    "depth": ((), lambda app: isinstance(app.screen, Choice)),
    "isolate": (("g",), lambda app: app.view.focus == "agent"),
    "follow": (("g",), lambda app: app._follow),
    "pause": ((), lambda app: "PAUSED" in screen_text(app)),
    "zoom": (("g",), lambda app: app._zoomed),
    "pane": ((), lambda app: not app._detail.display),
    "tab(-1)": ((), lambda app: app._pane.tab == "Raw"),
    "tab(1)": ((), lambda app: app._pane.tab == "Input"),
    "neighbour(1)": (("g", "enter"), on("search")),
    "neighbour(-1)": (("g", "j", "enter"), on("agent")),
    "wrap": ((), lambda app: not app._detail.wrap),
    "markdown": (("g",), lambda app: not app._pane._look.renders(app.view.node)),
    "history": ((), lambda app: app._pane._look.whole),
    "screen(1)": (("2",), lambda app: app._runs.display),
    "screen(2)": ((), lambda app: app.query_one("#top").display),
    "screen(3)": ((), lambda app: app.query_one("#errors").display),
    "screen(4)": ((), lambda app: app.query_one("#stray").display),
    "wall": ((), lambda app: app._runs.wall.shown),
    "wall_length(1)": (("W", remember), lambda app: app._runs.wall.seconds > LONG[0]),
    "wall_length(-1)": (("W", "plus", remember), lambda app: app._runs.wall.seconds < LONG[0]),
    "theme": ((), lambda app: app.theme != "tracebus"),
    "copy": (("g",), lambda app: isinstance(app.screen, Choice)),
    "palette": ((), lambda app: type(app.screen).__name__ == "CommandPalette"),
    "help": ((), lambda app: isinstance(app.screen, Help)),
    "step_back": (("g", "enter"), lambda app: not app._zoomed),
    "leave": ((), lambda app: app.return_code == 0),
}
REPLAYED = {
    # action: keys before, what holds have been played after
    "event(1)": ((), lambda source: source.played == 21),
    "event(-1)": ((), lambda source: source.played == 19),
    "speed(1)": ((), lambda source: source.speed == 2),
    "speed(-1)": ((), lambda source: source.speed == 0.5),
    "failure(1)": ((), lambda source: source.played == 31),
    "failure(-1)": ((), lambda source: source.played == 15),
    "seek(1)": ((), lambda source: source.played > 21),
    "seek(-1)": ((), lambda source: source.played < 19),
}
ELSEWHERE = {
    "save": "test_keys.py: it writes a file",
    "picture": "test_keys.py: it writes a file",
    "mouse": "test_row_keys.py: it writes to the terminal",
}
PRESSED = [(key.action, name) for key in KEYS for name in key.keys.split(",")]


def test_every_key_has_a_scene():
    """A key without a test is noticed here."""
    assert {action for action, _ in PRESSED} == SCENES.keys() | REPLAYED.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize(("action", "name"), [pair for pair in PRESSED if pair[0] in SCENES])
async def test_a_key_does_what_it_is_for(action, name):
    """What the key is for is so after it was pressed, and was not before."""
    before, holds = SCENES[action]
    async with opened(story()) as (app, pilot):
        for part in before:
            if callable(part):
                part(app)
            else:
                await press(pilot, part)
        assert not holds(app), "it held before the key was pressed"
        await pilot.press(name)
        await until(pilot, lambda: _settled(app) and holds(app))


@pytest.mark.parametrize(("action", "name"), [pair for pair in PRESSED if pair[0] in REPLAYED])
async def test_a_key_steers_a_replay(action, name):
    """From the middle of a recording each key leads where the help says."""
    _, holds = REPLAYED[action]
    source = paused(errors())
    async with opened([], source=source) as (_, pilot):
        await at_rest(pilot, source)
        source.forward_to(20)
        await until(pilot, lambda: source.played == 20)
        await at_rest(pilot, source)
        assert not holds(source)
        await pilot.press(name)
        await until(pilot, lambda: holds(source))


def _settled(app):
    """Draw what is due, where the application still draws."""
    if app.return_code is None and app.screen is app.screen_stack[0]:
        app._due.clear()
        app.frame()
    return True


def test_no_key_means_two_things():
    """Two lines of the table never share a key, nor an id that a keymap could change."""
    names = [name for _, name in PRESSED]
    assert len(names) == len(set(names))
    ids = [binding.id for binding in bindings()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("footer", [RUNS_FOOTER, REPLAY_FOOTER, TEXT_FOOTER, TABLE_FOOTER, LOG_FOOTER])
def test_the_last_line_names_keys_that_are_there(footer):
    """Every hint of the last line is a line of the table."""
    for action, word in footer:
        assert key_of(action).action == action
        assert word


async def test_the_last_line_says_what_can_be_done_here():
    """The hints are those of where the keys are: runs, an open run, a table, the log."""
    async with opened(story(), size=(120, 30)) as (app, pilot):
        assert "e Next error" in screen_lines(app)[-1]
        await press(pilot, "g", "enter")
        assert "m Markdown" in screen_lines(app)[-1]
        await press(pilot, "escape", "2")
        assert "⏎ Its runs" in screen_lines(app)[-1]
        await press(pilot, "4")
        assert "G Follow" in screen_lines(app)[-1]
