"""LangServe's `stream_log` and `stream_events`, as `langserve.RemoteRunnable` reads them.

For clients that exist: LangServe was archived in May 2026, and its wire repeats the whole output with
every chunk.
"""

from __future__ import annotations

import contextlib
import json
import logging
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tracebus_exporters.web._sse import sse_response
from tracebus_exporters.web._wire import frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request

__all__ = ["event_frames", "langserve_routes", "log_frames"]

_logger = logging.getLogger("tracebus.web")

_FILTERS = tuple(f"{which}_{what}" for which in ("include", "exclude") for what in ("names", "types", "tags"))


def langserve_routes(chain: Any, path: str = "") -> list[Route]:
    """Return the routes `POST {path}/stream_log` and `POST {path}/stream_events` for *chain*."""

    async def stream_log(request: Request) -> Response:
        return await _answer(request, chain, log_frames)

    async def stream_events(request: Request) -> Response:
        return await _answer(request, chain, event_frames)

    return [
        Route(f"{path}/stream_log", stream_log, methods=["POST"]),
        Route(f"{path}/stream_events", stream_events, methods=["POST"]),
    ]


async def _answer(request: Request, chain: Any, frames: Any) -> Response:
    try:
        body = await request.json()
        value = body["input"]
    except (ValueError, TypeError, KeyError) as error:
        return JSONResponse({"error": f"the body is a JSON object with 'input': {error!r}"}, status_code=422)
    options = {name: body[name] for name in _FILTERS if body.get(name) is not None}
    return sse_response(frames(chain, value, body.get("config"), **options, **(body.get("kwargs") or {})))


async def log_frames(
    chain: Any, value: Any, config: Mapping[str, Any] | None = None, **options: Any
) -> AsyncIterator[bytes]:
    """Run *chain* and yield its run log."""
    from tracebus.runstate import astream_log  # noqa: PLC0415  imports langchain_core

    patches = astream_log(chain, value, config, **options)  # type: ignore[arg-type]  # JSON, checked by LangChain
    async for encoded in _encoded(patches, lambda patch: {"ops": patch.ops}):
        yield encoded


async def event_frames(
    chain: Any, value: Any, config: Mapping[str, Any] | None = None, **options: Any
) -> AsyncIterator[bytes]:
    """Run *chain* and yield its `astream_events` dictionaries."""
    events = chain.astream_events(value, config, **{"version": "v2", **options})
    async for encoded in _encoded(events, lambda event: event):
        yield encoded


async def _encoded(items: Any, shape: Any) -> AsyncIterator[bytes]:
    try:
        async with contextlib.aclosing(items):
            async for item in items:
                yield frame("data", json.dumps(shape(item), default=_plain).encode())
    except Exception:
        # What went wrong is the server's affair, as LangServe has it.
        _logger.exception("a streamed run failed")
        yield frame("error", b'{"status_code":500,"message":"Internal Server Error"}')
        return
    yield frame("end", b"{}")


def _plain(value: Any) -> Any:
    """Return LangChain's own objects as the client revives them."""
    dump = getattr(value, "model_dump", None)
    return dump() if dump is not None else str(value)
