from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tracebus import EventBus
from tracebus.demo import play
from tracebus.demo._graph import has_langgraph
from tracebus.events import CustomEmitted, Outcome, RunEnded, RunRetried, RunStarted, RunStreamed
from tracebus.testing import collect

README = Path(__file__).resolve().parents[2] / "README.md"


class Stage:
    def __init__(self):
        self.said = ""
        self.scenes = []

    def scene(self, number, title):
        self.scenes.append(title)

    def say(self, text):
        self.said += text

    def done(self):
        self.scenes.append("done")


@pytest.fixture(scope="module")
def played():
    stage = Stage()
    bus = EventBus()
    with collect(bus) as recorded:
        play(stage, bus, fast=True)
    bus.close()
    return stage, recorded.events


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_it_shows_all_that_can_happen_to_a_chain(played):
    """Retrieval, tools, a retry, a fallback, a batch, an error and a cancelled run are on record."""
    _, events = played
    started = {event.run_id: event for event in of(events, RunStarted)}
    ended = {event.run_id: event for event in of(events, RunEnded)}
    assert started.keys() == ended.keys()
    assert {event.kind.value for event in started.values()} >= {
        "chain",
        "prompt",
        "parser",
        "chat_model",
        "tool",
        "retriever",
    }
    roots = {event.name: ended[event.run_id].outcome for event in started.values() if not event.parent_run_id}
    assert roots["help_desk"] is roots["report"] is roots["brief_answer"] is Outcome.OK
    assert roots["archive"] is Outcome.ERROR
    assert roots["storyteller"] is Outcome.CANCELLED
    assert {event.batch.size for event in started.values() if event.batch} == {5}
    assert of(events, RunRetried)
    said = {event.name for event in of(events, CustomEmitted)}
    assert said == {"documents_ranked", "tracebus.budget"}


def test_the_model_talks_like_one(played):
    """It streams text, reasoning and fragments of tool calls, and reports cached and reasoning tokens."""
    _, events = played
    streamed = of(events, RunStreamed)
    assert any(event.reasoning for event in streamed)
    assert len([event for event in streamed if event.tool_calls]) > 4
    usages = [event.usage for event in of(events, RunEnded) if event.usage]
    assert any(usage.cache_read_tokens for usage in usages)
    assert any(usage.reasoning_tokens for usage in usages)


def test_the_programme_survives_what_it_shows(played):
    """The failed search for lost property is answered, the fallback answers, the error is caught."""
    stage, _ = played
    assert "night bus N7" in stage.said
    assert "the programme caught: context_length_exceeded" in stage.said
    assert "the programme cancelled it" in stage.said
    assert len(stage.scenes) == 6 + has_langgraph()
    assert stage.scenes[-1] == "done"


def test_fast_waits_for_nothing(monkeypatch):
    """With `fast` no pacing sleeps are left."""
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("slept") if seconds else None)
    stage = Stage()
    play(stage, EventBus(), fast=True)
    assert stage.scenes[-1] == "done"


def test_the_command_shows_the_trees(command_line):
    """`tracebus demo --headless --fast` prints text on standard output and the trees of runs."""
    done = command_line("demo", "--headless", "--fast", TRACEBUS_TO="", COLUMNS="160")
    assert done.returncode == 0, done.stderr
    assert "0 runs left open, 0 events lost" in done.stdout
    printed = rows(done.stdout + done.stderr)
    figure = README.read_text("utf-8").partition("$ tracebus demo --headless\n")[2].partition("```")[0]
    assert len(rows(figure)) == 16
    assert printed[: len(rows(figure))] == rows(figure)  # what README shows is what one gets
    assert not list(command_line.folder.glob("**/*.db"))


def rows(text):
    """Return the rows of trees as far as they are the same each time: depth, name, tokens, cost."""
    found = re.findall(r"^([│├╰─ ]*)([✓✗⊘] .+?)(?:  (.*))?$", text, re.MULTILINE)
    return [(len(place), name, *re.findall(r"\d+→\d+|\$[\d.]+", rest)) for place, name, rest in found]


def test_the_command_sends_events_where_it_is_told(command_line):
    """With --to the console is quiet and the events are where they should be, once."""
    other = command_line.folder / "other.jsonl"
    done = command_line("demo", "--fast", "--to", f"record:{other}")
    assert done.returncode == 0, done.stderr
    assert "keyword_search" not in done.stdout + done.stderr
    assert not command_line.log.exists()
    command_line.log = other
    roots = [event.name for event in of(command_line.events(), RunStarted) if not event.parent_run_id]
    assert roots.count("help_desk") == 1
