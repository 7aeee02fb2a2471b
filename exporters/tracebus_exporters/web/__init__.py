"""Run state on the web: watch a log or a bus in a browser, stream a chain from your own endpoint.

::

    from tracebus_exporters.web import stream_response

    @app.post("/chat")                       # FastAPI or Starlette
    async def chat(question: str):
        return stream_response(chain, {"question": question}, wire="text")

`create_app` is the ASGI app behind `tracebus serve`; mount it in your own to watch a bus from within.
"""

from __future__ import annotations

from tracebus_exporters.web.protocols._langserve import langserve_routes
from tracebus_exporters.web.serving._app import create_app
from tracebus_exporters.web.serving._response import WIRES, stream_response
from tracebus_exporters.web.serving._serve import serve
from tracebus_exporters.web.watching._source import BusSource, LogSource, Source

__all__ = [
    "WIRES",
    "BusSource",
    "LogSource",
    "Source",
    "create_app",
    "langserve_routes",
    "serve",
    "stream_response",
]
