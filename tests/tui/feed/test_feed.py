from __future__ import annotations

import asyncio
import threading
import time

import msgspec
import pytest
from tui_support import History, opened, screen_text, step, story, until

from tracebus import EventBus, open_log
from tracebus.events import Gap
from tracebus.logs import Retention
from tracebus.tree import RunStatus
from tracebus_tui.feed import BusSource, Feed, FeedState, ListSource, LogSource
from tracebus_tui.feed import _feed as feed_module
from tracebus_tui.feed import _source as source_module
from tracebus_tui.model import Runs


class Scripted(ListSource):
    """Gives what the script says: batches, or errors to raise."""

    def __init__(self, *script):
        super().__init__([])
        self.script = list(script)
        self.asked = []
        self.hold = threading.Event()

    async def batches(self, after):
        self.asked.append(after)
        while self.script:
            step = self.script.pop(0)
            if isinstance(step, Exception):
                raise step
            yield step
        await asyncio.to_thread(self.hold.wait, 20)


@pytest.fixture
def started():
    feeds = []

    def start(source):
        feed = Feed(source)
        feeds.append(feed)
        feed.start()
        return feed

    yield start
    for feed in feeds:
        if isinstance(feed.source, Scripted):
            feed.source.hold.set()
        feed.stop()
        assert not feed._thread.is_alive()


def taken(feed, number):
    """Take until *number* events have come."""
    found = []
    deadline = time.monotonic() + 20
    while len(found) < number:
        assert time.monotonic() < deadline, f"{len(found)} of {number} events came"
        found += feed.take(100)
    return found


def test_events_come_in_order(started):
    """What the source gives is taken as given, in the slices asked for."""
    feed = started(ListSource(story()))
    assert taken(feed, len(story())) == story()
    assert feed.take(5) == []


def test_a_source_that_goes_away_and_comes_back(started, monkeypatch):
    """Trouble is shown, tried again, and read on behind the last event; nothing comes twice."""
    monkeypatch.setattr(feed_module, "_BACK_OFF", (0.0, 0.0))
    events = story()
    feed = started(Scripted(events[:3], OSError("gone"), OSError("still gone"), (), events[3:5]))
    assert taken(feed, 5) == events[:5]
    assert feed.source.asked == [None, 3, 3]
    assert feed.failures == 2
    assert feed.state is FeedState.LIVE
    assert feed.trouble == ""


async def test_hints_leave_with_the_first_run():
    """An empty view says what to do; the first run takes the place of all of it."""
    source = Scripted(())
    async with opened([], source=source, size=(80, 24)) as (app, pilot):
        assert "No runs to show yet" in screen_text(app)
        app.feed._waiting.extend(story()[:1])
        await step(pilot)
        assert "tracebus demo" not in screen_text(app)
        assert "agent" in screen_text(app)
        source.hold.set()


async def test_trouble_is_on_the_screen():
    """While the source is out of reach the header says so, and why; what is known stays."""
    source = Scripted(story(), OSError("the disk is away"))
    source.script += [OSError("the disk is away")] * 1000
    async with opened([], source=source) as (app, pilot):
        await until(pilot, lambda: app.feed.failures and not app.feed.backlog and len(app.view.rows) > 5)
        app._due.clear()
        app.frame()
        await pilot.pause()
        text = screen_text(app)
        assert "RECONNECTING" in text
        assert "the disk is away" in text
        assert "agent" in text
        source.hold.set()


def test_a_log_is_read_and_followed(started, tmp_path):
    """A log gives what it holds, then what is appended by somebody else."""
    url = f"sqlite:{tmp_path / 'events.db'}"
    writer = open_log(url)
    events = story()
    writer.append(events[:10])
    feed = started(LogSource(open_log(url)))
    assert [event.run_id for event in taken(feed, 10)] == [event.run_id for event in events[:10]]
    writer.append(events[10:])
    assert len(taken(feed, len(events) - 10)) == len(events) - 10
    assert feed.caught_up
    writer.close()
    feed.stop()
    feed.source.close()


def test_a_log_that_is_not_there_yet(started, tmp_path):
    """The view may be first: the log is followed from its first event on."""
    url = f"sqlite:{tmp_path / 'events.db'}"
    feed = started(LogSource(open_log(url)))
    writer = open_log(url)
    writer.append(story()[:2])
    assert len(taken(feed, 2)) == 2
    writer.close()
    feed.stop()
    feed.source.close()


def test_of_a_long_log_the_newest_roots_are_read(tmp_path, monkeypatch):
    """A view of a big log begins with its newest root runs, not with its first event."""
    from tracebus_tui.feed import _source

    monkeypatch.setattr(_source, "_MOST_HISTORY", 400)
    monkeypatch.setattr(_source, "_RECENT_ROOTS", 5)
    h = History()
    for number in range(100):
        h.start(f"r{number}", at=number)
        h.end(f"r{number}", at=number)
    log = open_log(f"sqlite:{tmp_path / 'events.db'}")
    log.append(h.events)
    source = LogSource(log)
    assert source._beginning() == 190
    log.close()


