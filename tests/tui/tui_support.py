"""Events written by hand, the application without a terminal, and its screen as text."""

from __future__ import annotations

import os
import time
from contextlib import asynccontextmanager
from pathlib import Path

import written_events
from written_events import EPOCH, SECOND
from written_events import tokens as usage

from tracebus.events import BatchMembership, ModelInfo
from tracebus_tui._app import Watch
from tracebus_tui.feed import FeedState, ListSource
from tracebus_tui.model import Runs

__all__ = ["EPOCH", "SECOND", "usage"]  # of the kit, for the tests

DEADLINE = 20.0


class History(written_events.History):
    """The kit's, with errors that have a traceback."""

    traceback = "Traceback …"


def story():
    """Return a little of everything: an agent, a retry, an error, a batch, a graph, and a model that runs."""
    gpt = ModelInfo(provider="openai", name="gpt-4o-mini")
    h = History()
    h.start("agent", at=0, kind="agent", tags=("prod",), inputs="What is late?")
    h.start("search", "agent", at=0.1, kind="retriever", inputs={"query": "late"})
    h.end(
        "search",
        at=0.6,
        outputs={"documents": [{"page_content": "Line 7 is late.", "metadata": {"source": "board"}}]},
    )
    messages = {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is late?"}]
    }
    h.start("chat", "agent", at=0.6, kind="chat_model", model=gpt, inputs=messages)
    h.stream("chat", "Line 7 ", at=1.2)
    h.stream("chat", "is late.", at=1.6)
    h.end("chat", at=2.0, usage=usage(1200, 80), model=gpt)
    h.start("lookup", "agent", at=2.0, kind="tool")
    h.retry("lookup", 2, at=2.5)
    h.end("lookup", at=3.0, error="TimeoutError: no answer from the depot")
    h.end("agent", at=4.0, outputs="Line 7.")
    for number in range(3):
        h.start(f"item{number}", at=5, name="classify", batch=BatchMembership("b1", number, 3))
        h.end(f"item{number}", at=6 + number)
    h.start("graph", at=9, kind="graph")
    h.start("node", "graph", at=9, kind="node", metadata={"langgraph_step": 1})
    h.end("node", at=9.5)
    h.end("graph", at=10, outcome="interrupted")
    h.start("broken", at=11)
    h.end("broken", at=11.5, error="ValueError: bad input 42")
    h.start("live", at=12)
    h.start("talk", "live", at=12, kind="chat_model", model=gpt)
    for number in range(5):
        h.stream("talk", f"word{number} ", at=12.5 + number / 10)
    return h.events


def rounds(number):
    """Return the events of an agent that calls its model so many times."""
    tell = History()
    tell.start("agent", kind="agent")
    for call in range(1, number + 1):
        tell.start(f"model {call}", "agent", at=call, kind="chat_model")
        tell.end(f"model {call}", at=call + 0.5)
    tell.end("agent", at=number + 1)
    return tell.events


def crowded():
    """Return a hundred good roots with an error among them, a wide one with siblings alike, and one that runs."""
    gpt = ModelInfo(provider="openai", name="gpt-4o-mini")
    h = History()
    for number in range(100):
        name = f"ask{number}"
        h.start(name, at=number / 10, name="support_bot")
        h.start(f"{name}.m", name, at=number / 10, name="chat", kind="chat_model", model=gpt)
        h.end(f"{name}.m", at=number / 10 + 1, usage=usage(900, 60), model=gpt)
        error = "RateLimitError: 429, slow down" if number == 60 else None
        h.end(name, at=number / 10 + 1 + number % 7, error=error)
    h.start("wide", at=18, name="map_reduce", kind="graph")
    for number in range(40):
        h.start(f"w{number}", "wide", at=18, name="summarise", kind="node")
        h.start(f"w{number}.m", f"w{number}", at=18, name="chat", kind="chat_model", model=gpt)
    for number in range(36):
        error = "TimeoutError: no answer" if number == 3 else None
        h.end(f"w{number}.m", at=19 + number / 20, usage=usage(4000, 200), model=gpt, error=error)
        h.end(f"w{number}", at=19 + number / 20, error=error)
    h.start("live", at=22, name="agent", kind="agent")
    h.start("live.m", "live", at=22.2, name="chat", kind="chat_model", model=gpt)
    h.stream("live.m", "Once ", at=23)
    h.stream("live.m", "upon ", at=23.5)
    return h.events


@asynccontextmanager
async def opened(events, *, size=(120, 36), at=14.0, source=None, **options):
    """Run the application on *events* at second *at*, once it has taken all of them."""
    options.setdefault("motion", False)
    options.setdefault("share", float("inf"))  # a busy machine puts no "30 fps" into the picture
    app = Watch(source or ListSource(events), clock=lambda: EPOCH + round(at * SECOND), **options)
    app.model.tidy = lambda now: None  # nothing folds by itself; `test_runs` has that
    async with app.run_test(size=size) as pilot:
        if source is None:
            await until(pilot, lambda: app.feed.state is FeedState.ENDED and not app.feed.backlog)
        await step(pilot)
        yield app, pilot


async def until(pilot, condition):
    """Let the application go on until *condition* holds."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await pilot.pause()


async def step(pilot):
    """Draw a frame with everything that is due now and then."""
    app = pilot.app
    for _ in range(2):
        await pilot.pause()
        app._due.clear()
        app.frame()
    await pilot.pause()


async def folded(app, pilot, at=30.0):
    """Let everything fold that has had the time to by second *at*."""
    Runs.tidy(app.model, EPOCH + round(at * SECOND))
    await step(pilot)


async def press(pilot, *keys):
    """Press *keys*, one after the other, with a frame after each."""
    for key in keys:
        await pilot.press(key)
        await step(pilot)


def screen_lines(app):
    """Return what the screen shows, line by line."""
    strips = (
        app.screen._compositor.render_strips(app.size)
        if _takes_size(app)
        else app.screen._compositor.render_strips()
    )
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def _takes_size(app):
    import inspect

    return bool(inspect.signature(app.screen._compositor.render_strips).parameters)


def screen_text(app):
    return "\n".join(screen_lines(app))


def rows_text(app):
    """Return the lines of the list of runs."""
    return screen_lines(app)[2 : 2 + app._runs.size.height]


def cursor_name(app):
    item = app.view.cursor.item
    return item.name if item is not None else None


async def still(app, pilot):
    """Bring everything up to date that is not the same with every run of the test, and draw it."""
    app._said = (0.0, "", "")
    app.model.meters.sample = lambda at: False
    app.model.meters.event_rate = 0.0
    app.model.meters.chunk_rates.clear()
    await step(pilot)
    await step(pilot)
    app._due.clear()
    app._show_header(0.0)
    await pilot.pause()


def kept(name, text):
    """Return the text kept under *name*; with TRACEBUS_WRITE_SNAPSHOTS=1 keep *text* first."""
    path = Path(__file__).parent / "snapshots" / f"{name}.txt"
    if os.environ.get("TRACEBUS_WRITE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")
