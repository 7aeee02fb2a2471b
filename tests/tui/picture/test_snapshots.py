from __future__ import annotations

import pytest
from tui_support import kept, opened, press, screen_text, step, still, story, until

from tracebus_tui.drawing import ASCII

SIZES = [(80, 24), (120, 36), (200, 60)]
SCENES = {
    "runs": (),
    "open": ("g", "j", "j", "enter"),
    "filter": ("g", "e"),
    "events": ("g", "j", "j", "enter", "5", "j", "enter"),
    "top": ("2",),
    "errors": ("3",),
    "compare": ("g", "j", "b", "j", "c"),
}


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_screen_looks_as_it_did(size, scene):
    """Every screen at three sizes, as text; write them anew with TRACEBUS_WRITE_SNAPSHOTS=1 and look."""
    async with opened(story(), size=size) as (app, pilot):
        for key in SCENES[scene]:
            await press(pilot, key)
            await until(pilot, lambda: app._pane.journal is None or app._pane.journal.whole)
        await still(app, pilot)
        text = screen_text(app) + "\n"
    assert text == kept(f"{scene}-{size[0]}x{size[1]}", text)


@pytest.mark.parametrize("scene", [*SCENES, "help"])
async def test_ascii_is_ascii(scene):
    """With ASCII signs nothing else is drawn: no border, no ellipsis, no arrow; texts of programs stay."""
    async with opened(story(), size=(120, 36), glyphs=ASCII) as (app, pilot):
        for key in SCENES.get(scene, ("question_mark",)):
            await press(pilot, key)
        await step(pilot)
        assert [character for character in screen_text(app) if not character.isascii()] == []
