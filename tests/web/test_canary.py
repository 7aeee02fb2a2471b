"""With content off, or everything redacted, the page is served nothing of the program."""

from __future__ import annotations

import httpx

from canary import CANARY, exits, log_under
from tracebus import open_log
from tracebus.logs import RunQuery
from tracebus_exporters.web import create_app

STREAMS = ("stream", "text", "agui", "ai")


@exits
def test_what_the_page_is_served(tmp_path, serving, capture, seen):
    """The list, and of every run its entry, its events and every stream."""
    log = open_log(log_under(capture, f"sqlite:{tmp_path / 'log.db'}"))
    runs = [run.run_id for run in log.runs(RunQuery(roots_only=False))]
    (root,) = [run.run_id for run in log.runs(RunQuery())]
    with serving(create_app(log)) as url, httpx.Client(base_url=url, timeout=30) as client:
        assert client.get(f"/runs/{root}/find", params={"text": CANARY}).json()["runs"] or not seen
        told = client.get("/runs").text
        for run in runs:
            for part in ("", "/entry", "/events"):
                told += client.get(f"/runs/{run}{part}").raise_for_status().text
        for part in STREAMS:
            told += client.get(f"/runs/{root}/{part}").raise_for_status().text
    log.close()
    assert "work" in told
    assert (CANARY in told) is seen
