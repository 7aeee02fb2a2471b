from __future__ import annotations

import asyncio
import contextlib

from tracebus.runstate import RunState, compacted
from tracebus_exporters.web.watching import _feed
from tracebus_exporters.web.watching._feed import Feed
from tracebus_exporters.web.watching._shape import APPENDING


def advance(feed, state, *events):
    feed.publish(state.apply_all(events))


async def taken(stream, client, until="end"):
    """Feed *client* from *stream* up to a frame of this kind."""
    async for frame in stream:
        if client.take(frame) == until:
            return client
    return client


async def drained(feed, client, after=None):
    """Feed *client* all there is now, through a connection that is then dropped."""
    async with contextlib.aclosing(feed.stream(after)) as stream:
        while client.last != feed._state.seq or client.state is None:
            client.take(await anext(stream))
    return client


def numbered(events):
    from msgspec.structs import replace

    return [replace(event, seq=number) for number, event in enumerate(events, 1)]


async def test_a_viewer_gets_the_document_then_patches_then_the_end(story, follower):
    """From the first frame to the last the viewer's document is the fold's."""
    state = RunState()
    feed = Feed(state)
    events = numbered(story.whole())
    advance(feed, state, *events[:2])
    client = follower()
    async with contextlib.aclosing(feed.stream()) as stream:
        await taken(stream, client, "snapshot")
        for event in events[2:]:
            advance(feed, state, event)
        feed.end()
        await taken(stream, client)
    assert client.kinds == ["snapshot", *["patch"] * (len(events) - 2), "end"]
    assert client.state == state.document


async def test_a_dropped_viewer_resumes_without_loss_or_duplicate(story, follower):
    """Coming back with the last id, a viewer gets what is new and nothing else."""
    state = RunState()
    feed = Feed(state)
    events = numbered(story.whole(tokens=20))
    client = follower()
    for event in events:
        advance(feed, state, event)
        await drained(feed, client, client.last)
    assert client.kinds == ["snapshot", *["patch"] * (len(events) - 1)]
    assert client.state == state.document


async def test_an_unknown_position_gets_the_document(story, follower):
    """A position of another server's gives the whole document, not nonsense."""
    state = RunState()
    feed = Feed(state)
    for event in numbered(story.whole()):
        advance(feed, state, event)
    client = await drained(feed, follower(), after=9999)
    assert client.kinds == ["snapshot"]
    assert client.state == state.document


async def test_a_slow_viewer_is_resynchronised_and_nothing_is_kept_for_it(story, follower, monkeypatch):
    """Whoever falls behind the frames kept gets a snapshot; the frames kept do not grow."""
    monkeypatch.setattr(_feed, "_KEPT_FRAMES", 8)
    state = RunState()
    feed = Feed(state)
    events = numbered(story.whole(tokens=100))
    advance(feed, state, events[0])
    client = follower()
    async with contextlib.aclosing(feed.stream()) as stream:
        await taken(stream, client, "snapshot")
        for event in events[1:]:
            advance(feed, state, event)
        assert len(feed._frames) == 8
        feed.end()
        await taken(stream, client)
    assert client.kinds == ["snapshot", "snapshot", "end"]
    assert client.state == state.document


async def test_two_hundred_viewers_share_one_encoding(story, follower):
    """A frame is encoded once; every viewer is sent the same bytes and ends with the same document."""
    state = RunState()
    feed = Feed(state)
    events = numbered(story.whole())
    advance(feed, state, events[0])
    frames = {}

    async def watch():
        client = follower()
        async for frame in feed.stream():
            if client.take(frame):
                frames.setdefault(frame, set()).add(id(frame))
        return client

    watchers = [asyncio.create_task(watch()) for _ in range(200)]
    await asyncio.sleep(0)
    for event in events[1:]:
        advance(feed, state, event)
        await asyncio.sleep(0)
    feed.end()
    clients = await asyncio.gather(*watchers)
    assert all(client.state == state.document for client in clients)
    patches = {frame: ids for frame, ids in frames.items() if frame.startswith(b"event: patch")}
    assert patches
    assert all(len(ids) == 1 for ids in patches.values())
    assert feed.viewers == 0


async def test_another_document_reaches_every_viewer_whole(story, follower):
    """After a gap the tree is read again: viewers get the new document."""
    state = RunState()
    feed = Feed(state)
    events = numbered(story.whole())
    advance(feed, state, events[0])
    client = follower()
    async with contextlib.aclosing(feed.stream()) as stream:
        await taken(stream, client, "snapshot")
        again = RunState()
        again.apply_all(events)
        feed.restart(again)
        feed.end()
        await taken(stream, client)
    assert client.state == again.document


async def test_a_client_of_the_extension_gets_append(story):
    """Where asked for, texts grow by `append` on a snapshot that is compacted."""
    import json

    from tracebus.runstate import apply

    state = RunState()
    feed = Feed(state)
    events = numbered(story.whole())
    for event in events[:4]:
        advance(feed, state, event)
    document, ops = None, []
    async with contextlib.aclosing(feed.stream(shape=APPENDING)) as stream:
        async for frame in stream:
            if frame.startswith(b"retry"):
                continue
            kind, data = frame.split(b"\n")[0][7:], json.loads(frame.split(b"data: ")[1])
            if kind == b"end":
                break
            if kind == b"snapshot":
                document = data["state"]
                for event in events[4:]:
                    advance(feed, state, event)
                feed.end()
            else:
                ops += data
                document = apply(document, data, append=True)
    assert any(operation["op"] == "append" for operation in ops)
    assert compacted(document) == compacted(state.document)
