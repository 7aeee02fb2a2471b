from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from tracebus.bus import EventBus
from tracebus.bus._waking import Alarms
from tracebus.events import Gap
from tracebus.exceptions import ClosedBusError


async def until(condition) -> None:
    """Let the loop run until *condition*()."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - there is no event to wait on but the state itself
            await asyncio.sleep(0)


def asleep(bus: EventBus) -> int:
    return len(bus._ring.alarms._alarms)


async def rest(subscription) -> list[int]:
    return [event.seq async for event in subscription]


async def test_a_subscription_gets_what_is_published_from_now_on(bus, make):
    """Without a position a subscription begins at the present."""
    bus.publish(make.streamed())
    subscription = bus.subscribe()
    bus.publish(make.streamed())
    assert (await anext(subscription)).seq == 2
    assert subscription.cursor == 2


async def test_position_zero_is_all_the_ring_holds(new_bus, make):
    """From position 0 a reader gets a gap for what is gone, and everything that is not."""
    bus = new_bus(4)
    for _ in range(10):
        bus.publish(make.streamed())
    subscription = bus.subscribe(after=0)
    bus.close()
    events = [event async for event in subscription]
    assert isinstance(events[0], Gap)
    assert [event.seq for event in events] == [6, 7, 8, 9, 10]
    assert subscription.statistics().missed == 6


async def test_a_cursor_goes_on_where_another_subscription_stopped(bus, make):
    """The cursor of one subscription is the position another one begins after."""
    for _ in range(5):
        bus.publish(make.streamed())
    first = bus.subscribe(after=0)
    assert [(await anext(first)).seq for _ in range(2)] == [1, 2]
    second = bus.subscribe(after=first.cursor)
    bus.close()
    assert await rest(second) == [3, 4, 5]


async def test_a_waiting_reader_is_woken_by_its_own_loop(bus, make):
    """An event published by another task of the loop reaches the waiting task."""
    subscription = bus.subscribe()
    waiting = asyncio.create_task(anext(subscription))
    await until(lambda: asleep(bus))
    bus.publish(make.streamed())
    assert (await waiting).seq == 1


async def test_a_waiting_reader_is_woken_from_another_thread(bus, make):
    """An event published by a thread reaches the waiting task of an idle loop."""
    subscription = bus.subscribe()
    waiting = asyncio.create_task(anext(subscription))
    await until(lambda: asleep(bus))
    thread = threading.Thread(target=bus.publish, args=(make.streamed(),))
    thread.start()
    async with asyncio.timeout(10):
        assert (await waiting).seq == 1
    thread.join()


async def test_a_waiting_reader_is_woken_by_a_callback_of_its_loop(bus, make):
    """An event published outside any task, as in a signal handler, reaches the waiting task."""
    subscription = bus.subscribe()
    asyncio.get_running_loop().call_soon(bus.publish, make.streamed())
    assert (await anext(subscription)).seq == 1


async def test_a_waiting_reader_is_woken_by_a_handler_that_interrupts_the_waiting_loop(bus, make):
    """An event published while the loop is about to wait for its sockets, as by a signal, wakes it."""
    selector = asyncio.get_running_loop()._selector
    select = selector.select
    woken = []

    def interrupted(timeout):
        if timeout != 0 and not woken:
            bus.publish(make.streamed())
            woken.append(bool(select(0)))  # something is there to be read, so a longer wait would end
            return select(0)
        return select(timeout)

    subscription = bus.subscribe()
    selector.select = interrupted
    async with asyncio.timeout(20):
        assert (await anext(subscription)).seq == 1
    assert woken == [True]


async def test_an_event_between_the_last_look_and_falling_asleep_is_seen(bus, make):
    """A publisher that comes after the reader's look and before its alarm wakes nobody, and need not."""

    class Late(Alarms):
        def add(self, alarm) -> None:
            if alarm.at == 1:
                bus.publish(make.streamed())
            super().add(alarm)

    bus._ring.alarms = Late(bus._ring.tally)
    subscription = bus.subscribe()
    async with asyncio.timeout(20):
        assert (await anext(subscription)).seq == 1


async def test_a_subscription_works_on_a_second_loop_in_another_thread(bus, make):
    """A reader on another thread's loop gets everything this loop publishes, in order."""
    count, got = 2_000, []
    subscription = bus.subscribe()

    async def read() -> None:
        async with subscription:
            got.extend(await rest(subscription))

    thread = threading.Thread(target=lambda: asyncio.run(read()))
    thread.start()
    for number in range(count):
        bus.publish(make.streamed())
        if number % 50 == 0:
            await asyncio.sleep(0)
    await bus.aclose()
    thread.join(10)
    assert got == list(range(1, count + 1))


async def test_threads_and_a_reader_lose_nothing_between_sleeping_and_waking(bus, make):
    """However publishing and falling asleep interleave, no wake-up is lost."""
    count = 3_000
    subscription = bus.subscribe()

    def publish() -> None:
        for _ in range(count):
            bus.publish(make.streamed())

    thread = threading.Thread(target=publish)
    thread.start()
    async with asyncio.timeout(20):
        for expected in range(1, count + 1):
            assert (await anext(subscription)).seq == expected
    thread.join()


async def test_cancelling_a_waiting_reader_loses_nothing(bus, make):
    """After a cancelled wait the next one gets the event, also when both happen at once."""
    subscription = bus.subscribe()
    waiting = asyncio.create_task(anext(subscription))
    await until(lambda: asleep(bus))
    bus.publish(make.streamed())
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await anext(subscription)).seq == 1
    assert asleep(bus) == 0


