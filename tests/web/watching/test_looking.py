"""One run of a tree: its entry, its events, where a text is; and one stream for many."""

from __future__ import annotations

import json

import httpx
import pytest

from tracebus.events import RunKind
from tracebus.logs import open_log
from tracebus.runstate import RunState
from tracebus.searching import find
from tracebus_exporters.web import create_app
from tracebus_exporters.web.watching._looking import entry_of


def human(text):
    return {"type": "human", "content": text}


@pytest.fixture
def agent(story):
    """An agent of three model calls, whose messages are handed on; a second agent takes turns with it."""
    said = [human(f"message {number}") for number in range(7)]
    other = [human("the other's"), human("more")]
    events = [story.start("root", inputs={"messages": said[:1]})]
    for number, messages in enumerate((said[:1], other[:1], said[:3], other, said[:5])):
        run_id = f"model {number}"
        events.append(story.start(run_id, "root", RunKind.CHAT_MODEL, inputs={"messages": messages}))
        events.append(story.end(run_id, outputs={"messages": [human(f"answer {number}")]}))
    return [*events, story.end(outputs={"messages": [*said, human("answer 4")]})]


def document(events):
    state = RunState()
    state.apply_all(events)
    return state.document


def test_what_an_earlier_call_had_is_known(agent):
    """The call whose list this one continues need not be the last one."""
    found = document(agent)
    assert entry_of(found, "model 0")["known"] is None
    assert entry_of(found, "model 2")["known"] == {"run_id": "model 0", "messages": 1}
    assert entry_of(found, "model 3")["known"] == {"run_id": "model 1", "messages": 1}
    assert entry_of(found, "model 4")["known"] == {"run_id": "model 2", "messages": 3}


def test_a_text_is_found_where_it_was_first(agent):
    """What is handed on counts once, in the call that brought it; the root's sum of all says nothing new."""
    found = document(agent)
    assert find(found, "ANSWER 4").first == ["model 4"]
    assert find(found, "message 2").first == ["model 2"]
    assert find(found, "message 0").first == ["root"]
    assert find(found, "nowhere") == ([], 0, [])
    assert find(found, "message 2").runs > find(found, "ANSWER 4").runs > 0
    assert find(found, "").first == []


def test_streamed_text_is_found(story):
    """Chunks are searched as the text they make."""
    found = document([story.start("root"), story.stream("nee"), story.stream("dle")])
    assert find(found, "needle").first == ["root"]


def frames_of(text):
    """Return (channel, event, data) of each frame."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        if "event" in fields:
            found.append((fields["channel"], fields["event"], json.loads(fields["data"])))
    return found


def test_one_stream_tells_of_many(tmp_path, story, agent, serving):
    """The list and the outlines of several runs come by one stream; an unknown run is told of there."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    log.append([*agent, *story.whole("second")])
    with serving(create_app(log)) as url:
        asked = [
            ("run", "model 2"),
            ("after", ""),
            ("run", "second"),
            ("after", ""),
            ("run", "nope"),
            ("after", ""),
        ]
        told = ""
        with httpx.stream("GET", f"{url}/watch", params=asked) as response:
            for text in response.iter_text():
                told += text
                if told.count("event: end") == 2 and "event: error" in told and "channel: list" in told:
                    break
        frames = frames_of(told.rpartition("\n\n")[0])
        assert {(channel, event) for channel, event, _ in frames} == {
            ("list", "snapshot"),
            ("run%20model%202", "snapshot"),
            ("run%20model%202", "end"),
            ("run%20second", "snapshot"),
            ("run%20second", "end"),
            ("run%20nope", "error"),
        }
        tree = next(data["state"] for channel, _, data in frames if "model" in channel)
        assert tree["runs"]["model 4"]["output"] == "answer 4"
        assert "inputs" not in tree["runs"]["model 4"]

        entry = httpx.get(f"{url}/runs/model 4/entry").json()
        assert len(entry["run"]["inputs"]["messages"]) == 5
        assert entry["known"] == {"run_id": "model 2", "messages": 3}
        events = httpx.get(f"{url}/runs/model 4/events").json()
        assert [event["type"] for event in events] == ["run_started", "run_ended"]
        answer = httpx.get(f"{url}/runs/root/find", params={"text": "answer 3"}).json()
        assert answer["runs"] == ["model 3"]
        assert answer["in"] >= 1
        assert httpx.get(f"{url}/runs/nope/entry").status_code == 404
        assert (
            httpx.get(
                f"{url}/watch", params=[("run", str(n)) for n in range(65)] + [("after", "")] * 65
            ).status_code
            == 400
        )
    log.close()


def test_without_content_none_is_told(tmp_path, story, agent, serving):
    """`--no-content` holds for rows, entries, events and what is found."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    log.append([*agent, *story.whole("second")])
    with serving(create_app(log, content=False)) as url:
        told = "".join(
            httpx.get(f"{url}/runs{path}").text
            for path in ("", "/model 4/entry", "/model 4/events", "/second")
        )
        assert "answer" not in told
        assert "message 0" not in told
        assert "secret" not in told
        assert httpx.get(f"{url}/runs/root/find", params={"text": "answer"}).json() == {"runs": [], "in": 0}
        assert httpx.get(f"{url}/search", params={"text": "answer"}).json() == {"runs": [], "searched": 2}
    log.close()


def test_the_list_says_how_stored_runs_began(tmp_path, story, serving):
    """What a log's index does not hold, batches and inputs, is looked up."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    for number in range(3):
        log.append(story.batch_of(f"root {number}", number, 3))
    with serving(create_app(log)) as url:
        runs = httpx.get(f"{url}/runs").json()["runs"]
    assert {run["input"] for run in runs.values()} == {"secret question"}
    assert {run["batch"]["index"] for run in runs.values()} == {0, 1, 2}
    log.close()


def test_a_text_is_searched_in_all_runs(tmp_path, story, agent, serving):
    """Whatever run inside had it; the latest root first."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    log.append([*agent, *story.whole("second")])
    with serving(create_app(log)) as url:

        def found(text):
            return httpx.get(f"{url}/search", params={"text": text}).json()

        assert found("ANSWER 3") == {"runs": ["root"], "searched": 2}
        assert found("Secret question") == {"runs": ["second"], "searched": 2}
        assert found("nowhere")["runs"] == []
        assert found("") == {"runs": [], "searched": 0}
    log.close()
