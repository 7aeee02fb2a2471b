"""The ring and its cursors against a model that keeps everything."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tracebus.bus._reader import Reader
from tracebus.bus._ring import Ring
from tracebus.bus._settling import Settler
from tracebus.events import Deferred, Gap, RunEnded, RunStreamed
from tracebus.testing import IncrementingClock


class Text(Deferred):
    """A payload that counts how often it is settled."""

    def __init__(self, number: int, settled: list[int]) -> None:
        self.number, self.settled = number, settled

    def settle_into(self, event, field) -> None:
        from msgspec.structs import force_setattr

        self.settled.append(self.number)
        force_setattr(event, field, self.number)


class RingAndCursors(RuleBasedStateMachine):
    """Readers begin anywhere, read as much as they like, and lose only what is overwritten."""

    @initialize(capacity=st.integers(1, 7))
    def begin(self, capacity: int) -> None:
        self.ring = Ring(capacity, IncrementingClock())
        self.settler = Settler(self.ring.tally)
        self.readers: list[tuple[Reader, list[int]]] = []
        self.settled: list[int] = []

    @rule(count=st.integers(1, 20))
    def publish(self, count: int) -> None:
        for _ in range(count):
            payload = Text(self.ring.head + 1, self.settled)
            self.ring.append(RunStreamed(time=1, run_id="r", root_run_id="r", chunk=payload))

    @rule(data=st.data())
    def begin_reading(self, data) -> None:
        after = data.draw(st.none() | st.integers(0, self.ring.head))
        start = self.ring.head if after is None else after
        self.readers.append((Reader(self.ring, self.settler, after), [start]))

    @rule(data=st.data(), limit=st.integers(1, 10))
    def read(self, data, limit: int) -> None:
        if not self.readers:
            return
        reader, (position,) = data.draw(st.sampled_from(self.readers))
        events = reader.take(limit)
        expected_start = max(position, self.ring.head - self.ring.capacity)
        if expected_start > position:
            gap = events.pop(0)
            assert isinstance(gap, Gap)
            assert (gap.seq, gap.missed) == (expected_start, expected_start - position)
        expected = list(range(expected_start + 1, min(self.ring.head, expected_start + limit) + 1))
        assert [event.seq for event in events] == expected
        assert [event.chunk for event in events] == expected
        next(cursor for other, cursor in self.readers if other is reader)[0] = expected_start + len(expected)

    @invariant()
    def nothing_is_counted_twice(self) -> None:
        if hasattr(self, "settled"):
            assert len(self.settled) == len(set(self.settled))


TestRingAndCursors = RingAndCursors.TestCase
TestRingAndCursors.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def new_reader(capacity: int = 8, after: int | None = None) -> Reader:
    ring = Ring(capacity, IncrementingClock())
    return Reader(ring, Settler(ring.tally), after)


def test_one_gap_for_all_that_is_lost(make):
    """However far a reader fell behind, it gets one gap first, and then what the ring holds."""
    reader = new_reader(4, 0)
    for _ in range(100):
        reader.ring.append(make.streamed())
    events = reader.take(100)
    assert isinstance(events[0], Gap)
    assert (events[0].seq, events[0].missed) == (96, 96)
    assert [event.seq for event in events[1:]] == [97, 98, 99, 100]
    assert reader.missed == 96


@pytest.mark.parametrize(("overwritten", "first"), [(2, (2, 2)), (4, (4, 4))])
def test_events_overwritten_while_they_are_copied_count_as_missed(make, overwritten, first):
    """A reader that is overtaken in the middle of a copy, by a whole ring even, hands out one gap and the rest in order."""
    reader = new_reader(4, 0)
    ring = reader.ring
    for _ in range(4):
        ring.append(make.streamed())
    copy = ring._copy

    def overtaken(first: int, last: int) -> list:
        for _ in range(overwritten):
            ring.append(make.streamed())
        ring._copy = copy
        return copy(first, last)

    ring._copy = overtaken
    gap, *rest = [*reader.take(100), *reader.take(100)]
    assert (gap.seq, gap.missed) == first
    assert [event.seq for event in rest] == list(range(gap.seq + 1, ring.head + 1))


def test_what_nobody_has_read_yet_is_settled_for_the_first_who_does(make):
    """Reading ahead of others does not make the bus believe the events in between are settled."""
    settled: list[int] = []
    early = new_reader(after=0)
    ring = early.ring

    def publish() -> None:
        ring.append(make.started("r", inputs=Text(ring.head + 1, settled)))

    for _ in range(2):
        publish()
    assert len(early.take(1)) == 1
    publish()
    late = Reader(ring, early._settler)
    publish()
    assert [event.inputs for event in late.take(10)] == [4]
    assert [event.inputs for event in early.take(10)] == [2, 3, 4]
    assert settled == [1, 4, 2, 3]


class Broken(Deferred):
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def settle_into(self, event, field) -> None:
        raise self.error


@pytest.mark.parametrize("error", [RecursionError("too deep"), SystemExit(1)])
def test_a_payload_that_cannot_be_settled_arrives_empty(make, caplog, error):
    """A bug in settling costs the payload, is logged once and counted, and the event still arrives."""
    reader = new_reader()
    for _ in range(2):
        reader.ring.append(make.started("r", inputs=Broken(error), metadata=Broken(error)))
    reader.ring.append(make.streamed("fine"))
    first, second, third = reader.take(10)
    assert (first.inputs, first.metadata, second.inputs, third.text) == (None, {}, None, "fine")
    assert reader.ring.tally.as_dict() == {"settle_failures": 4}
    assert len(caplog.records) == 1


def test_an_interrupt_while_settling_loses_nothing(make):
    """Ctrl-C while a payload becomes JSON leaves the cursor where it was."""

    class Interrupted(Deferred):
        times = 0

        def settle_into(self, event, field) -> None:
            Interrupted.times += 1
            if Interrupted.times == 1:
                raise KeyboardInterrupt
            from msgspec.structs import force_setattr

            force_setattr(event, field, "settled")

    reader = new_reader()
    ended = RunEnded(time=1, run_id="r", root_run_id="r", outcome="ok", outputs=Interrupted())
    reader.ring.append(make.streamed())
    reader.ring.append(ended)
    with pytest.raises(KeyboardInterrupt):
        reader.take(10)
    events = reader.take(10)
    assert [event.seq for event in events] == [1, 2]
    assert events[1].outputs == "settled"


def test_a_position_beyond_the_head_means_from_now(make):
    """A cursor of an earlier process's log does not make a reader wait for that number."""
    reader = new_reader(after=500)
    reader.ring.append(make.streamed())
    assert [event.seq for event in reader.take(10)] == [1]


def test_the_open_run_table_stays_finite(make, monkeypatch):
    """A source that never ends its runs makes the table forget the oldest, and count it."""
    monkeypatch.setattr("tracebus.bus._ring._MAX_OPEN_RUNS", 3)
    ring = new_reader().ring
    for number in range(5):
        ring.append(make.started(str(number)))
    assert [run.run_id for run in ring.open_runs()[1]] == ["2", "3", "4"]
    assert ring.tally.as_dict() == {"open_runs_forgotten": 2}
