"""Access to the servers tracebus starts: which host names they answer to, and which token they ask for.

A server on the loopback answers to this machine's names only: a hostile page may point a name of its own at
127.0.0.1 and read what it finds there (DNS rebinding). Any other server asks for a token.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple

__all__ = [
    "LOOPBACK",
    "Access",
    "access_at",
    "host_name",
    "is_loopback",
    "is_own_origin",
    "link",
    "listen",
    "offered_token",
]

LOOPBACK = frozenset(("127.0.0.1", "localhost", "[::1]"))
"""The names this machine has for itself."""


class Access(NamedTuple):
    """Which names a server answers to, and which token it asks for."""

    hosts: frozenset[str] | None
    """Names without ports; `None` for any."""
    token: str | None

    def answers_to(self, header: str) -> bool:
        """Return whether *header*, the `Host` of a request, is a name of this server."""
        return self.hosts is None or host_name(header) in self.hosts

    def knows(self, offered: str) -> bool:
        """Return whether *offered* is the token, or none is asked for; takes the same time for any."""
        return self.token is None or hmac.compare_digest(_bytes(offered), _bytes(self.token))


def access_at(host: str, token: str | None = None) -> Access:
    """Return who may ask a server that listens at *host*; a token is made up where others can connect."""
    if is_loopback(host):
        return Access(LOOPBACK | {f"[{host}]" if ":" in host else host}, token or None)
    return Access(None, token or secrets.token_urlsafe(16))


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_name(header: str) -> str:
    """Return the name in *header*, the `Host` of a request, without the port."""
    name, _, port = header.rpartition(":")
    return name if port.isdigit() else header


def is_own_origin(origin: str, host: str) -> bool:
    """Tell whether *origin*, as a browser sends it, is the page of the very server that *host* names.

    Name and port: pages of other ports are other people's. The scheme is what a proxy in front may change.
    """
    return bool(host) and origin in (f"http://{host}", f"https://{host}")


def offered_token(authorization: str, cookies: str, name: str) -> str:
    """Return the token in the header *authorization*, or else in the cookie called *name*."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    try:
        cookie = SimpleCookie(cookies).get(name)
    except CookieError:
        return ""
    return cookie.value if cookie is not None else ""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at *host* and *port*; 0 takes a free one.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def link(host: str, port: int, token: str | None = None) -> str:
    """Return the link that opens the page of a server at *host* and *port*."""
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  compared, not bound
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # a header may hold any byte