def test_a_bus_ends_with_its_last_event(started):
    """A closed bus gives all it holds; the feed then says that it has ended."""
    bus = EventBus()
    for event in story():
        bus.publish(event)
    feed = started(BusSource(bus))
    assert len(taken(feed, len(story()))) == len(story())
    bus.close()
    feed._thread.join(10)
    assert feed.state is FeedState.ENDED


def test_runs_whose_end_was_missed_do_not_run_for_ever(started):
    """After a gap the bus says what is open: the rest ended unseen, and a start that was missed is told."""
    h = History()
    bus = EventBus(capacity=4)
    model = Runs()
    known = h.start("ended unseen")
    bus.publish(known)
    model.apply([known])
    bus.publish(h.end("ended unseen"))
    bus.publish(h.start("began unseen"))
    for number in range(10):
        bus.publish(h.start(f"short {number}"))
        bus.publish(h.end(f"short {number}"))
    feed = started(BusSource(bus))
    found = taken(feed, 5)
    assert isinstance(found[0], Gap)
    model.apply(found)
    deadline = time.monotonic() + 20
    while (open_runs := feed.take_open_runs()) is None:
        assert time.monotonic() < deadline
    model.resync(open_runs)
    assert {root.run_id: root.status.value for root in model.runs.roots if "unseen" in root.run_id} == {
        "ended unseen": "lost",
        "began unseen": "running",
    }
    assert model.row_of("began unseen") is not None


async def test_the_screen_does_not_show_as_running_what_ended_unseen():
    """The application asks the bus itself after a gap."""
    h = History()
    bus = EventBus(capacity=64)
    async with opened([], source=BusSource(bus)) as (app, pilot):
        bus.publish(h.start("ended unseen"))
        await until(pilot, lambda: app.model.runs.running)
        bus.publish(h.end("ended unseen"))
        for number in range(500):
            bus.publish(h.start(f"short {number}"))
            bus.publish(h.end(f"short {number}"))
        await until(pilot, lambda: not app.model.runs.running)
        assert app.model.runs.get("ended unseen").status is not RunStatus.RUNNING
    bus.close()


def test_a_view_that_does_not_take_bounds_what_waits(started, monkeypatch):
    """A source faster than the screen is left alone at a limit; a bus then says how much was missed."""
    monkeypatch.setattr(feed_module, "_MOST_WAITING", 50)
    h = History()
    for number in range(2000):
        h.start(f"r{number}")
    feed = started(ListSource(h.events))
    found = taken(feed, 100)
    assert feed.backlog <= 50 + 512
    assert len(found) + len(taken(feed, 2000 - len(found))) == 2000


@pytest.mark.parametrize("log_url", ["sqlite:{}/events.db", "jsonl:{}/events.jsonl"])
async def test_what_a_log_has_lost_is_counted_in_the_header(tmp_path, log_url):
    """Events a program gave up before they were stored are missed; so are those of a view that fell behind."""
    url = log_url.format(tmp_path)
    writer = open_log(url)
    events = recent_story()
    writer.append([*events[:4], Gap(time=events[4].time, missed=7), *events[4:]])
    source = LogSource(open_log(url))
    async with opened([], source=source) as (app, pilot):
        await until(pilot, lambda: app.feed.caught_up and not app.feed.backlog)
        await step(pilot)
        assert "missed 7" in screen_text(app)
        position = app.feed._position
        assert position == len(events) + 7
    h = History()
    for number in range(2000):
        h.start(f"r{number}", inputs=f"{number:04}" * 250)
    writer.append(h.events)
    assert writer.prune(Retention(max_size=1_000_000))
    writer.append(recent_story()[:1])
    first = writer.read(0, 1)[0].seq
    assert first > position + 1
    [batch] = [batch async for batch in _first(source.batches(position))]
    assert batch[0].missed == first - position - 1
    writer.close()
    source.close()


async def _first(batches):
    async for batch in batches:
        yield batch
        break
    await batches.aclose()


def recent_story():
    """Return the story as of now: a log forgets what is old."""
    shift = time.time_ns() - story()[-1].time
    return [msgspec.structs.replace(event, time=event.time + shift) for event in story()]


async def test_a_busy_bus_is_read_in_batches(monkeypatch):
    """Events that come one by one are taken together, so that the program is not held up for each."""
    monkeypatch.setattr(source_module, "_LINGER", 0.05)
    bus = EventBus()
    batches = BusSource(bus).batches(None)
    assert await anext(batches) == ()
    first, *others = story()
    bus.publish(first)
    assert len(await anext(batches)) == 1
    gathering = asyncio.create_task(anext(batches))
    for event in others:
        bus.publish(event)
        await asyncio.sleep(0)
    assert len(await gathering) == len(others)
    bus.close()
    await batches.aclose()
