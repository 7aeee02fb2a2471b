"""With content off, or everything redacted, an agent is told nothing of the program."""

from __future__ import annotations

import contextlib

import pytest

from canary import CANARY, exits, log_under
from tracebus import open_log
from tracebus.logs import RunQuery

pytest.importorskip("mcp", reason="needs tracebus[mcp]")


@exits
async def test_what_an_agent_is_told(log_url, connected, capture, seen):
    """Every tool's answer over a real pipe, about every run."""
    log_under(capture, log_url)
    with contextlib.closing(open_log(log_url)) as log:
        runs = [run.run_id for run in log.runs(RunQuery(roots_only=False))]
    asked = [("list_runs", {}), ("search", {"text": "a"}), ("compare_runs", {"left": "last"})]
    for tool in ("show_run", "read_run", "why_failed", "what_cost", "wait_for_run"):
        asked += [(tool, {"run": run}) for run in runs]
    told = ""
    async with connected(log_url) as client:
        assert {tool for tool, _ in asked} == {tool.name for tool in (await client.list_tools()).tools}
        for tool, arguments in asked:
            told += str(await client.call_tool(tool, arguments))
    assert "work" in told
    assert (CANARY in told) is seen
