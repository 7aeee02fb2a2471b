"""A log with an agent whose tool failed, and an MCP client at the other end of a real pipe."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # `broken_desk`: the tests are no package


@pytest.fixture
def log_url(tmp_path):
    return f"sqlite:{tmp_path / 'events.db'}"


@pytest.fixture
def broken(log_url):
    """Give a log with a run that was ok and a later one that failed."""
    from broken_desk import record

    record(log_url, 0)
    record(log_url, 24)
    return log_url


@pytest.fixture
def connected():
    """Give what connects a client of the `mcp` package to `tracebus mcp` by its standard input and output."""
    pytest.importorskip("mcp", reason="needs tracebus[mcp]")

    @asynccontextmanager
    async def connect(url, *options):
        from mcp.client.stdio import stdio_client

        from mcp import ClientSession, StdioServerParameters

        command = StdioServerParameters(command=sys.executable, args=["-m", "tracebus", "mcp", url, *options])
        async with stdio_client(command) as streams, ClientSession(*streams) as session:
            await session.initialize()
            yield session

    return connect
