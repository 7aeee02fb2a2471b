"""A headless Chromium driven through DevTools: pages, keys, what a page's terminal shows."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import sys

import aiohttp
import pytest

DEADLINE = 40.0
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--enable-unsafe-swiftshader",  # xterm.js wants WebGL, and this machine may have no graphics card
)
# The page keeps its terminal to itself; xterm's buffer says what it shows, whatever it draws on.
REVEAL = """
Object.defineProperty(Object.prototype, "fitAddon", {
  configurable: true,
  set(addon) {
    window.__terminal = this.terminal;
    Object.defineProperty(this, "fitAddon", { value: addon, writable: true });
  },
});
"""
SCREEN = """
(() => {
  const terminal = window.__terminal;
  if (!terminal) return null;
  const lines = [];
  for (let y = 0; y < terminal.rows; y++)
    lines.push(terminal.buffer.active.getLine(y)?.translateToString(true) ?? "");
  return lines.join("\\n");
})()
"""


def found():
    """Return the path of a Chromium, or `None`."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


NEEDED = [
    pytest.mark.skipif(
        found() is None, reason="needs Chromium (apt install chromium), or its path in CHROMIUM"
    ),
    pytest.mark.timeout(120),
]
"""The marks of tests in a browser."""


class Browser:
    """A browser of its own, with a profile of its own."""

    def __init__(self, socket):
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers = {}
        self.events = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self):
        async for message in self._socket:
            said = json.loads(message.data)
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said)
            else:
                self.events.append(said)

    async def send(self, method, session=None, **parameters):
        number = next(self._numbers)
        answered = self._answers[number] = asyncio.get_running_loop().create_future()
        said = {"id": number, "method": method, "params": parameters}
        await self._socket.send_json(said | ({"sessionId": session} if session else {}))
        answer = await asyncio.wait_for(answered, DEADLINE)
        assert "error" not in answer, answer
        return answer["result"]

    async def page(self, address="about:blank", *, width=1280, height=800, window=False):
        """Open *address* in a page of its own; in a window of its own all pages are seen at once."""
        target = await self.send("Target.createTarget", url="about:blank", newWindow=window)
        attached = await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, target["targetId"], attached["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log"):
            await page.send(f"{domain}.enable")
        await page.send("Page.addScriptToEvaluateOnNewDocument", source=REVEAL)
        await page.resize(width, height)
        await page.send("Page.navigate", url=address)
        return page

    async def close(self):
        self._reading.cancel()
        await self._socket.close()


class Page:
    """One tab."""

    def __init__(self, browser, target, session):
        self._browser = browser
        self._target = target
        self._session = session

    async def send(self, method, **parameters):
        return await self._browser.send(method, self._session, **parameters)

    async def evaluate(self, expression, *, gesture=False):
        answer = await self.send(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
            userGesture=gesture,
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, expression, condition=bool):
        """Evaluate *expression* until *condition* holds of its value; return that."""
        deadline = asyncio.get_running_loop().time() + DEADLINE
        while True:
            value = await self.evaluate(expression)
            if condition(value):
                return value
            assert asyncio.get_running_loop().time() < deadline, f"did not come true:\n{value}"

    async def shows(self, *wanted, gone=()):
        """Wait until the terminal shows all of *wanted* and none of *gone*; return its text."""
        return await self.until(
            SCREEN,
            lambda text: (
                text is not None
                and all(part in text for part in wanted)
                and not any(part in text for part in gone)
            ),
        )

    async def key(self, key, code="", *, control=False):
        """Press and release a key, as a keyboard would."""
        text = key if len(key) == 1 and not control else {"Enter": "\r"}.get(key, "")
        number = {"Enter": 13, "Escape": 27}.get(key, ord(key.upper()) if len(key) == 1 else 0)
        common = {
            "key": key,
            "code": code,
            "windowsVirtualKeyCode": number,
            "modifiers": 2 if control else 0,
        }
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    async def click(self, x, y):
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def resize(self, width, height):
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def picture(self, path):
        """Save what the page looks like as PNG."""
        shot = await self.send("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    async def close(self):
        await self._browser.send("Target.closeTarget", targetId=self._target)

    def said(self, method):
        """Return what the browser has said of this page by *method*."""
        return [
            event["params"]
            for event in self._browser.events
            if event["method"] == method and event.get("sessionId") == self._session
        ]


@contextlib.asynccontextmanager
async def browser(folder, *flags):
    """Start a Chromium whose profile is in *folder*, and end it."""
    root = ("--no-sandbox",) if sys.platform != "win32" and os.geteuid() == 0 else ()
    process = await asyncio.create_subprocess_exec(
        found(),
        *FLAGS,
        *root,
        *flags,
        f"--user-data-dir={folder / 'profile'}",
        "about:blank",
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    drained = None
    try:
        async with asyncio.timeout(DEADLINE):
            while b"DevTools listening on " not in (line := await process.stderr.readline()):
                assert line, "Chromium ended before it listened"
        address = line.decode().partition("DevTools listening on ")[2].strip()
        drained = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession() as http, http.ws_connect(address, max_msg_size=0) as socket:
            driven = Browser(socket)
            try:
                yield driven
            finally:
                with contextlib.suppress(Exception):
                    await driven.send("Browser.close")
                await driven.close()
    finally:
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
        if drained is not None:
            await drained
