"""What each path of `tracebus serve` answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from tracebus.searching import find
from tracebus_exporters.web.protocols._agui import AguiProjection
from tracebus_exporters.web.protocols._plain import TextProjection
from tracebus_exporters.web.protocols._vercel import VERCEL_HEADERS, VercelProjection
from tracebus_exporters.web.serving._bundle import page_html
from tracebus_exporters.web.serving._projected import projected, projected_text
from tracebus_exporters.web.watching._comparing import UnknownRunError, comparison_of
from tracebus_exporters.web.watching._looking import entry_of, events_of
from tracebus_exporters.web.watching._shape import APPENDING, PLAIN
from tracebus_exporters.web.watching._watch import MOST_CHANNELS, watched
from tracebus_exporters.web.wire._sse import sse_response
from tracebus_exporters.web.wire._wire import json_bytes

if TYPE_CHECKING:
    from starlette.requests import Request

    from tracebus.events import Event
    from tracebus_exporters.web.watching._hub import Hub

__all__ = ["Views"]

_APPEND = "profile=append"
_PATIENCE = 0.1
"""Seconds the page waits for what it could begin with."""
_SEARCH_SECONDS = 5.0
_UNCACHED = {"cache-control": "no-store"}


class Views:
    """What each path answers."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def page(self, _: Request) -> Response:
        beginning = await self._hub.beginning(_PATIENCE)
        return HTMLResponse(page_html(beginning), headers=_UNCACHED)

    async def runs(self, _: Request) -> Response:
        await self._hub.start()
        return _json(self._hub.runs.document)

    async def runs_stream(self, request: Request) -> Response:
        await self._hub.start()
        return sse_response(self._hub.list.stream(_position(request)))

    async def watch(self, request: Request) -> Response:
        await self._hub.start()
        asked = request.query_params
        runs = dict(zip(asked.getlist("run"), map(_number, asked.getlist("after")), strict=False))
        if len(runs) > MOST_CHANNELS:
            raise HTTPException(400, f"a stream tells of at most {MOST_CHANNELS} runs, not {len(runs)}")
        return sse_response(watched(self._hub, runs, _number(asked.get("list", ""))))

    async def run(self, request: Request) -> Response:
        root_id = await self._root(request)
        await self._hub.tree(root_id)
        state = self._hub.document(root_id)
        return _json({"seq": state.seq, "state": state.document})

    async def run_stream(self, request: Request) -> Response:
        root_id = await self._root(request)
        feed = await self._hub.tree(root_id)
        append = request.query_params.get("ops") == "append" or _APPEND in request.headers.get("accept", "")
        headers = {"location": request.url.path}
        return sse_response(feed.stream(_position(request), APPENDING if append else PLAIN), headers=headers)

    async def run_entry(self, request: Request) -> Response:
        root_id = await self._root(request)
        await self._hub.tree(root_id)
        state = self._hub.document(root_id)
        return _json({"seq": state.seq, **entry_of(state.document, _run_in(state.document, request))})

    async def run_events(self, request: Request) -> Response:
        root_id = await self._root(request)
        await self._hub.tree(root_id)
        run_id = _run_in(self._hub.document(root_id).document, request)
        told = events_of(await self._hub.read_run(root_id), run_id)
        return Response(told, media_type="application/json", headers=_UNCACHED)

    async def run_find(self, request: Request) -> Response:
        root_id = await self._root(request)
        await self._hub.tree(root_id)
        text = request.query_params.get("text", "")
        found = find(self._hub.document(root_id).document, text)
        return _json({"runs": found.first, "in": found.runs})

    async def run_compare(self, request: Request) -> Response:
        left, right = [await self._events(request, name) for name in ("id", "other")]
        try:
            return _json(await asyncio.to_thread(comparison_of, left, right))
        except UnknownRunError as error:
            raise HTTPException(404, f"no run {error.args[0]!r} in this log any more") from error

    async def search(self, request: Request) -> Response:
        await self._hub.start()
        found, searched = await self._hub.search(request.query_params.get("text", ""), _SEARCH_SECONDS)
        return _json({"runs": found, "searched": searched})

    async def run_text(self, request: Request) -> Response:
        root_id = await self._root(request)
        return sse_response(
            projected_text(self._hub, root_id, TextProjection(root_id, inner=_inner(request)))
        )

    async def run_agui(self, request: Request) -> Response:
        root_id = await self._root(request)
        asked: dict[str, Any] = {}
        if request.method == "POST":
            asked = await _body(request)
        projection = AguiProjection(root_id, asked.get("threadId"), asked.get("runId"), inner=_inner(request))
        return sse_response(projected(self._hub, root_id, projection))

    async def run_ai(self, request: Request) -> Response:
        root_id = await self._root(request)
        frames = projected(self._hub, root_id, VercelProjection(root_id, inner=_inner(request)))
        return sse_response(frames, headers=VERCEL_HEADERS)

    async def _events(self, request: Request, name: str) -> tuple[list[Event], str]:
        """Return the events of the tree a run is in, and the run's whole id."""
        root_id = await self._root(request, name)
        await self._hub.tree(root_id)
        run_id = _run_in(self._hub.document(root_id).document, request, name)
        return await self._hub.read_run(root_id), run_id

    async def _root(self, request: Request, name: str = "id") -> str:
        await self._hub.start()
        asked = request.path_params[name]
        found = await self._hub.root_of(asked)
        if found is None:
            raise HTTPException(404, f"no run {asked!r} in this log; /runs lists the latest")
        return found


def _position(request: Request) -> int | None:
    """Return where the client left off, by `Last-Event-ID` or `?since=`; nonsense is no position."""
    return _number(request.headers.get("last-event-id") or request.query_params.get("since", ""))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _run_in(document: dict[str, Any], request: Request, name: str = "id") -> str:
    """Return the whole id of the run that is asked for by it or by its beginning."""
    asked = str(request.path_params[name])
    found = [run_id for run_id in document["runs"] if run_id.startswith(asked)]
    if asked in found:
        return asked
    if len(found) != 1:
        raise HTTPException(404, f"no run {asked!r} in this tree")
    return str(found[0])


def _inner(request: Request) -> bool:
    """Return whether what models say inside is asked for as well."""
    return request.query_params.get("inner", "") not in ("", "0", "false")


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise HTTPException(400, f"the body is no JSON: {error}") from error
    return body if isinstance(body, dict) else {}


def _json(value: Any) -> Response:
    return Response(json_bytes(value), media_type="application/json", headers=_UNCACHED)
