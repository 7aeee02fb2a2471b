from __future__ import annotations

import contextlib

import pytest

from tracebus.bus import EventBus
from tracebus.events import Gap
from tracebus.logs import open_log
from tracebus.runstate import RunState, compacted
from tracebus_exporters.web.watching._content import without_content, without_tracebacks
from tracebus_exporters.web.watching._hub import Hub
from tracebus_exporters.web.watching._queue import MissedEventsError
from tracebus_exporters.web.watching._source import BusSource, LogSource


@contextlib.asynccontextmanager
async def hub_on(source, **options):
    hub = Hub(source, frame=0.0, **options)
    await hub.start()
    try:
        yield hub
    finally:
        await hub.close()


async def follow(feed, client, after=None, until=("end", "error")):
    async with contextlib.aclosing(feed.stream(after)) as stream:
        async for frame in stream:
            if client.take(frame) in until:
                break
    return client


def folded(events):
    state = RunState()
    state.apply_all(events)
    return compacted(state.document)


async def test_a_run_on_a_bus_is_followed_to_its_end(story, follower):
    """The viewer of a live run has the whole tree when it ends."""
    bus = EventBus()
    async with hub_on(BusSource(bus)) as hub:
        events = story.whole()
        bus.publish(events[0])
        feed = await hub.tree("root")
        for event in events[1:]:
            bus.publish(event)
        client = await follow(feed, follower())
    bus.close(1)
    assert client.kinds[-1] == "end"
    assert compacted(client.state) == folded(events)


async def test_a_run_is_read_from_a_log_and_followed_live(tmp_path, story, follower):
    """What was stored before and what is stored while watching arrive as one document."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    events = story.whole(tokens=30)
    log.append(events[:10])
    async with hub_on(LogSource(log)) as hub:
        feed = await hub.tree("root")
        log.append(events[10:])
        client = await follow(feed, follower())
    assert compacted(client.state) == folded(events)
    log.close()


async def test_a_restarted_server_continues_for_old_clients(tmp_path, story, follower):
    """With the last id of the server that is gone, the client ends with the right document."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    events = story.whole(tokens=30)
    log.append(events[:12])
    client = follower()
    async with hub_on(LogSource(log)) as hub:
        await follow(await hub.tree("root"), client, until=("snapshot",))
    log.append(events[12:20])
    async with hub_on(LogSource(log)) as hub:
        feed = await hub.tree("root")
        log.append(events[20:])
        await follow(feed, client, after=client.last)
    assert compacted(client.state) == folded(events)
    log.close()


async def test_the_list_knows_old_runs_and_follows_new_ones(tmp_path, story, follower):
    """The list begins with the log's index and goes on with events."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    log.append(story.whole("old"))
    async with hub_on(LogSource(log)) as hub:
        client = follower()
        async with contextlib.aclosing(hub.list.stream()) as stream:
            log.append(story.whole("new"))
            while not client.state or client.state["runs"].get("new", {}).get("status") != "ok":
                client.take(await anext(stream))
    old, new = client.state["runs"]["old"], client.state["runs"]["new"]
    assert old["status"] == "ok"
    assert old["total_tokens"] == new["total_tokens"] == 8
    assert new["descendants"] == 1
    log.close()


async def test_an_unknown_run_has_no_root(tmp_path):
    """A log that does not know an id says so."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    assert await LogSource(log).root_of("nobody") is None
    log.close()
    assert await BusSource(EventBus()).root_of("nobody") is None


async def test_events_of_a_run_come_once_and_in_order(story):
    """A reader of events who joins in the middle gets them all, from the first."""
    bus = EventBus()
    events = story.whole(tokens=10)
    async with hub_on(BusSource(bus)) as hub:
        for event in events[:6]:
            bus.publish(event)
        found = []
        async for batch in hub.events("root"):
            if not found:
                for event in events[6:]:
                    bus.publish(event)
            found += batch
    bus.close(1)
    assert [type(event) for event in found] == [type(event) for event in events]
    assert [event.seq for event in found] == list(range(1, len(events) + 1))


async def test_a_gap_makes_the_tree_be_read_again(story, follower):
    """What the reader missed is fetched from the source, and the count of missed events is shown."""

    class Source:
        def __init__(self):
            import asyncio

            self.more = asyncio.Event()
            self.stored = []

        async def head(self):
            return 0

        async def follow(self, after):
            yield events[0]
            await self.more.wait()
            yield Gap(time=1, seq=len(events) - 1, missed=len(events) - 2)
            yield events[-1]

        async def read_run(self, root_id):
            return list(self.stored)

        async def root_of(self, run_id):
            return "root"

        async def summaries(self, limit):
            return []

        def open_runs(self):
            return None

        async def summary(self, root_id):
            return None

        async def lost(self):
            return frozenset()

    from msgspec.structs import replace

    events = [replace(event, seq=number) for number, event in enumerate(story.whole(), 1)]
    source = Source()
    source.stored = events[:1]
    async with hub_on(source) as hub:
        feed = await hub.tree("root")
        client = follower()
        async with contextlib.aclosing(feed.stream()) as stream:
            while client.take(await anext(stream)) != "snapshot":
                pass
            source.stored = events
            source.more.set()
            async for frame in stream:
                if client.take(frame) == "end":
                    break
    expected = folded(events)
    assert compacted(client.state) == {**expected, "missed": len(events) - 2}


