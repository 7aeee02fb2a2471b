"""A browser's own `EventSource`, which comes back by itself with `Last-Event-ID`."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("aiohttp", reason="needs aiohttp, to talk to the browser")

import chromium
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from tracebus.bus import EventBus
from tracebus.runstate import RunState, apply, compacted
from tracebus_exporters.web import create_app

pytestmark = chromium.NEEDED

FOLLOW = """
window.frames_ = []; window.opened = 0;
const source = new EventSource("/tracebus/runs/root/stream");
source.onopen = () => (window.opened += 1);
for (const kind of ["snapshot", "patch", "end"])
  source.addEventListener(kind, ({ data, lastEventId }) => {
    window.frames_.push([kind, lastEventId, data]);
    if (kind === "end") source.close();
  });
"""


class Dropping:
    """Cuts the first connection of the run's stream after its first frames, as a proxy does."""

    def __init__(self, app):
        self.app = app
        self.asked = []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or not scope["path"].endswith("/stream"):
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        self.asked.append(headers.get(b"last-event-id", b"").decode())
        sent = 0

        async def cutting(message):
            nonlocal sent
            sent += b"event: " in message.get("body", b"")
            if len(self.asked) == 1 and sent == 2:
                await send({**message, "more_body": False})
                raise ConnectionAbortedError
            await send(message)

        try:
            await self.app(scope, receive, cutting)
        except* ConnectionAbortedError:
            pass


async def test_event_source_follows_a_run_through_a_dropped_connection(tmp_path, story, serving):
    """Nothing is lost and nothing comes twice: the browser ends with the document."""
    bus = EventBus()
    events = story.whole(tokens=60)
    dropping = Dropping(create_app(bus, hosts=None, token="t0ken"))

    async def page(_):
        return HTMLResponse("<!doctype html><title>page</title>")

    app = Starlette(routes=[Route("/", page), Mount("/tracebus", dropping)])
    for event in events[:20]:
        bus.publish(event)
    with serving(app) as address:
        async with chromium.browser(tmp_path) as browser:
            tab = await browser.page(f"{address}/tracebus/?token=t0ken")  # trades the token for a cookie
            await tab.until("document.title", lambda title: title and title != "page")
            await tab.evaluate(FOLLOW)
            await tab.until("window.frames_.length", lambda count: count >= 1)
            for event in events[20:40]:
                bus.publish(event)
            await tab.until("window.opened", lambda count: count >= 2)
            for event in events[40:]:
                bus.publish(event)
            await tab.until("window.frames_.at(-1)?.[0]", lambda kind: kind == "end")

            frames = await tab.evaluate("window.frames_")
    bus.close(1)
    state, kinds = None, [kind for kind, _, _ in frames]
    for kind, _, data in frames:
        state = json.loads(data)["state"] if kind == "snapshot" else state
        state = apply(state, json.loads(data)) if kind == "patch" else state
    whole = RunState()
    whole.apply_all(events)
    assert compacted(state) == compacted(whole.document)
    assert kinds.count("snapshot") == 1
    assert len(dropping.asked) == 2
    assert dropping.asked[0] == ""
    assert dropping.asked[1].isdigit()
