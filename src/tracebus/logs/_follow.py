"""Following a log that can only be asked, not waited for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from tracebus.events import Event

__all__ = ["follow_by_polling"]

_PAGE = 1000
_SHORTEST = 0.002
_LONGEST = 0.05
_GROWTH = 1.3


async def follow_by_polling(
    read: Callable[[int, int], list[Event]],
    after: int,
    *,
    changed: Callable[[], bool],
    shortest: float = _SHORTEST,
    longest: float = _LONGEST,
) -> AsyncGenerator[Event, None]:
    """Yield the events *read* returns, page by page, and ask *changed* while there are none.

    Args:
        read: called with a position and a limit, in a thread; what it returns continues there.
        after: the position to begin behind.
        changed: cheap enough to be asked on the event loop; whether *read* may return more now.
        shortest: seconds between two questions right after events arrived.
        longest: seconds between two questions on an idle log; it bounds the latency there.
    """
    pause = shortest
    while True:
        page = await asyncio.to_thread(read, after, _PAGE)
        for event in page:
            after = event.seq
            yield event
        if page:
            pause = shortest
            if len(page) >= _PAGE:
                continue
        # Slept before the first question, too: an answer that is always yes must not keep a core busy.
        while True:
            await asyncio.sleep(pause)
            pause = min(longest, pause * _GROWTH)
            if changed():
                break
