"""Memory bounded in bytes: what every reader has read goes first, nothing goes in silence."""

from __future__ import annotations

import gc
import weakref
from copy import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda

from tracebus import EventBus, observe
from tracebus.bus._holdings import weight_of
from tracebus.bus._ring import Ring
from tracebus.capture import Capture
from tracebus.clock import system_clock
from tracebus.events import CustomEmitted, Cut, Outcome, RunEnded, RunKind, RunStarted, settle
from tracebus.sources.reading._messages import captured

POLICY = Capture()


def started(run_id="r", **fields):
    return RunStarted(time=1, run_id=run_id, root_run_id=run_id, kind=RunKind.CHAIN, name="n", **fields)


def ended(run_id="r", **fields):
    return RunEnded(time=2, run_id=run_id, root_run_id=run_id, outcome=Outcome.OK, **fields)


def held(event):
    return getattr(event, "inputs", None) is not None or getattr(event, "outputs", None) is not None


async def all_of(bus, after=0):
    subscription = bus.subscribe(after=after)
    events = await subscription.read(100_000)
    await subscription.aclose()
    return events


def test_an_impossible_limit_is_refused():
    """The error says what it must be."""
    with pytest.raises(ValueError, match="max_bytes must be at least 1"):
        EventBus(max_bytes=0)


@pytest.mark.parametrize(("text", "size"), [("", 64_000_000), ("2MB", 2_000_000), ("many", 64_000_000)])
def test_the_environment_may_say_how_much(monkeypatch, text, size, caplog):
    """`TRACEBUS_MAX_BYTES` is a size; one that is none is told and not used."""
    monkeypatch.setenv("TRACEBUS_MAX_BYTES", text)
    with EventBus() as bus:
        assert bus.statistics().max_bytes == size
    assert ("no size" in caplog.text) == (text == "many")


async def test_of_a_bus_nobody_reads_the_oldest_payloads_go():
    """The newest stay, the events all stay, each that lost its payload says so, and they are counted."""
    bus = EventBus(max_bytes=1_000_000)
    for number in range(100):
        bus.publish(started(f"r{number}", inputs=captured("x" * 60_000, POLICY)))
        bus.publish(ended(f"r{number}"))
    assert bus.statistics().held_bytes <= 1_000_000
    assert bus.statistics().counters["payloads_let_go_unread"] > 80
    events = [event for event in await all_of(bus) if isinstance(event, RunStarted)]
    assert len(events) == 100
    assert [held(event) for event in events] == sorted(held(event) for event in events)
    assert 10 < sum(map(held, events)) < 20
    assert all(held(event) != (Cut("/inputs", "memory") in event.cuts) for event in events)
    bus.close()


async def test_what_every_reader_has_passed_goes_before_the_limit():
    """Beyond a quarter of the limit; nothing unread is lost, and what a reader was given stays whole."""
    bus = EventBus(max_bytes=4_000_000)
    taken = []
    bus.attach(taken.extend)
    for number in range(60):
        bus.publish(started(f"r{number}", inputs=captured(f"{number}" + "x" * 60_000, POLICY)))
        bus.publish(ended(f"r{number}"))
        bus.flush()
    assert bus.statistics().held_bytes <= 1_100_000
    assert "payloads_let_go_unread" not in bus.statistics().counters
    assert len(taken) == 120
    assert all(event.inputs for event in taken if isinstance(event, RunStarted))
    late = await all_of(bus)
    assert 10 < sum(map(held, late)) < 30
    bus.close()


async def test_a_slow_reader_is_waited_for_up_to_the_limit():
    """Payloads stay for a subscription that has not come to them, though everybody else has."""
    bus = EventBus(max_bytes=4_000_000)
    bus.attach(lambda _: None)
    slow = bus.subscribe()
    for number in range(50):
        bus.publish(started(f"r{number}", inputs=captured(f"{number}" + "x" * 60_000, POLICY)))
    bus.flush()
    assert bus.statistics().held_bytes > 2_900_000
    assert all(held(event) for event in await slow.read(100))
    bus.close()


