"""Make docs/tui.png anew: plays the bundled programme, shows it in the terminal UI, and has Chromium draw that.

python scripts/make_picture.py [PATH]

Needs the extra `tui`, aiohttp and Chromium (or its path in CHROMIUM). Look at the picture before you keep it.
"""

# ruff: noqa: E402, SLF001 - the tests' browser is no package; frames are drawn by hand, not by the clock

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

import chromium

from tracebus import EventBus
from tracebus.demo import play
from tracebus_tui._app import Watch
from tracebus_tui.feed import BusSource

SIZE = (120, 36)
CALL = 2
"""The model call of the first run that is shown."""
WIDTH, HEIGHT = 1482, 928
FRAMES = 20


class Quiet:
    """A stage nobody listens to."""

    def scene(self, *_: object) -> None:
        """Do nothing."""

    say = done = scene


async def screen(bus: EventBus, now: int) -> str:
    """Return what the terminal UI shows of *bus* at *now*, as SVG."""
    app = Watch(BusSource(bus, "demo"), clock=lambda: now, motion=False)
    async with app.run_test(size=SIZE) as pilot:
        for step in range(2):
            if step:
                await pilot.press("g")
                app.go_to_call(CALL)
            for _ in range(FRAMES):
                app._due.clear()
                app.frame()
                await pilot.pause()
        app._said = (0.0, "", "")
        app._due.clear()
        app.frame()
        await pilot.pause()
        return app.export_screenshot(title="tracebus")


async def draw(svg: str, path: Path) -> None:
    """Write *svg* as PNG."""
    with tempfile.TemporaryDirectory() as folder:
        page_file = Path(folder) / "screen.html"
        svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg)  # which would be fetched from elsewhere
        style = "<style>body{margin:0;background:transparent}svg{display:block;width:100vw}</style>"
        page_file.write_text(f"<!doctype html><meta charset=utf-8>{style}{svg}", encoding="utf-8")
        async with chromium.browser(Path(folder)) as browser:
            page = await browser.page(page_file.as_uri(), width=WIDTH, height=HEIGHT)
            await page.until("document.readyState === 'complete' && document.querySelector('svg') !== null")
            await page.evaluate(
                "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            await page.picture(path)


def main() -> None:
    """Play, look, draw."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "tui.png"
    bus = EventBus()
    play(Quiet(), bus)
    svg = asyncio.run(screen(bus, time.time_ns()))
    bus.close()
    asyncio.run(draw(svg, path))


if __name__ == "__main__":
    main()