async def test_a_gap_on_a_bus_keeps_what_is_known(story, follower):
    """The ring forgets: what the viewer has stays, ends that were missed become lost, ends to come do not."""
    bus = EventBus(capacity=16)
    async with hub_on(BusSource(bus)) as hub:
        bus.publish(story.start())
        bus.publish(story.start("quick", "root"))
        bus.publish(story.start("slow", "root"))
        feed = await hub.tree("root")
        client = follower()
        async with contextlib.aclosing(feed.stream()) as stream:
            while not client.state or len(client.state["runs"]) < 3:
                client.take(await anext(stream))
            # All at once, so that the reader cannot keep up: the end of `quick` falls off the ring.
            bus.publish(story.end("quick"))
            for _ in range(40):
                bus.publish(story.stream("x"))
            bus.publish(story.end("slow"))
            bus.publish(story.end())
            async for frame in stream:
                if client.take(frame) == "end":
                    break
    bus.close(1)
    assert client.state["missed"] > 20
    assert client.state["runs"]["root"]["inputs"] is None
    statuses = {run_id: run["status"] for run_id, run in client.state["runs"].items()}
    assert statuses == {"root": "ok", "quick": "lost", "slow": "ok"}
    assert client.kinds.count("snapshot") == 1


async def test_a_source_that_fails_tells_every_viewer(follower):
    """A log that cannot be read any more ends the streams with an error, not with silence."""

    class Broken(BusSource):
        async def follow(self, after):
            raise OSError("the disk is gone")
            yield

    async with hub_on(Broken(EventBus())) as hub:
        client = await follow(hub.list, follower())
    assert client.kinds[-1] == "error"


async def test_runs_of_a_dead_process_are_shown_as_lost(story, follower, monkeypatch):
    """Open runs whose process is gone become lost, in the list and in the tree, and the stream ends."""
    from tracebus_exporters.web.watching import _hub

    monkeypatch.setattr(_hub, "_CARE", 0)

    class Dying(BusSource):
        dead = frozenset()

        async def lost(self):
            return self.dead

    bus = EventBus()
    source = Dying(bus)
    async with hub_on(source) as hub:
        for event in story.whole()[:3]:
            bus.publish(event)
        feed = await hub.tree("root")
        source.dead = frozenset(("root", "root.model"))
        client = await follow(feed, follower())
        listed = follower()
        async with contextlib.aclosing(hub.list.stream()) as stream:
            while not listed.state or listed.state["runs"]["root"]["status"] != "lost":
                listed.take(await anext(stream))
    bus.close(1)
    assert [run["status"] for run in client.state["runs"].values()] == ["lost", "lost"]


async def test_trees_nobody_watches_are_forgotten(story, monkeypatch):
    """After its last viewer a tree is dropped, and read again for the next."""
    import asyncio

    from tracebus_exporters.web.watching import _hub

    monkeypatch.setattr(_hub, "_CARE", 0)
    monkeypatch.setattr(_hub, "_LINGER", 0)
    bus = EventBus()
    async with hub_on(BusSource(bus)) as hub:
        for event in story.whole():
            bus.publish(event)
        await hub.tree("root")
        while hub._trees:  # noqa: ASYNC110  nothing tells that something was forgotten
            await asyncio.sleep(0)
        assert hub._consumers == {}
        assert len((await hub.tree("root"))._state.document["runs"]) == 2
    bus.close(1)


async def test_a_reader_far_behind_is_told(story, monkeypatch):
    """A projection cannot be resynchronised: it ends with an error rather than with a hole."""
    from tracebus_exporters.web.watching import _queue

    monkeypatch.setattr(_queue, "_QUEUED", 3)
    bus = EventBus()
    async with hub_on(BusSource(bus)) as hub:
        events = hub.events("root")
        bus.publish(story.start())
        await anext(events)
        for event in story.whole(tokens=20):
            bus.publish(event)

        async def rest():
            return [batch async for batch in events]

        with pytest.raises(MissedEventsError, match="start again"):
            await rest()
    bus.close(1)


def test_without_content_nothing_that_was_said_remains(story):
    """With the content switch off, structure and numbers remain and no word of a prompt."""
    from tracebus.events import CustomEmitted, ErrorInfo, RunRetried, encode_json

    error = ErrorInfo(type="E", message="secret message", traceback="secret trace")
    events = [
        *story.whole(),
        story.end(error=error, outcome="error"),
        RunRetried(time=1, run_id="root", root_run_id="root", attempt=2, error=error),
        CustomEmitted(time=1, run_id="root", root_run_id="root", name="n", data="secret data"),
        Gap(time=1, missed=2),
    ]
    shown = b"".join(encode_json(without_content(event)) for event in events)
    assert b"secret" not in shown
    assert b"t0" not in shown
    assert b'"output_tokens":5' in shown
    assert b"secret message" in encode_json(without_tracebacks(events[-4]))
    assert b"secret trace" not in encode_json(without_tracebacks(events[-4]))
