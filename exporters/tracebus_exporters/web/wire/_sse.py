"""The HTTP response of every stream of server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_starlette import EventSourceResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

__all__ = ["PING", "sse_response"]

PING = 15.0
"""Seconds between two comments that keep proxies from closing a quiet stream."""


def sse_response(
    frames: AsyncIterator[bytes], *, headers: Mapping[str, str] | None = None, ping: float = PING
) -> EventSourceResponse:
    """Return *frames* as a stream of server-sent events that nobody on the way holds back."""
    return EventSourceResponse(
        frames, headers={"cache-control": "no-cache", **(headers or {})}, ping=ping, sep="\n"
    )
