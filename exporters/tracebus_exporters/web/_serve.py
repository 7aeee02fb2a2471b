"""Serving the app: what `tracebus serve` does."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from typing import TYPE_CHECKING

from tracebus_exporters.web._app import LOOPBACK, create_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.bus import EventBus
    from tracebus.logs import Log

__all__ = ["is_loopback", "serve"]


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

    local = is_loopback(host)
    if not local and token is None:
        token = secrets.token_urlsafe(16)
    app = create_app(origin, hosts=LOOPBACK | {host} if local else None, token=token, content=content)
    config = uvicorn.Config(
        app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=2
    )
    listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  compared, not bound
    shown = f"[{shown}]" if ":" in shown else shown
    link = f"http://{shown}:{listening.getsockname()[1]}/"
    if ready is not None:
        ready(f"{link}?token={token}" if token else link)
    uvicorn.Server(config).run(sockets=[listening])


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