async def test_payloads_stay_where_only_the_watcher_of_circles_reads():
    """It is attached to every bus unasked: who joins late still finds what runs were given."""
    bus = EventBus()
    observe(RunnableLambda(str), bus=bus).invoke("a question")
    bus.flush()
    assert bus.statistics().exporters == ()  # nobody attached one
    assert [event.inputs for event in await all_of(bus) if isinstance(event, RunStarted)] == ["a question"]
    bus.close()


class Few:
    """Reads no payload but a name's."""

    settles_itself = reads_few = True

    def export(self, batch):
        """Read none."""

    def flush(self, timeout):
        """Nothing is held back."""

    def close(self):
        """Nothing is held."""


@pytest.mark.parametrize(("readers", "weighs"), [((Few, Few), False), ((Few, list), True), ((list,), True)])
def test_payloads_are_weighed_for_those_who_settle_them(monkeypatch, readers, weighs):
    """Two who read few, the watcher of circles among them, pay for no look at all the others."""
    weighed = []
    monkeypatch.setattr(
        "tracebus.bus._ring.weight_of", lambda event: weighed.append(event) or weight_of(event)
    )
    with EventBus() as bus:
        for reader in readers:
            bus.attach(Few() if reader is Few else lambda _: None)
        bus.publish(started(inputs=captured("question", POLICY)))
        bus.publish(ended(outputs=captured("answer", POLICY)))
        assert bus.flush()
        assert bool(weighed) == weighs


class Along(Few):
    """One of ours that nobody asked for."""

    reads_along = True


class Comparing(Along):
    """Settles copies of what it reads, as who watches for circles does."""

    def export(self, batch):
        for event in batch:
            settle(copy(event))


@pytest.mark.parametrize("others", [0, 1])
async def test_what_nobody_weighed_before_it_was_settled_is_counted(others):
    """Slowly, one batch each: the documents in a payload count, though only a copy of its event was settled."""
    bus = EventBus(max_bytes=1_000_000)
    for _ in range(others):
        bus.attach(Along())
    bus.attach(Comparing())
    most = 0
    for number in range(300):
        documents = [Document(page_content=f"{number:04} {part} " * 500) for part in range(3)]
        bus.publish(ended(str(number), outputs=captured(documents, POLICY)))
        assert bus.flush()
        _, events = bus._ring.read(0, 1_000)  # a subscription would have them weighed
        most = max(most, sum(event.outputs is not None for event in events))
    assert most * 3 * 3_500 <= 1_000_000
    bus.close()


async def test_open_runs_keep_what_a_viewer_who_joins_late_needs():
    """The start of a run that is open keeps its inputs, in the log and in the snapshot, while others go."""
    bus = EventBus(max_bytes=1_000_000)
    bus.publish(started("open", inputs=captured("question " * 1_000, POLICY)))
    for number in range(100):
        bus.publish(started(f"r{number}", inputs=captured("x" * 60_000, POLICY)))
        bus.publish(ended(f"r{number}"))
    assert bus.snapshot().open[0].inputs.startswith("question")
    assert held((await all_of(bus))[0])
    bus.publish(ended("open"))
    assert not held((await all_of(bus))[0])
    bus.close()


async def test_the_limit_holds_for_open_runs_alone_too():
    """Thousands of open runs with long inputs cost no more than the limit; the oldest lose theirs."""
    bus = EventBus(max_bytes=1_000_000)
    for number in range(100):
        bus.publish(started(f"r{number}", inputs=captured("x" * 60_000, POLICY)))
    assert bus.statistics().held_bytes <= 1_000_000
    runs = bus.snapshot().open
    assert len(runs) == 100
    assert held(runs[-1])
    assert not held(runs[0])
    assert runs[0].cuts == (Cut("/inputs", "memory"),)
    bus.close()


