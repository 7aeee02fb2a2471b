"""Following by asking: how often, and how long between."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from tracebus.logs import follow_by_polling
from tracebus.testing.logs import sample_run


@pytest.fixture
def pauses(monkeypatch):
    """Replace waiting by noting how long it would have been."""
    pauses = []
    real = asyncio.sleep

    async def sleep(seconds):
        pauses.append(seconds)
        await real(0)

    monkeypatch.setattr("tracebus.logs._follow.asyncio.sleep", sleep)
    return pauses


async def first_of(events):
    async with contextlib.aclosing(events), asyncio.timeout(20):
        return await anext(events)


async def test_an_answer_that_is_always_yes_keeps_no_core_busy(pauses):
    """A file that looks changed and has nothing new is asked more and more rarely."""

    def read(after, limit):
        return sample_run("a")[:1] if len(pauses) >= 20 else []

    await first_of(follow_by_polling(read, 0, changed=lambda: True))
    assert len(pauses) == 20
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.002, 0.05)


async def test_an_idle_log_is_not_read(pauses):
    """While nothing changed, only the cheap question is asked."""
    reads = []

    def read(after, limit):
        reads.append(len(pauses))
        return sample_run("a")[:1] if pauses else []

    await first_of(follow_by_polling(read, 0, changed=lambda: len(pauses) >= 30))
    assert reads == [0, 30]


async def test_a_busy_log_is_asked_often_again(pauses):
    """After events came, the pauses begin short again; full pages have none between them."""
    pages = iter([[]] * 10 + [sample_run("a")] * 2 + [[]] * 3 + [sample_run("b")[:1]])
    events = follow_by_polling(lambda after, limit: next(pages), 0, changed=lambda: True)
    async with contextlib.aclosing(events):
        async for event in events:
            if event.root_run_id == "b":
                break
    assert pauses[10:12] == [0.002, 0.002]
    assert pauses[9] > 0.02
