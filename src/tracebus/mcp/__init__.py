"""A Model Context Protocol server over a log: a coding agent asks what its user's chain did.

Read-only, bounded, on this machine. `tracebus mcp` starts it.
"""

from __future__ import annotations

from tracebus.mcp._server import serve_http, serve_stdio, server

__all__ = ["serve_http", "serve_stdio", "server"]
