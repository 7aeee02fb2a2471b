"""Waits for a blocking call from within an event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_thread"]

_T = TypeVar("_T")


async def in_thread(function: Callable[[float], _T], timeout: float) -> _T:  # noqa: ASYNC109 - passed on
    """Await *function*(*timeout*), run in a daemon thread of its own.

    Not `asyncio.to_thread`: the loop's executor may be full of the program's work, and a deadline
    has to hold.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def settle(set_outcome: Callable[[], None]) -> None:
        try:
            loop.call_soon_threadsafe(lambda: None if future.done() else set_outcome())
        except RuntimeError:
            return  # the loop was closed meanwhile: nobody waits

    def run() -> None:
        try:
            result = function(timeout)
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            failure = error
            settle(lambda: future.set_exception(failure))
        else:
            settle(lambda: future.set_result(result))

    threading.Thread(target=run, name="tracebus wait", daemon=True).start()
    return await future
