from __future__ import annotations

import pytest
from tui_support import crowded, folded, kept, opened, press, screen_text, still

SIZES = [(80, 24), (120, 36), (200, 60)]
SCENES = {
    "crowd": ("g",),
    "alike": ("G",),
    "wall": ("G", "W", "plus"),
    "depth": ("G", "z"),
}


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_rows_of_many_look_as_they_did(size, scene):
    """What is folded together, the wall clock and what z asks, at three sizes; see `tui_support.kept`."""
    async with opened(crowded(), size=size, at=30) as (app, pilot):
        await folded(app, pilot)
        await press(pilot, *SCENES[scene])
        await still(app, pilot)
        text = screen_text(app) + "\n"
    assert text == kept(f"{scene}-{size[0]}x{size[1]}", text)
