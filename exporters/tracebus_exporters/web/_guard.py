"""Who may ask: a middleware in front of the whole app."""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
        hosts: names the server answers to; `None` for any.
        token: the bearer token to ask for; `None` for none.
        shared: other origins may read answers (CORS decides which).
    """

    def __init__(
        self, app: ASGIApp, *, hosts: frozenset[str] | None, token: str | None, shared: bool = False
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._token = token
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
        if self._hosts is not None and _host(headers) not in self._hosts:
            message = f"this server does not answer to the name {_host(headers)!r}"
            return JSONResponse({"error": message}, status_code=421)
        if self._token is None or self._known(_offered(headers), self._token):
            return None
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if scope["path"].endswith("/") and self._known(query.get("token", [""])[-1], self._token):
            return self._welcome(scope)
        message = "a token is needed: open the link the server printed, or send 'Authorization: Bearer …'"
        return JSONResponse({"error": message}, status_code=401, headers={"www-authenticate": "Bearer"})

    def _welcome(self, scope: Scope) -> ASGIApp:
        response = RedirectResponse(scope["path"], status_code=303)
        response.set_cookie(_COOKIE, str(self._token), httponly=True, samesite="strict", path="/")
        return response

    @staticmethod
    def _known(offered: str, token: str) -> bool:
        return hmac.compare_digest(offered.encode(), token.encode())


def _host(headers: Headers) -> str:
    """Return the name asked for, without the port."""
    host = headers.get("host", "")
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host


def _offered(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(_COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie is not None else ""
