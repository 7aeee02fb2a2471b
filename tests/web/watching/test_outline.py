from __future__ import annotations

import json

import pytest
import runstate_events as generated
from hypothesis import given, settings
from hypothesis import strategies as st

from tracebus.events import ErrorInfo, ModelInfo, Outcome, RunKind, TokenUsage, ToolCallFragment
from tracebus.runstate import RunState, apply
from tracebus_exporters.web.watching._beginning import beginning
from tracebus_exporters.web.watching._outline import Outline

STREAMED = ("text", "reasoning", "tool_calls", "streamed")


def settled(document):
    """Leave out what finished runs streamed: a follower has it, a newcomer need not."""
    runs = {
        run_id: run if run["status"] == "running" else {k: v for k, v in run.items() if k not in STREAMED}
        for run_id, run in document["runs"].items()
    }
    return {**document, "runs": runs}


@settings(deadline=None)  # the list of prices is loaded with the first one
@given(st.lists(st.lists(generated.any_event, max_size=6), max_size=8))
def test_the_operations_lead_to_the_outline(frames):
    """Whatever a log says, who follows the outline has what a newcomer is sent."""
    state = RunState()
    outline = Outline(state.document)
    follower = json.loads(json.dumps(outline.document(state.document)))
    for frame in frames:
        outline.count(frame)
        apply(follower, json.loads(json.dumps(outline.operations(state.apply_all(frame)))), append=True)
        assert settled(follower) == settled(outline.document(state.document))


def test_an_outline_grows_with_what_is_new(story):
    """A conversation of twice the length makes an outline of twice the size, not of four times."""

    def size(steps):
        state = RunState()
        said = [{"type": "human", "content": "x" * 2000}] * steps
        for step in range(steps):
            run_id = f"model {step:03}"
            start = story.start(run_id, "root", RunKind.CHAT_MODEL, inputs={"messages": said[:step]})
            state.apply_all([start, story.end(run_id, outputs={"messages": said[:1]})])
        return len(json.dumps(Outline(state.document).document(state.document)))

    assert size(40) < 2.1 * size(20)


def test_a_row_says_how_it_went(story):
    """Beginnings, cost, counts and the error are there; tracebacks and payloads are not."""
    model = ModelInfo(provider="openai", name="gpt-4o-mini", parameters={"tools": ["x" * 1000]})
    error = ErrorInfo(type="TimeoutError", message="slow", traceback="secret place")
    state = RunState()
    state.apply_all(
        [
            story.start("root", inputs={"question": "why?", "k": 3}),
            story.start("model", "root", RunKind.CHAT_MODEL, model=model, inputs={"messages": []}),
            story.end("model", usage=TokenUsage(input_tokens=1_000_000, output_tokens=0)),
            story.end(outcome=Outcome.ERROR, error=error, outputs="gone"),
        ]
    )
    runs = Outline(state.document).document(state.document)["runs"]
    assert runs["root"]["input"] == "question=why?, k=3"
    assert runs["root"]["output"] == "gone"
    assert runs["root"]["error"] == {"type": "TimeoutError", "message": "slow"}
    assert runs["model"]["cost"] == pytest.approx(0.15)
    assert runs["model"]["model"] == {"provider": "openai", "name": "gpt-4o-mini"}


def test_a_running_model_counts_its_chunks(story):
    """While it runs the row has its text and how many chunks there were; a newcomer has them, too."""
    state = RunState()
    outline = Outline(state.document)
    follower = outline.document(state.document)
    call = ToolCallFragment(index=0, id="c", name="look", args='{"a"')
    for frame in (
        [story.start("root", kind=RunKind.CHAT_MODEL)],
        [story.stream("Hel"), story.stream("lo")],
        [story.stream("!", tool_calls=(call,))],
    ):
        outline.count(frame)
        apply(follower, outline.operations(state.apply_all(frame)), append=True)
        newcomer = outline.document(state.document)
        assert follower["runs"]["root"]["text"] == newcomer["runs"]["root"]["text"]
        assert follower["runs"]["root"].get("streamed") == newcomer["runs"]["root"].get("streamed")
    assert follower["runs"]["root"]["text"] == ["Hello!"]
    assert follower["runs"]["root"]["streamed"] == 3
    assert follower["runs"]["root"]["tool_calls"][0]["args"] == ['{"a"']


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        ("  two\n words ", "two words"),
        ({"input": "what?"}, "what?"),
        ({"n": 3}, "n=3"),
        ({"a": 1, "b": ["x", "y"]}, "a=1, b=x, y"),
        ({"messages": [{"type": "system", "content": "s"}, {"type": "human", "content": "h"}]}, "h"),
        (
            {
                "type": "ai",
                "content": [{"type": "text", "text": "so"}, {"type": "tool_use", "name": "f"}],
                "tool_calls": [{"name": "f", "args": {"x": 1}}],
            },
            "so → f(x=1)",
        ),
        (
            {"type": "human", "content": [{"type": "image_url", "image_url": {"url": "data:…"}}]},
            "[image_url]",
        ),
        ({"documents": [{"page_content": "p"}, {"page_content": "q"}]}, "2 documents: p"),
        ([{"graph": None, "update": {"messages": [{"type": "ai", "content": "u"}]}, "goto": []}], "u"),
        ("x" * 500, "x" * 159 + "…"),
    ],
)
def test_a_row_begins_with_what_matters(value, words):
    """Of a conversation the last message, of an answer its text and calls, else the fields."""
    assert beginning(value) == words


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("messages"), inner),
    )
)
def test_whatever_comes_has_a_beginning(value):
    """No payload breaks a row, and none makes it long."""
    words = beginning(value)
    assert len(words) <= 160
    assert words == " ".join(words.split())
