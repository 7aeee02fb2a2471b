"""With content off, or everything redacted, the terminal UI draws nothing of the program."""

from __future__ import annotations

from tui_support import cursor_name, opened, press, screen_text

from canary import CANARY, events_under, exits
from tracebus.events import RunStarted
from tracebus_tui.detail import TABS


@exits
async def test_every_screen_and_every_tab_of_every_run(capture, seen):
    """All that is drawn: the list, the tables, and each tab of each run, the lines below the screen as well."""
    events = events_under(capture)
    names = [event.name for event in events if isinstance(event, RunStarted)]
    drawn = ""
    async with opened(events, size=(120, 40)) as (app, pilot):
        for screen in "2341":
            await press(pilot, screen)
            drawn += screen_text(app)
        await press(pilot, "g", "o")
        for name in names:
            assert cursor_name(app) == name
            await press(pilot, "enter", "1")
            for _ in TABS:
                below = [line.text for line in app._detail.lines]
                drawn += "\n".join([screen_text(app), *below])
                await press(pilot, "right_square_bracket")
            await press(pilot, "escape", "j")
    assert all(name in drawn for name in names)
    assert (CANARY in drawn) is seen
