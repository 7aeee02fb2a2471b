from __future__ import annotations

import json
import re
import time
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

import tracebus_exporters.web
from tracebus.access import is_loopback
from tracebus.bus import EventBus
from tracebus.logs import open_log
from tracebus.runstate import RunState, compacted
from tracebus_exporters.web import create_app

STATIC = Path(tracebus_exporters.web.__file__).with_name("static")


@pytest.fixture
def log(tmp_path, story):
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    log.append(story.whole())
    yield log
    log.close()


def folded(events):
    state = RunState()
    state.apply_all(events)
    return compacted(state.document)


def frames_of(response):
    return [frame.encode() for frame in response.text.strip().split("\n\n")]


def test_the_page_and_its_parts_are_served_and_kept_to_themselves(log, serving):
    """The page loads, and no other site can frame it or feed it a script."""
    with serving(create_app(log)) as url:
        page = httpx.get(url)
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        parts = [str(part.relative_to(STATIC)) for part in STATIC.rglob("*.*s")]
        assert len(parts) > 20
        for part in parts:
            assert httpx.get(f"{url}/static/{part}").status_code == 200
        assert (
            "access-control-allow-origin"
            not in httpx.get(f"{url}/runs", headers={"origin": "https://evil"}).headers
        )


def test_every_script_and_style_is_in_the_page_s_parts(log, serving):
    """One request each: the page names its parts by what is in them, so that a browser keeps them."""
    with serving(create_app(log)) as url:
        page = httpx.get(url).text
        styles, scripts = (
            re.search(rf'"(static/bundle/page\.{kind}\?\w+)"', page)[1] for kind in ("css", "js")
        )
        answers = [httpx.get(f"{url}/{part}") for part in (styles, scripts, "static/bundle/worker.js")]
    assert [answer.headers["cache-control"].partition(",")[0] for answer in answers] == [
        "max-age=31536000",
        "max-age=31536000",
        "no-cache",
    ]
    for style in (STATIC / "style").iterdir():
        assert style.read_text("utf-8") in answers[0].text
    parts = set(re.findall(r"^// (.+\.js)$", answers[1].text + answers[2].text, re.MULTILINE))
    assert parts == {part.relative_to(STATIC).as_posix() for part in STATIC.rglob("*.js")}
    assert not re.search(r"^(import|export) ", answers[1].text + answers[2].text, re.MULTILINE)


def test_the_page_comes_with_what_it_draws_first(log, serving, story):
    """The list and the latest run, at positions the stream goes on from; no text of theirs ends the data."""
    log.append(
        [replace(event, time=event.time + 9_000) for event in story.whole("later", name="</script><b>")[:-1]]
    )
    with serving(create_app(log)) as url:
        deadline = time.monotonic() + 20
        while "run later" not in (page := httpx.get(url).text) and time.monotonic() < deadline:
            pass
        data = page.partition('<script type="application/json" id="beginning">')[2].partition("</script>")[0]
        beginning = json.loads(data)
        assert set(beginning) == {"list", "run later"}
        assert beginning["list"]["state"] == httpx.get(f"{url}/runs").json()
        assert beginning["run later"]["seq"] == httpx.get(f"{url}/runs/later").json()["seq"]
        assert beginning["run later"]["state"]["runs"]["later"]["name"] == "</script><b>"


def test_runs_as_json(log, serving, story):
    """The list, one tree by the beginning of a run's id, and a clear answer for an unknown one."""
    with serving(create_app(log)) as url:
        listed = httpx.get(f"{url}/runs").json()
        assert listed["runs"]["root"]["output_tokens"] == 5
        found = httpx.get(f"{url}/runs/root.m").json()
        assert compacted(found["state"]) == folded(story.whole())
        missing = httpx.get(f"{url}/runs/nobody")
        assert missing.status_code == 404
        assert "no run 'nobody'" in missing.json()["error"]


def test_a_finished_run_streams_a_snapshot_and_the_end(log, serving, story, follower):
    """A late joiner of a finished run gets it whole and is sent home; one who has it is sent home at once."""
    with serving(create_app(log)) as url:
        client = follower()
        response = httpx.get(f"{url}/runs/root/stream")
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-accel-buffering"] == "no"
        for frame in frames_of(response):
            client.take(frame)
        assert client.kinds == ["snapshot", "end"]
        assert compacted(client.state) == folded(story.whole())
        again = follower()
        for frame in frames_of(
            httpx.get(f"{url}/runs/root/stream", headers={"last-event-id": str(client.last)})
        ):
            again.take(frame)
        assert again.kinds == ["end"]
        nonsense = httpx.get(f"{url}/runs/root/stream?since=-1")
        assert b"snapshot" in nonsense.content


