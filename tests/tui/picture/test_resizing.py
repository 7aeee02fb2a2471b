from __future__ import annotations

import pytest
from tui_support import opened, screen_lines, step, story, until


@pytest.mark.parametrize(("width", "height"), [(80, 24), (77, 21), (40, 12), (200, 60)])
async def test_the_picture_fits_the_window_it_was_given(width, height):
    """After one resize the panes have the new size, not the one before: the last line is the keys'."""
    async with opened(story(), size=(120, 43)) as (app, pilot):
        await pilot.resize_terminal(width, height)
        await until(pilot, lambda: app.screen.size == (width, height))
        await step(pilot)
        assert app.query_one("#pane").display is (height >= 30)
        assert screen_lines(app)[-1].strip().startswith("/ Filter")
        assert app.screen.max_scroll_y == 0
