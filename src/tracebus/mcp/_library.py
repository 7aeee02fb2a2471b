"""The `mcp` package, generation 1 or 2: one name for what both have."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["new_server", "read_only", "refusal", "run_http", "run_stdio"]

_READ_ONLY = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False}


def new_server(name: str, instructions: str) -> Any:
    """Return a server without tools.

    Raises:
        ImportError: the package `mcp` is not installed.
    """
    try:
        made: Callable[..., Any] = import_module("mcp.server.mcpserver").MCPServer
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("mcp.server"):
            raise
        made = import_module("mcp.server.fastmcp").FastMCP
    return made(name, instructions=instructions, log_level="WARNING")


def refusal() -> type[Exception]:
    """Return the exception whose message a client is told; generation 2 keeps that of others to itself."""
    try:
        error: type[Exception] = import_module("mcp.server.mcpserver.exceptions").ToolError
    except ModuleNotFoundError:
        error = import_module("mcp.server.fastmcp.exceptions").ToolError
    return error


def read_only() -> Any:
    """Return what tells a client that a tool changes nothing."""
    return import_module("mcp.types").ToolAnnotations(**_READ_ONLY)


def run_stdio(server: Any) -> None:
    """Serve the client at the other end of standard input and output, until it leaves."""
    server.run("stdio")


def run_http(server: Any, port: int) -> None:
    """Serve streamable HTTP at `/mcp` on loopback; only pages and programs of this machine are answered."""
    if hasattr(server, "settings") and hasattr(server.settings, "port"):
        server.settings.host, server.settings.port = "127.0.0.1", port
        server.run("streamable-http")
    else:
        server.run("streamable-http", host="127.0.0.1", port=port)
