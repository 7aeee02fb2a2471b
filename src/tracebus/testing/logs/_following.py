"""Checks of following a log while it is written."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import TYPE_CHECKING

from tracebus.testing.logs._samples import (
    PATIENCE,
    LogCheck,
    OpenLog,
    anonymous,
    names,
    opened,
    sample_run,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tracebus.events import Event

__all__ = ["FOLLOWING"]


def a_follower_gets_what_is_there_and_what_comes(open_log: OpenLog) -> None:
    """Following from 0 gives the stored events, then new ones of another writer, once and in order."""

    async def scenario() -> None:
        with opened(open_log) as log, opened(open_log) as writer:
            writer.append(sample_run("a"))
            async with contextlib.aclosing(log.follow(after=0)) as events:
                found = await _take(events, len(sample_run("a")))
                for event in sample_run("b"):
                    writer.append([event])
                found += await _take(events, len(sample_run("b")))
            assert anonymous(found) == anonymous([*sample_run("a"), *sample_run("b")])
            assert [event.seq for event in found] == list(range(1, len(found) + 1))

    asyncio.run(scenario())


def a_follower_from_now_gets_new_events_only(open_log: OpenLog) -> None:
    """Following without a position begins with the next event; two followers each get everything."""

    async def scenario() -> None:
        with opened(open_log) as log, opened(open_log) as writer:
            writer.append(sample_run("a"))
            async with (
                contextlib.aclosing(log.follow(after=log.head())) as first,
                contextlib.aclosing(log.follow()) as second,
            ):
                waiting = asyncio.create_task(_take(second, 1))
                # Written again and again, since nobody can see from outside when "now" has begun.
                for n in itertools.count():
                    await asyncio.to_thread(writer.append, sample_run(f"b{n}")[:1])
                    done, _ = await asyncio.wait({waiting}, timeout=0.01)
                    if done:
                        break
                    assert n < PATIENCE * 100, "the follower got nothing"
                assert names(await _take(first, 1)) == ["b0"]
                assert "a" not in names(waiting.result())

    asyncio.run(scenario())


def a_follower_waits_for_a_log_to_come(open_log: OpenLog) -> None:
    """Following a log nobody has written to yet waits for its first event."""

    async def scenario() -> None:
        with opened(open_log) as log, opened(open_log) as writer:
            async with contextlib.aclosing(log.follow(after=0)) as events:
                waiting = asyncio.create_task(_take(events, 1))
                await asyncio.wait({waiting}, timeout=0.05)
                assert not waiting.done()
                await asyncio.to_thread(writer.append, sample_run("a"))
                assert names(await waiting) == ["a"]

    asyncio.run(scenario())


FOLLOWING: tuple[LogCheck, ...] = (
    a_follower_gets_what_is_there_and_what_comes,
    a_follower_from_now_gets_new_events_only,
    a_follower_waits_for_a_log_to_come,
)


async def _take(events: AsyncIterator[Event], count: int) -> list[Event]:
    async with asyncio.timeout(PATIENCE):
        return [await anext(events) for _ in range(count)]
