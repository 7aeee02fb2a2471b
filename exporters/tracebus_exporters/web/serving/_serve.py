"""Serving the app: what `tracebus serve` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.access import access_at, link, listen
from tracebus.pricing import warm_up
from tracebus_exporters.web.serving._app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.bus import EventBus
    from tracebus.logs import Log

__all__ = ["serve"]


def serve(
    origin: Log | EventBus,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    token: str | None = None,
    content: bool = True,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve *origin* until interrupted.

    Other machines can reach any *host* but the loopback; then a token is made up if none is given.

    Args:
        origin: a durable log, or a bus.
        host: the address to listen at.
        port: 0 takes a free one.
        token: ask for this bearer token.
        content: show inputs, outputs and texts.
        ready: called with the link to open, once the server listens.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """
    import uvicorn  # noqa: PLC0415  a second to import, needed by who serves

    warm_up()  # else the first page would wait for it
    access = access_at(host, token)
    app = create_app(origin, hosts=access.hosts, token=access.token, content=content)
    config = uvicorn.Config(
        app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=2
    )
    listening = listen(host, port)
    if ready is not None:
        ready(link(host, listening.getsockname()[1], access.token))
    uvicorn.Server(config).run(sockets=[listening])
