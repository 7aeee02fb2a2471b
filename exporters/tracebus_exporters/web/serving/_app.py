"""The ASGI app behind `tracebus serve`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tracebus.access import LOOPBACK, Access
from tracebus_exporters.web.serving._bundle import STATIC, bundle_routes
from tracebus_exporters.web.serving._guard import Guard
from tracebus_exporters.web.serving._views import Views
from tracebus_exporters.web.watching._content import everything, without_content
from tracebus_exporters.web.watching._hub import Hub
from tracebus_exporters.web.watching._source import source_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from tracebus.bus import EventBus
    from tracebus.logs import Log
    from tracebus_exporters.web.watching._source import Source

__all__ = ["create_app"]


def create_app(
    origin: Source | Log | EventBus,
    *,
    hosts: Collection[str] | None = LOOPBACK,
    token: str | None = None,
    origins: Sequence[str] = (),
    content: bool = True,
) -> Starlette:
    """Return an ASGI app that shows the runs in *origin*: a page at `/`, streams below `/runs`.

    Args:
        origin: a durable log, or a bus of this process.
        hosts: the names the server answers to, without ports; `None` answers to any, which needs a token.
        token: ask for this bearer token.
        origins: other sites whose pages may read the answers; none by default.
        content: show inputs, outputs, texts and messages; else structure, times and tokens only.
    """
    hub = Hub(source_of(origin), view=everything if content else without_content)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # The first page is drawn sooner when the list has been read.
        early = asyncio.create_task(hub.start_early())
        yield
        early.cancel()
        await hub.close()

    return Starlette(
        routes=_routes(Views(hub)),
        middleware=_middleware(Access(None if hosts is None else frozenset(hosts), token), origins),
        exception_handlers={HTTPException: _explained},
        lifespan=lifespan,
    )


def _middleware(access: Access, origins: Sequence[str]) -> list[Middleware]:
    guard = Middleware(Guard, access=access, shared=bool(origins))
    if not origins:
        return [guard]
    headers = ["authorization", "last-event-id"]
    return [Middleware(CORSMiddleware, allow_origins=list(origins), allow_headers=headers), guard]


def _routes(views: Views) -> list[BaseRoute]:
    return [
        Route("/", views.page),
        Route("/runs", views.runs),
        Route("/runs/stream", views.runs_stream),
        Route("/search", views.search),
        Route("/watch", views.watch),
        Route("/runs/{id}", views.run),
        Route("/runs/{id}/stream", views.run_stream),
        Route("/runs/{id}/entry", views.run_entry),
        Route("/runs/{id}/events", views.run_events),
        Route("/runs/{id}/find", views.run_find),
        Route("/runs/{id}/compare/{other}", views.run_compare),
        # Where `langgraph_sdk` joins a run; any thread's name will do.
        Route("/threads/{thread}/runs/{id}/stream", views.run_stream),
        Route("/runs/{id}/text", views.run_text),
        Route("/runs/{id}/agui", views.run_agui, methods=["GET", "POST"]),
        Route("/runs/{id}/ai", views.run_ai),
        *bundle_routes(),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


def _explained(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)
