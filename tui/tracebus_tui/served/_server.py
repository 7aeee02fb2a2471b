"""What each path answers: the page, what it is made of, its viewer, its downloads."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import web
from textual_serve.server import Server, to_int

from tracebus_tui.served._gate import DOWNLOADS, SOCKET, add_headers, gate
from tracebus_tui.served._session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.access import Access

_PAGE: Final = Path(__file__).parent / "page"
_MOST_VIEWERS = 16
_HEARTBEAT = 15.0
"""Seconds after which a page that does not answer has gone."""
_SMALLEST, _LARGEST = 1, 1000
"""Cells a screen may be wide or high."""


class ViewerServer(Server):
    """Serves viewers of one log, as many as there are pages; each is a process, and an own state."""

    def __init__(self, command: Sequence[str], access: Access) -> None:
        super().__init__(command[0])
        self._command = command
        self._access = access
        self._sessions: set[Session] = set()

    @property
    def viewers(self) -> int:
        """Return how many viewers run."""
        return len(self._sessions)

    def application(self) -> web.Application:
        """Return the application, for one loop."""
        app = web.Application(middlewares=[gate(self._access)])
        app.add_routes(
            [
                web.get("/", self._handle_page),
                web.get(SOCKET, self.handle_websocket),
                web.get(DOWNLOADS + "{key}", self.handle_download),
                web.static("/page", _PAGE),
                web.static("/static", self.statics_path),
            ]
        )
        app.on_response_prepare.append(add_headers)
        app.on_shutdown.append(self._end_viewers)
        return app

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Run a viewer for the page that asks, for as long as both live."""
        if self.viewers >= _MOST_VIEWERS:
            raise web.HTTPServiceUnavailable(text=f"there are {_MOST_VIEWERS} viewers already\n")
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, compress=False)
        session = Session(self._command, socket=socket, downloads=self.download_manager)
        self._sessions.add(session)
        try:
            await socket.prepare(request)
            await session.start(_cells(request, "width", 80), _cells(request, "height", 24))
            await self._process_messages(socket, session)
        finally:
            await session.stop()
            self._sessions.discard(session)
        return socket

    async def _handle_page(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(_PAGE / "index.html")

    async def _end_viewers(self, _: web.Application) -> None:
        await asyncio.gather(*(session.stop() for session in list(self._sessions)))


def _cells(request: web.Request, name: str, otherwise: int) -> int:
    return min(max(to_int(request.query.get(name, ""), otherwise), _SMALLEST), _LARGEST)
