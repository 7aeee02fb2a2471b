"""Streams a run tree's events in a chat protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from tracebus_exporters.web.watching._queue import MissedEventsError
from tracebus_exporters.web.wire._wire import data_frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tracebus.events import RunEvent
    from tracebus_exporters.web.protocols._plain import TextProjection
    from tracebus_exporters.web.watching._hub import Hub

__all__ = ["Projection", "projected", "projected_text"]


class Projection(Protocol):
    """One protocol's view of a tree."""

    def messages(self, event: RunEvent) -> list[dict[str, Any]]: ...
    def failed(self, message: str) -> list[dict[str, Any]]: ...
    @property
    def trailer(self) -> bytes: ...


async def projected(hub: Hub, root_id: str, projection: Projection) -> AsyncIterator[bytes]:
    """Yield the tree's events as *projection* tells them, one frame each, several at once."""
    try:
        async for events in hub.events(root_id):
            messages = [message for event in events for message in projection.messages(event)]
            if messages:
                yield b"".join([data_frame(message) for message in messages])
    except MissedEventsError as error:
        yield b"".join([data_frame(message) for message in projection.failed(str(error))])
    if projection.trailer:
        yield projection.trailer


async def projected_text(hub: Hub, root_id: str, projection: TextProjection) -> AsyncIterator[bytes]:
    """Yield the tree's text."""
    try:
        async for events in hub.events(root_id):
            frames = [frame for event in events for frame in projection.frames(event)]
            if frames:
                yield b"".join(frames)
    except MissedEventsError as error:
        yield projection.failure(str(error))
    yield projection.trailer