def test_what_many_events_share_is_counted_once():
    """A conversation that grows counts what is new, and goes only when nothing holds it."""
    bus = EventBus()
    conversation = [HumanMessage("text " * 400) for _ in range(4)]
    for _ in range(100):
        conversation.append(HumanMessage(f"{len(conversation)}" + "text " * 400))
        bus.publish(started(inputs=captured({"messages": list(conversation)}, POLICY)))
    assert 200_000 < bus.statistics().held_bytes < 600_000
    bus.close()


def test_a_payload_that_turns_out_large_is_counted_as_such():
    """What an object holds is known once it is JSON."""

    class Opaque:
        def __repr__(self):
            return "x" * 50_000

    bus = EventBus()
    bus.attach(lambda _: None)
    bus.publish(started(inputs=captured(Opaque(), POLICY)))
    bus.flush()
    assert bus.statistics().held_bytes > 50_000
    bus.close()


def test_objects_let_go_are_freed_at_once():
    """A payload nobody has read does not live on anywhere."""

    class Big:
        pass

    bus = EventBus(max_bytes=200_000)
    big = Big()
    gone = weakref.ref(big)
    bus.publish(started(inputs=captured([big, "x" * 60_000], POLICY)))
    bus.publish(ended())
    del big
    for number in range(10):
        bus.publish(started(f"r{number}", inputs=captured(f"{number}" + "x" * 60_000, POLICY)))
        bus.publish(ended(f"r{number}"))
    gc.collect()
    assert gone() is None
    bus.close()


actions = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.integers(0, 4), st.integers(0, 5_000)),
        st.tuples(st.just("end"), st.integers(0, 4), st.integers(0, 5_000)),
        st.tuples(st.just("say"), st.integers(0, 4), st.integers(0, 5_000)),
        st.tuples(st.just("talk"), st.integers(0, 4), st.integers(1, 8)),
        st.tuples(st.just("read"), st.integers(1, 10), st.just(0)),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=100)
@given(actions, st.sampled_from([3, 8, 64]), st.sampled_from([4_000, 20_000, 10_000_000]))
def test_the_account_is_right_whatever_happens(steps, capacity, max_bytes):
    """It holds the limit after every event, is never negative, and comes to nothing with the last event."""
    from tracebus.bus._reader import Reader
    from tracebus.bus._settling import Settler

    ring = Ring(capacity, system_clock, max_bytes)
    reader = Reader(ring, Settler(ring.tally))
    conversation = [HumanMessage("hello " * 20) for _ in range(3)]
    for what, number, size in steps:
        payload = captured(f"{size}" + "x" * size, POLICY)
        if what == "start":
            ring.append(started(f"{number}", inputs=payload))
        elif what == "end":
            ring.append(ended(f"{number}", outputs=payload))
        elif what == "say":
            ring.append(CustomEmitted(time=1, run_id="r", root_run_id="r", name="n", data=payload))
        elif what == "talk":
            conversation = [*conversation, *(HumanMessage(f"m{n}") for n in range(size))]
            ring.append(started(f"{number}", inputs=captured({"messages": conversation}, POLICY)))
        else:
            for event in reader.take(number):
                assert held(event) or not isinstance(event, RunStarted) or event.cuts[0].reason == "memory"
        assert 0 <= ring.held_bytes <= max_bytes + 1_200
    for run in range(5):
        ring.append(ended(f"{run}"))
    for _ in range(capacity):
        ring.append(ended("nobody"))
    assert ring.held_bytes == 0


def test_a_chain_of_steps_with_one_long_text_holds_it_once():
    """Three steps that pass a long text on hold it once, also where it is shortened."""
    chain = RunnableLambda(lambda x: x) | RunnableLambda(lambda x: x) | RunnableLambda(lambda _: "ok")
    bus = EventBus()
    events = []
    bus.attach(events.extend)
    observe(chain, bus=bus).invoke("x" * 100_000)
    bus.flush()
    given_to = [event.inputs for event in events if isinstance(event, RunStarted)]
    assert len(given_to[0]) == 65_536
    assert len({id(text) for text in given_to}) == 1
    assert bus.statistics().held_bytes < 150_000
    bus.close()
