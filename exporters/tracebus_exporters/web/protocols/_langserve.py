"""LangServe's routes, as `langserve.RemoteRunnable` calls them.

For clients that exist: LangServe was archived in May 2026, and its run log repeats the whole output with
every chunk.
"""

from __future__ import annotations

import contextlib
import json
import logging
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tracebus_exporters.web.wire._sse import sse_response
from tracebus_exporters.web.wire._wire import frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from starlette.requests import Request

__all__ = ["chunk_frames", "event_frames", "langserve_routes", "log_frames"]

_logger = logging.getLogger("tracebus.web")

_FILTERS = tuple(f"{which}_{what}" for which in ("include", "exclude") for what in ("names", "types", "tags"))


def langserve_routes(chain: Any, path: str = "") -> list[Route]:
    """Return LangServe's routes below *path* for *chain*, all that `langserve.RemoteRunnable` calls.

    `POST` `invoke`, `batch`, `stream`, `stream_log` and `stream_events`; `GET` `input_schema`,
    `output_schema` and `config_schema`. Like LangServe's own they send everything the chain returns.
    """

    def streaming(frames: Any) -> Any:
        async def answer(request: Request) -> Response:
            return await _stream(request, chain, frames)

        return answer

    async def invoke(request: Request) -> Response:
        return await _whole(request, lambda body: chain.ainvoke(body["input"], body.get("config")))

    async def batch(request: Request) -> Response:
        return await _whole(
            request, lambda body: chain.abatch(list(body["inputs"]), body.get("config")), "inputs"
        )

    def schema(which: str) -> Any:
        async def answer(_: Request) -> Response:
            return JSONResponse(getattr(chain, f"get_{which}_jsonschema")())

        return answer

    streams = {"stream": chunk_frames, "stream_log": log_frames, "stream_events": event_frames}
    return [
        Route(f"{path}/invoke", invoke, methods=["POST"]),
        Route(f"{path}/batch", batch, methods=["POST"]),
        *(Route(f"{path}/{name}", streaming(frames), methods=["POST"]) for name, frames in streams.items()),
        *(Route(f"{path}/{name}_schema", schema(name)) for name in ("input", "output", "config")),
    ]


async def _whole(
    request: Request, run: Callable[[dict[str, Any]], Awaitable[Any]], what: str = "input"
) -> Response:
    body = await _body(request, what)
    if isinstance(body, Response):
        return body
    try:
        output = await run(body)
    except Exception:
        _logger.exception("a run failed")
        return JSONResponse({"detail": "Internal Server Error"}, status_code=500)
    encoded = json.dumps(
        {"output": output, "metadata": {"run_id": None, "feedback_tokens": []}}, default=_plain
    )
    return Response(encoded, media_type="application/json")


async def _stream(request: Request, chain: Any, frames: Any) -> Response:
    body = await _body(request, "input")
    if isinstance(body, Response):
        return body
    options = {name: body[name] for name in _FILTERS if body.get(name) is not None}
    options |= body.get("kwargs") or {}
    return sse_response(frames(chain, body["input"], body.get("config"), **options))


async def _body(request: Request, what: str) -> dict[str, Any] | Response:
    try:
        body: dict[str, Any] = await request.json()
        body[what]
    except (ValueError, TypeError, KeyError) as error:
        return JSONResponse({"error": f"the body is a JSON object with {what!r}: {error!r}"}, status_code=422)
    return body


async def chunk_frames(
    chain: Any, value: Any, config: Mapping[str, Any] | None = None, **options: Any
) -> AsyncIterator[bytes]:
    """Run *chain* and yield its chunks."""
    async for encoded in _encoded(chain.astream(value, config, **options), lambda chunk: chunk):
        yield encoded


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
