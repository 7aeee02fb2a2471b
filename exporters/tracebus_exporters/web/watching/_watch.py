"""One stream for everything a browser looks at, whatever the number of its tabs.

A browser opens six connections to a host and no more; a stream for each run in each tab would use them up.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from tracebus_exporters.web.wire._wire import PREAMBLE, frame, json_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tracebus_exporters.web.watching._hub import Hub

__all__ = ["MOST_CHANNELS", "watched"]

MOST_CHANNELS = 64
"""Runs one stream may tell of."""


async def watched(
    hub: Hub, runs: Mapping[str, int | None], list_after: int | None = None
) -> AsyncIterator[bytes]:
    """Yield the frames of the list of runs and of the outlines of *runs*, each marked with its `channel`.

    Args:
        hub: what is watched.
        runs: for each run's id the position the reader has, or `None`.
        list_after: the position the reader has in the list of runs.
    """
    channels = {"list": hub.list.stream(list_after)}
    channels |= {f"run {run_id}": _outline(hub, run_id, after) for run_id, after in runs.items()}
    async for frames in _merged(channels):
        yield frames


async def _outline(hub: Hub, run_id: str, after: int | None) -> AsyncIterator[bytes]:
    root_id = await hub.root_of(run_id)
    if root_id is None:
        yield frame("error", json_bytes({"message": f"no run {run_id!r} in this log"}))
        return
    feed = await hub.tree(root_id)
    async for one in feed.stream(after, hub.outline(root_id)):
        yield one


async def _merged(channels: Mapping[str, AsyncIterator[bytes]]) -> AsyncIterator[bytes]:
    """Yield what *channels* yield as it comes; a reader that is slow holds them all back."""
    ready: asyncio.Queue[bytes | None] = asyncio.Queue(1)

    async def pump(name: str, frames: AsyncIterator[bytes]) -> None:
        mark = b"channel: %s\n" % quote(name).encode()
        try:
            async for one in frames:
                if one is not PREAMBLE:
                    await ready.put(mark + one)
        finally:
            await ready.put(None)

    tasks = [asyncio.create_task(pump(name, frames)) for name, frames in channels.items()]
    try:
        yield PREAMBLE
        open_channels = len(tasks)
        while open_channels:
            one = await ready.get()
            if one is None:
                open_channels -= 1
            else:
                yield one
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
