from __future__ import annotations

import os

import pytest
from tui_support import EPOCH, History, opened, press, screen_lines, screen_text, until, usage

from tracebus.events import BatchMembership, ModelInfo
from tracebus_tui._app import Watch
from tracebus_tui.feed import ListSource

NASTY = "\x1b]52;c;aGVsbG8=\x07\x1b[2J\x9b31m[/foo][bold]\u202eevil\u2066 \r\n\t日本語 👩‍👩‍👧 e\u0301"
FORBIDDEN = ("\x1b", "\x07", "\x9b", "\r", "\u202e", "\u2066", "\x00")


def hostile():
    """Return events with a dangerous string in every field a program can fill."""
    h = History()
    h.start("root", name=NASTY, tags=(NASTY,), metadata={NASTY: NASTY}, inputs={NASTY: [NASTY]})
    h.start(
        "m",
        "root",
        kind="chat_model",
        name=NASTY,
        model=ModelInfo(provider=NASTY, name=NASTY),
        inputs={"messages": [{"role": NASTY, "content": NASTY}]},
    )
    h.stream("m", NASTY, reasoning=NASTY, at=1)
    h.end(
        "m",
        outputs={"messages": [{"content": NASTY, "tool_calls": [{"name": NASTY, "args": NASTY}]}]},
        usage=usage(1, 1),
        finish_reasons=(NASTY,),
    )
    h.start("t", "root", kind="tool", name=NASTY, at=1)
    h.end("t", error=f"{NASTY}: {NASTY}")
    h.start("d", "root", kind="retriever", at=1)
    h.end("d", outputs={"documents": [{"page_content": NASTY, "metadata": {"source": NASTY}}]})
    h.end("root", error=f"{NASTY}: {NASTY}")
    h.start("b", name=NASTY, batch=BatchMembership("x", 0, 2))
    return h.events


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_nothing_a_model_says_is_obeyed(size, tmp_path):
    """Escape sequences, controls, overrides and markup reach no screen, whatever is opened."""

    class Printed:
        count = 1

        def text(self):
            return NASTY

    async with opened(hostile(), size=size, source=None, stray=Printed(), folder=tmp_path, title=NASTY) as (
        app,
        pilot,
    ):

        def check():
            text = screen_text(app)
            for forbidden in FORBIDDEN:
                assert forbidden not in text

        check()
        for key in ("2", "3", "4", "1", "g", "enter"):
            await press(pilot, key)
            check()
        for _ in range(5):
            for tab in "123456":
                await press(pilot, tab)
                check()
            await press(pilot, "J")
        await press(pilot, "escape", "g", "b", "j", "c")
        check()
        await press(pilot, "escape", "y")
        check()
        await press(pilot, "escape")
        app.say(NASTY)
        await press(pilot, "j")
        check()
        app.feed.trouble = NASTY
        await press(pilot, "j")
        check()
        assert "␛]52" in screen_text(app)


async def test_markup_in_a_tool_result_is_text():
    """`[/foo]`, which kills stock widgets, is shown as it is."""
    h = History()
    h.start("t", kind="tool", name="[/foo]")
    h.end("t", error="E: [/bar] [link=x]y[/link]")
    async with opened(h.events) as (app, pilot):
        await press(pilot, "3")
        assert "[/bar] [link=x]y[/link]" in screen_text(app)
        await press(pilot, "1")
        assert "[/foo]" in screen_text(app)


async def test_a_prompt_of_ten_megabytes():
    """It is opened, looked at raw, filtered and copied; the screen shows its beginning."""
    h = History()
    h.start("m", kind="chat_model", inputs={"messages": [{"role": "user", "content": "lorem " * 1_700_000}]})
    h.stream("m", "x" * 3_000_000, at=1)
    async with opened(h.events, size=(80, 24)) as (app, pilot):
        await press(pilot, "g", "enter", "2")
        assert "lorem lorem" in screen_text(app)
        await press(pilot, "6", "1", "escape", "y", "i")
        assert len(app.clipboard) > 10_000_000


async def test_a_tree_deeper_than_the_recursion_limit():
    """Fifteen hundred levels are drawn, folded and walked."""
    h = History()
    h.start("0")
    for depth in range(1, 1500):
        h.start(str(depth), str(depth - 1))
    async with opened(h.events, size=(80, 24)) as (app, pilot):
        await press(pilot, "f", "G", "O", "o")
        assert len(app.view.rows) == 1500
        await press(pilot, "end")
        assert any("14" in line for line in screen_lines(app))


@pytest.mark.parametrize("size", [(20, 6), (40, 12), (80, 24), (200, 60)])
async def test_every_size(size):
    """From 20 by 6 to 200 by 60 it draws, and resizing on the way is no trouble."""
    async with opened(hostile(), size=size) as (app, pilot):
        await press(pilot, "enter", "escape", "v")
        await pilot.resize_terminal(100, 30)
        await press(pilot, "j")
        assert len(screen_lines(app)) == 30
        await pilot.resize_terminal(*size)
        await press(pilot, "j")


async def test_a_widget_that_raises_ends_the_application_with_a_code():
    """An error of ours ends the viewer with a traceback and code 1, not with a stuck screen."""
    app = Watch(ListSource(hostile()), clock=lambda: EPOCH)

    def broken(*_args, **_kwargs):
        raise RuntimeError("a bug of ours")

    with pytest.raises(Exception, match="a bug of ours"):
        async with app.run_test() as pilot:
            app._runs.frame = broken
            app._frames.hurry()
            await until(pilot, lambda: app.return_code is not None)
    assert app.return_code == 1


def test_files_are_the_owners(tmp_path):
    """A saved file is never wider than 0600, and never replaces another."""
    from tracebus_tui.keys._save import write_private

    old = os.umask(0)
    try:
        paths = [write_private(b"secret", "a", ".txt", tmp_path) for _ in range(2)]
    finally:
        os.umask(old)
    assert [path.name for path in paths] == ["a.txt", "a-2.txt"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in paths)
