"""Middleware around every answer of the server: who may open a page, and what a page may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from tracebus.access import host_name, is_own_origin, offered_token

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

    from tracebus.access import Access

SOCKET: Final = "/ws"
"""Where a page connects to its viewer."""
DOWNLOADS: Final = "/download/"
"""Where a page fetches what its viewer saved; textual.js knows it by heart."""

_COOKIE = "tracebus-tui"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""`unsafe-inline` for styles: xterm.js writes its own into the page."""
_HEADERS: Final = {
    "Cache-Control": "no-cache",  # or a browser mixes this version's files with the last one's
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def gate(access: Access) -> Middleware:
    """Return what stands in front of every handler, and lets pass what *access* allows.

    Beside the host's name and the token it asks a WebSocket for its origin: browsers let any page open one
    to any address, and say only there which page it is.
    """

    @web.middleware
    async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = _refusal(request, access)
        return refusal if refusal is not None else await handler(request)

    return checked


def _refusal(request: web.Request, access: Access) -> web.StreamResponse | None:
    host = request.headers.get("Host", "")
    if not access.answers_to(host):
        return _said(421, f"this server does not answer to the name {host_name(host)!r}")
    if request.path == SOCKET and not is_own_origin(request.headers.get("Origin", ""), host):
        return _said(403, "only this server's own page may open a viewer")
    authorization, cookies = request.headers.get("Authorization", ""), request.headers.get("Cookie", "")
    if access.knows(offered_token(authorization, cookies, _COOKIE)):
        return None
    if request.path == "/" and access.knows(request.query.get("token", "")):
        return _welcome(access)
    return _said(401, "a token is needed: open the link the server printed")


def _said(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")


def _welcome(access: Access) -> web.Response:
    """Trade the token in the link for a cookie: a page cannot send a header with a WebSocket."""
    answer = web.Response(status=303, headers={"Location": "/"})
    answer.set_cookie(_COOKIE, str(access.token), httponly=True, samesite="Strict", path="/")
    return answer


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add to an answer the headers that keep a page to itself, and what is downloaded out of caches."""
    response.headers.update(_HEADERS)
    if request.path.startswith(DOWNLOADS):
        response.headers["Cache-Control"] = "no-store"
