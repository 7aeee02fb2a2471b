"""What a client gets of an ASGI response."""

from __future__ import annotations

import asyncio


def body_of(make):
    """Return the body of the response that *make*() makes, inside an event loop."""
    body = bytearray()

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        body.extend(message.get("body", b""))

    async def main():
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "asgi": {"spec_version": "2.4"}}
        await make()(scope, receive, send)

    asyncio.run(main())
    return bytes(body)
