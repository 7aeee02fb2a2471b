from __future__ import annotations

import dis
import logging
import sys
import threading

import pytest

from tracebus.bus import EventBus
from tracebus.bus._reader import Reader
from tracebus.bus._ring import Ring
from tracebus.bus._settling import Settler
from tracebus.bus._waking import Alarm
from tracebus.events import CustomEmitted, Gap
from tracebus.testing import IncrementingClock


def all_of(ring: Ring) -> list:
    return Reader(ring, Settler(ring.tally), 0).take(1_000_000)


def test_publish_numbers_events_from_one(bus, make):
    """The first event has seq 1, and each next one the next number."""
    events = [make.streamed() for _ in range(3)]
    for event in events:
        bus.publish(event)
    assert [event.seq for event in events] == [1, 2, 3]
    assert bus.statistics().published == 3


def test_an_event_of_another_log_is_copied(new_bus, make):
    """Publishing an event that stands in another log leaves it as it is there."""
    first, second = new_bus(), new_bus()
    second.publish(make.streamed("before"))
    event = make.streamed("shared")
    first.publish(event)
    second.publish(event)
    assert event.seq == 1
    copied = all_of(second._ring)[1]
    assert (copied.seq, copied.text) == (2, "shared")


def test_publish_after_close_is_counted_and_nothing_else(bus, make):
    """A closed bus takes no event and says how many it refused."""
    bus.publish(make.streamed())
    assert bus.close()
    bus.publish(make.streamed())
    statistics = bus.statistics()
    assert statistics.published == 1
    assert statistics.counters == {"published_after_close": 1}


def test_publishing_nonsense_is_logged_once_and_swallowed(bus, caplog):
    """What is no event costs the program nothing, one line of log, and a counter."""
    for _ in range(3):
        bus.publish("no event")
    assert bus.statistics().counters == {"publish_failures": 3}
    assert ["no event" in record.message for record in caplog.records] == [True]


def test_a_bus_works_on_after_nonsense(bus, make):
    """A refused object leaves the lock and the numbering in order."""
    bus.publish(None)
    bus.publish(make.streamed())
    assert [event.seq for event in all_of(bus._ring)] == [1]


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_bus_needs_room_for_one_event(capacity):
    """A capacity below one is refused with a message naming it."""
    with pytest.raises(ValueError, match=str(capacity)):
        EventBus(capacity)


def test_many_threads_publish_contiguous_numbers_in_their_own_order(new_bus, make):
    """Eight threads at once leave no hole, no duplicate, and keep each thread's order."""
    bus, each, threads = new_bus(), 2_000, 8
    barrier = threading.Barrier(threads)

    def publish(name: str) -> None:
        barrier.wait()
        for number in range(each):
            bus.publish(make.streamed(str(number), run_id=name))

    workers = [threading.Thread(target=publish, args=(str(n),)) for n in range(threads)]
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(switch)
    events = all_of(bus._ring)
    assert [event.seq for event in events] == list(range(1, each * threads + 1))
    for name in map(str, range(threads)):
        assert [int(event.text) for event in events if event.run_id == name] == list(range(each))


class PublishesWhenFreed:
    def __init__(self, publish) -> None:
        self.publish = publish

    def __del__(self) -> None:
        self.publish()


def test_a_finaliser_may_publish_when_the_ring_frees_an_old_event(new_bus, make):
    """An event thrown out of the ring may publish in its finaliser, and nothing is lost by it."""
    bus = new_bus(4)

    def payload() -> PublishesWhenFreed:
        return PublishesWhenFreed(lambda: bus.publish(make.streamed("from the finaliser")))

    for _ in range(4):
        bus.publish(CustomEmitted(time=1, run_id="r", root_run_id="r", name="n", data=payload()))
    for number in range(4):
        bus.publish(make.streamed(str(number)))
    assert bus.statistics().published == 12
    assert [event.seq for event in all_of(bus._ring) if not isinstance(event, Gap)] == [9, 10, 11, 12]


def test_no_event_is_freed_while_the_log_is_locked(new_bus, make):
    """A finaliser may take a lock that another publishing thread holds without a deadlock."""
    bus = new_bus(1)
    programs_lock = threading.Lock()
    freeing, freed, held = threading.Event(), threading.Event(), threading.Event()

    def finalise() -> None:
        freeing.set()
        with programs_lock:
            freed.set()

    def publish_holding_the_lock() -> None:
        with programs_lock:
            held.set()
            freeing.wait(10)
            bus.publish(make.streamed("other thread"))

    bus.publish(
        CustomEmitted(time=1, run_id="r", root_run_id="r", name="n", data=PublishesWhenFreed(finalise))
    )
    other = threading.Thread(target=publish_holding_the_lock, daemon=True)
    other.start()
    assert held.wait(10)
    bus.publish(make.streamed("evicts"))
    other.join(10)
    assert not other.is_alive()
    assert freed.wait(10)