def test_projections_of_a_stored_run(log, serving):
    """Text, AG-UI and AI SDK streams of a run that is in the log."""
    with serving(create_app(log)) as url:
        text = httpx.get(f"{url}/runs/root/text").text
        assert text.startswith("data: t0 \n\n")
        assert text.endswith("data: [DONE]\n\n")
        agui = httpx.post(f"{url}/runs/root/agui", json={"threadId": "t", "runId": "r"}).text
        first = json.loads(agui.split("\n")[0][6:])
        assert (first["type"], first["threadId"], first["runId"]) == ("RUN_STARTED", "t", "r")
        assert httpx.post(f"{url}/runs/root/agui", content=b"{").status_code == 400
        ai = httpx.get(f"{url}/runs/root/ai")
        assert ai.headers["x-vercel-ai-ui-message-stream"] == "v1"
        assert '{"type":"finish"}' in ai.text


def test_names_that_are_not_ours_are_refused(log, serving):
    """A hostile page that points its own name at this machine learns nothing."""
    with serving(create_app(log)) as url:
        refused = httpx.get(f"{url}/runs", headers={"host": "evil.example"})
        assert refused.status_code == 421
        assert "evil.example" in refused.json()["error"]
        assert httpx.get(f"{url}/runs", headers={"host": "localhost:1234"}).status_code == 200


def test_a_token_is_asked_for_and_traded_for_a_cookie(log, serving):
    """With a token nothing is shown without it; the link with it makes the browser known."""
    with serving(create_app(log, token="s3cret")) as url:
        assert httpx.get(f"{url}/runs").status_code == 401
        assert httpx.get(f"{url}/runs?token=s3cret").status_code == 401
        assert httpx.get(f"{url}/?token=wrong").status_code == 401
        assert httpx.get(f"{url}/runs", headers={"authorization": "Bearer s3cret"}).status_code == 200
        with httpx.Client(base_url=url, follow_redirects=True) as browser:
            page = browser.get("/?token=s3cret")
            assert page.status_code == 200
            assert "token" not in str(page.url)
            assert "httponly" in page.history[0].headers["set-cookie"].lower()
            assert browser.get("/runs").status_code == 200


def test_other_origins_only_where_allowed(log, serving):
    """CORS opens for the origins given and no other."""
    with serving(create_app(log, origins=["https://app.example"])) as url:
        allowed = httpx.get(f"{url}/runs", headers={"origin": "https://app.example"})
        assert allowed.headers["access-control-allow-origin"] == "https://app.example"
        refused = httpx.get(f"{url}/runs", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in refused.headers


def test_the_content_switch_holds_everywhere(log, serving):
    """With content off no path says a word of what was asked or answered."""
    with serving(create_app(log, content=False)) as url:
        for path in (
            "",
            "runs",
            "runs/root",
            "runs/root/stream",
            "runs/root/text",
            "runs/root/agui",
            "runs/root/ai",
            "runs/root/compare/root.model",
        ):
            shown = httpx.get(f"{url}/{path}").text
            assert "secret" not in shown, path
            assert "t0 t1" not in shown, path


def test_two_runs_are_compared(log, serving, story):
    """Of any two trees: the steps side by side, where they part, and the words that differ."""
    log.append([*story.whole("other")[:-1], story.end("other", outputs="secret reply")])
    with serving(create_app(log)) as url:
        found = httpx.get(f"{url}/runs/root/compare/other").json()
        assert found["steps"][0]["what"] == ["name", "output"]
        assert [(step["left"]["name"], step["change"]) for step in found["steps"]] == [
            ("root", "differs"),
            ("root.model", "differs"),
        ]
        assert found["verdict"] == "They part at root: its name differs."
        output = found["details"][0]["differences"][1]
        assert output["lines"] == [
            {
                "left": [["secret ", False], ["answer", True]],
                "right": [["secret ", False], ["reply", True]],
                "same": False,
            }
        ]
        assert httpx.get(f"{url}/runs/root/compare/nobody").status_code == 404


def test_a_bus_of_this_process_is_watched(serving, story, follower):
    """The app shows a bus as it shows a log, live."""
    bus = EventBus()
    with serving(create_app(bus)) as url:
        events = story.whole()
        bus.publish(events[0])
        client = follower()
        with httpx.stream("GET", f"{url}/runs/root/stream") as response:
            frame = b""
            for line in response.iter_lines():
                if line:
                    frame += line.encode() + b"\n"
                    continue
                kind = client.take(frame)
                frame = b""
                if kind == "snapshot":
                    for event in events[1:]:
                        bus.publish(event)
                if kind == "end":
                    break
        assert compacted(client.state) == folded(events)
    bus.close(1)


async def test_langgraph_sdk_joins_a_run(log, serving, story, follower):
    """LangGraph's own client follows a run where it expects one."""
    sdk = pytest.importorskip("langgraph_sdk")
    with serving(create_app(log)) as url:
        async with sdk.get_client(url=url) as client:
            parts = [part async for part in client.runs.join_stream("thread", "root")]
    assert [part.event for part in parts] == ["snapshot", "end"]
    assert compacted(parts[0].data["state"]) == folded(story.whole())


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("box", False)],
)
def test_only_the_loopback_needs_no_token(host, expected):
    """Any other address is reachable by others."""
    assert is_loopback(host) is expected
