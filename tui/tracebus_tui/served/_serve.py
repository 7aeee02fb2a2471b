"""From a log's URL to an exit code: listens, serves, and ends with its viewers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING

from aiohttp import web

from tracebus.access import access_at, link, listen
from tracebus_tui.served._server import ViewerServer
from tracebus_tui.terminal._companion import tracebus_command

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

_SIGNALLED = 128
_PATIENCE = 1.0
_ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]  # no SIGHUP on Windows


def serve(
    url: str,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    token: str | None = None,
    ready: Callable[[str], None] = lambda _: None,
) -> int:
    """Serve the terminal UI on the log at *url* until SIGINT or SIGTERM; return 128 + the signal's number.

    Other machines can reach any *host* but the loopback; then a token is made up if none is given.

    Args:
        url: the log's, with its password if it has one: every viewer opens it by itself.
        host: the address to listen at.
        port: 0 takes a free one.
        token: ask for this token.
        ready: called with the link to open, once the server listens.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """
    access = access_at(host, token)
    server = ViewerServer(tracebus_command("watch", "--", url), access)
    listening = listen(host, port)
    opened = link(host, listening.getsockname()[1], access.token)
    received, viewers = asyncio.run(_until_signal(server, listening, lambda: ready(opened)))
    name = signal.Signals(received).name
    sys.stderr.write(f"tracebus: ended by {name}, with {viewers} viewer{'' if viewers == 1 else 's'}\n")
    return _SIGNALLED + received


async def _until_signal(
    server: ViewerServer, listening: socket.socket, ready: Callable[[], None]
) -> tuple[int, int]:
    """Serve until a signal comes; return its number, and how many viewers there were then."""
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=_PATIENCE)
    await runner.setup()
    with _signals() as first:
        await web.SockSite(runner, listening).start()
        ready()
        received = await first
        viewers = server.viewers
        await runner.cleanup()
    return received, viewers


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Future[int]]:
    """Give a future of the first signal that asks this process to end; later ones change nothing."""
    loop = asyncio.get_running_loop()
    first: asyncio.Future[int] = loop.create_future()

    def take(number: int) -> None:
        if not first.done():
            first.set_result(number)

    def told(number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(take, number)

    before = {number: signal.signal(number, told) for number in _ENDING}
    try:
        yield first
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
