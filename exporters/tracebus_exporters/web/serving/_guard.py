"""Middleware around the whole app: checks host name and token, adds security headers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse

from tracebus.access import host_name, offered_token

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tracebus.access import Access

__all__ = ["Guard"]

_COOKIE = "tracebus"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Checks the host's name and the token, and adds the headers that keep a page to itself.

    The host's name, because a hostile page may point its own name at 127.0.0.1 and read what it finds
    there (DNS rebinding). `EventSource` cannot send a header, so a browser trades the token in the
    link it was given for a cookie.

    Args:
        app: what is behind.
        access: the names the server answers to, and the bearer token it asks for.
        shared: other origins may read answers (CORS decides which).
    """

    def __init__(self, app: ASGIApp, *, access: Access, shared: bool = False) -> None:
        self._app = app
        self._access = access
        self._headers = {name: value for name, value in _HEADERS.items() if not (shared and "origin" in name)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what may not pass; hand on the rest."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        headers = Headers(scope=scope)
        answer = self._refusal(scope, headers)
        await (answer or self._app)(scope, receive, with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        host = headers.get("host", "")
        if not self._access.answers_to(host):
            message = f"this server does not answer to the name {host_name(host)!r}"
            return JSONResponse({"error": message}, status_code=421)
        offered = offered_token(headers.get("authorization", ""), headers.get("cookie", ""), _COOKIE)
        if self._access.knows(offered):
            return None
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if scope["path"].endswith("/") and self._access.knows(query.get("token", [""])[-1]):
            return self._welcome(scope)
        message = "a token is needed: open the link the server printed, or send 'Authorization: Bearer …'"
        return JSONResponse({"error": message}, status_code=401, headers={"www-authenticate": "Bearer"})

    def _welcome(self, scope: Scope) -> ASGIApp:
        response = RedirectResponse(scope["path"], status_code=303)
        response.set_cookie(_COOKIE, str(self._access.token), httponly=True, samesite="strict", path="/")
        return response
