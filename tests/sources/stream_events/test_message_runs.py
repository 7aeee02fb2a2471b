"""Models that a stream's messages tell of: each a run of its own, with one end, wherever the stream is cut."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thread_events import thread_events

import tracebus
from tracebus.events import RunEnded, RunStarted, RunStreamed

IDS = st.sampled_from(["m1", "m2", "lc_run--4f5cb0b3-0000-4000-8000-00000000000a", None])


def said(message_id, text="At noon."):
    """Return what a model's v3 stream gives of one message."""
    return [
        {"event": "message-start", "role": "ai", "id": message_id},
        {"event": "content-block-start", "index": 0, "content": {"type": "text", "text": ""}},
        {"event": "content-block-delta", "index": 0, "delta": {"type": "text-delta", "text": text}},
        {"event": "content-block-finish", "index": 0, "content": {"type": "text", "text": text}},
        {"event": "message-finish", "reason": "stop"},
    ]


def by_a_graph(events):
    """Return the same as a graph's stream gives it."""
    return [{"method": "messages", "params": {"namespace": [], "data": event}} for event in events]


async def read(items, error=None):
    """Return the events of a stream of *items* that then fails with *error*, or ends."""

    async def stream():
        for item in items:
            yield item
        if error is not None:
            raise error

    events = []
    with contextlib.suppress(OSError):
        async for event in tracebus.normalize(stream()):
            events.append(event)
    return events


def starts(events):
    return [event.run_id for event in events if isinstance(event, RunStarted)]


def ends(events):
    return [event.run_id for event in events if isinstance(event, RunEnded)]


@given(
    streams=st.lists(st.tuples(st.lists(IDS, min_size=1, max_size=4), st.booleans(), st.integers(1, 20))),
    fails=st.booleans(),
)
def test_every_start_has_one_end_and_no_two_streams_share_an_id(streams, fails):
    """Streams of any messages, a model's own or a graph's, cut anywhere, all put on one bus."""
    on_the_bus = []
    for ids, graph, cut in streams:
        told = [event for message_id in ids for event in said(message_id)]
        items = (by_a_graph(told) if graph else told)[:cut]
        on_the_bus += asyncio.run(read(items, OSError("cut") if fails else None))
    assert set(Counter(starts(on_the_bus)).values()) <= {1}
    assert Counter(ends(on_the_bus)) == Counter(starts(on_the_bus))


async def test_runs_of_a_thread_that_repeat_a_message_s_id_are_runs_of_their_own():
    """A thread's stream, read into one tracker, is one graph after the other."""
    events = await read([*thread_events(1), *thread_events(1)])
    assert len(set(starts(events))) == len(starts(events))
    assert Counter(ends(events)) == Counter(starts(events))


@pytest.mark.parametrize("form", [list, by_a_graph])
async def test_messages_without_an_id_are_each_told(form):
    """The second is not taken for the first told again."""
    events = await read(form([*said(None, "At noon."), *said(None, "At one.")]))
    assert [event.text for event in events if isinstance(event, RunStreamed)] == ["At noon.", "At one."]


@pytest.mark.parametrize(("error", "outcome"), [(None, "abandoned"), (OSError("cut"), "error")])
async def test_a_model_s_own_stream_that_breaks_off_ends_its_run(error, outcome):
    """By the error that broke it; without one, the stream was left early."""
    (end,) = (event for event in await read(said("m1")[:3], error) if isinstance(event, RunEnded))
    assert str(end.outcome) == outcome
    assert (end.error is None) is (error is None)