async def test_cancelling_a_reader_with_a_backlog_loses_nothing(bus, make):
    """A reader cancelled in the pause it makes for other tasks has not moved its cursor."""
    subscription = bus.subscribe()
    for _ in range(3):
        bus.publish(make.streamed())
    for read in (lambda: anext(subscription), subscription.read):
        task = asyncio.create_task(asyncio.wait_for(read(), 5))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    bus.close()
    assert await rest(subscription) == [1, 2, 3]


async def test_a_busy_log_lets_other_tasks_run(bus, make):
    """Reading a long backlog gives the loop's other tasks a turn in between."""
    for _ in range(10_000):
        bus.publish(make.streamed())
    subscription, turns = bus.subscribe(after=0), []

    async def other() -> None:
        while True:
            turns.append(subscription.cursor)
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    for _ in range(10_000):
        await anext(subscription)
    task.cancel()
    assert len(set(turns)) > 10


async def test_closing_the_bus_ends_a_waiting_reader(bus):
    """A reader that waits when the bus closes sees the end of the iteration."""
    subscription = bus.subscribe()
    waiting = asyncio.create_task(rest(subscription))
    await until(lambda: asleep(bus))
    assert await bus.aclose()
    assert await waiting == []


async def test_a_reader_drains_the_ring_before_it_ends(bus, make):
    """What was published before the close is still read after it."""
    subscription = bus.subscribe()
    for _ in range(600):
        bus.publish(make.streamed())
    bus.close()
    assert await rest(subscription) == list(range(1, 601))
    assert await subscription.read() == []


async def test_closing_a_subscription_ends_its_waiting_reader(bus):
    """`aclose` ends the consumer that waits at this moment, and leaves nothing behind."""
    subscription = bus.subscribe()
    waiting = asyncio.create_task(rest(subscription))
    await until(lambda: asleep(bus))
    await subscription.aclose()
    assert await waiting == []
    assert subscription.closed
    assert asleep(bus) == 0


async def test_read_takes_what_there_is_up_to_a_limit(bus, make):
    """`read` waits for one event and returns all there are, at most as many as asked for."""
    subscription = bus.subscribe()
    for _ in range(5):
        bus.publish(make.streamed())
    assert [event.seq for event in await subscription.read(2)] == [1, 2]
    assert (await anext(subscription)).seq == 3
    assert [event.seq for event in await subscription.read(100)] == [4, 5]
    statistics = subscription.statistics()
    assert (statistics.cursor, statistics.delivered, statistics.lag) == (5, 5, 0)
    with pytest.raises(ValueError, match="0"):
        await subscription.read(0)


async def test_a_slow_reader_gets_one_gap_and_goes_on(new_bus, make):
    """A reader overrun while it was busy learns how much it missed, once."""
    bus = new_bus(8)
    subscription = bus.subscribe()
    bus.publish(make.streamed())
    assert (await anext(subscription)).seq == 1
    for _ in range(20):
        bus.publish(make.streamed())
    gap = await anext(subscription)
    assert isinstance(gap, Gap)
    assert (gap.seq, gap.missed) == (13, 12)
    assert [event.seq for event in await subscription.read()] == list(range(14, 22))


def test_a_reader_on_a_closed_loop_does_not_disturb_publish(bus, make):
    """A loop that was closed under a waiting reader costs the publisher nothing."""
    loop = asyncio.new_event_loop()
    subscription = bus.subscribe()
    task = loop.create_task(subscription.read())
    loop.run_until_complete(asyncio.sleep(0))
    assert asleep(bus) == 1
    loop._ready.clear()
    loop.close()
    bus.publish(make.streamed())
    assert asleep(bus) == 0
    assert bus.statistics().counters == {}
    task._log_destroy_pending = False


async def test_a_forgotten_subscription_is_collected(bus, make):
    """Nobody has to close a subscription: the bus forgets it with its last reference."""
    subscription = bus.subscribe()
    assert len(bus.statistics().subscriptions) == 1
    gone = weakref.ref(subscription)
    del subscription
    gc.collect()
    assert gone() is None
    assert bus.statistics().subscriptions == ()
    bus.publish(make.streamed())


async def test_a_subscription_ends_when_its_bus_is_collected(make):
    """A reader whose bus nobody holds any more gets what is left, and the end."""
    bus = EventBus()
    subscription = bus.subscribe()
    bus.publish(make.streamed())
    del bus
    gc.collect()
    assert await rest(subscription) == [1]


def test_a_closed_bus_takes_no_reader(bus):
    """Asking a closed bus for a subscription or an exporter says what to do instead."""
    bus.close()
    with pytest.raises(ClosedBusError, match="new EventBus"):
        bus.subscribe()
    with pytest.raises(ClosedBusError, match="exporter"):
        bus.attach(print)


def test_a_negative_position_is_refused(bus):
    """A position below zero is a mistake, and the message says so."""
    with pytest.raises(ValueError, match="-1"):
        bus.subscribe(after=-1)


def test_a_snapshot_lists_open_runs_parents_first(bus, make):
    """A snapshot has the runs that have not ended, each after its parent, and the position."""
    for event in (
        make.started("child", "parent"),
        make.started("done", "parent"),
        make.started("parent"),
        make.started("grandchild", "child"),
        make.ended("done"),
    ):
        bus.publish(event)
    snapshot = bus.snapshot()
    assert snapshot.seq == 5
    assert [run.run_id for run in snapshot.open] == ["parent", "child", "grandchild"]
    assert bus.statistics().open_runs == 3


def test_a_snapshot_survives_runs_that_are_each_others_parents(bus, make):
    """Events that contradict themselves are shown and do not hang anybody."""
    bus.publish(make.started("a", "b"))
    bus.publish(make.started("b", "a"))
    assert {run.run_id for run in bus.snapshot().open} == {"a", "b"}