_CHECKED = ("CALL", "JUMP_BACKWARD", "RESUME")
"""After these instructions the interpreter runs signal handlers; no other lets one in."""


class Interrupter:
    """Calls *interrupt* once, before the *at*-th place where a signal handler could run in the bus."""

    def __init__(self, at: int, interrupt, *, everywhere: bool) -> None:
        self.remaining = at
        self.interrupt = interrupt
        self.everywhere = everywhere
        self.fired = False
        self._last: dict[int, str] = {}

    def __call__(self, frame, what, argument):
        if "tracebus/bus" not in frame.f_code.co_filename.replace("\\", "/"):
            return None
        frame.f_trace_opcodes = True
        if what == "opcode" and not self.fired:
            self._step(frame)
        return self

    def _step(self, frame) -> None:
        before = self._last.get(id(frame), "RESUME")
        self._last[id(frame)] = dis.opname[frame.f_code.co_code[frame.f_lasti]]
        if not (self.everywhere or before.startswith(_CHECKED)):
            return
        self.remaining -= 1
        if self.remaining < 0:
            self.fired = True
            self.interrupt()


def interrupted(at: int, interrupt, call, *, everywhere: bool = False) -> bool:
    """Run *call* with one interruption; return whether there was a place number *at*."""
    interrupter = Interrupter(at, interrupt, everywhere=everywhere)
    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # Python 3.12 looks at this when tracing is switched on
    sys.settrace(interrupter)
    try:
        call()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return interrupter.fired


def new_ring() -> Ring:
    return Ring(8, IncrementingClock())


def test_publish_inside_publish_at_every_instruction(make):
    """A nested publish at any instruction of publish gives both events a number of their own."""
    at = 0
    while True:
        ring = new_ring()
        woken = []
        ring.alarms.add(Alarm(1, lambda woken=woken: woken.append(1)))
        for number in range(6):
            ring.append(make.streamed(str(number)))
        ring.alarms.add(Alarm(7, lambda woken=woken: woken.append(2)))
        if not interrupted(
            at,
            lambda ring=ring: ring.append(make.streamed("inner")),
            lambda ring=ring: ring.append(make.started("outer")),
            everywhere=True,
        ):
            break
        events = all_of(ring)
        assert [event.seq for event in events] == list(range(1, 9)), at
        assert sum(getattr(event, "text", "") == "inner" for event in events) == 1, at
        assert sum(event.run_id == "outer" for event in events) == 1, at
        assert [run.run_id for run in ring.open_runs()[1]] == ["outer"], at
        assert woken[:2] == [1, 2], at
        assert ring.alarms.next > ring.head, at
        at += 1
    assert at > 50  # the whole way was walked


def test_an_interrupt_inside_publish_leaves_the_bus_working(make):
    """Ctrl-C at any place of publish leaves no lock held, no hole, and no reader asleep for good."""
    at = 0
    while True:
        ring = new_ring()
        woken: list[int] = []
        ring.append(make.streamed("first"))
        ring.alarms.add(Alarm(2, lambda woken=woken: woken.append(1)))

        def raise_interrupt() -> None:
            raise KeyboardInterrupt

        if not interrupted(at, raise_interrupt, lambda ring=ring: ring.append(make.streamed("interrupted"))):
            break
        other = threading.Thread(target=ring.append, args=(make.streamed("after"),), daemon=True)
        other.start()
        other.join(10)
        assert not other.is_alive(), f"place {at}: the lock is held"
        events = all_of(ring)
        assert [event.seq for event in events] == list(range(1, len(events) + 1)), at
        assert events[-1].text == "after", at
        assert woken, f"place {at}: the reader sleeps on"
        at += 1
    assert at > 5


def test_a_reader_that_cannot_be_woken_does_not_disturb_publish(bus, make, caplog):
    """A failing wake-up is counted, logged once, and the other readers are woken."""
    woken = []

    def fail() -> None:
        raise RuntimeError("no loop")

    caplog.set_level(logging.ERROR, "tracebus")
    bus._ring.alarms.add(Alarm(1, fail))
    bus._ring.alarms.add(Alarm(1, lambda: woken.append(1)))
    bus.publish(make.streamed())
    assert woken == [1]
    assert bus.statistics().counters == {"wake_failures": 1}


def test_counting_from_many_threads_is_exact(bus):
    """Counters lose nothing between threads."""

    def count() -> None:
        for _ in range(2_000):
            bus.count("late_ends")

    threads = [threading.Thread(target=count) for _ in range(4)]
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)
    assert bus.statistics().counters == {"late_ends": 8_000}


def test_sources_count_into_the_statistics(bus):
    """`count` adds up by name."""
    bus.count("late_ends")
    bus.count("late_ends", 2)
    assert bus.statistics().counters == {"late_ends": 3}
