from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tracebus.events import Outcome, RunEnded, RunKind, RunStarted, RunStreamed, ToolCallFragment
from tracebus_exporters.web.protocols._agui import AguiProjection
from tracebus_exporters.web.protocols._plain import TextProjection
from tracebus_exporters.web.protocols._speech import Speech
from tracebus_exporters.web.protocols._vercel import VercelProjection

IDS = ("root", "model", "other", "tool", "node")
_ids = {"time": st.just(1_000_000), "run_id": st.sampled_from(IDS), "root_run_id": st.just("root")}
_fragments = st.builds(
    ToolCallFragment,
    index=st.none() | st.integers(0, 1),
    id=st.none() | st.sampled_from(("c1", "c2")),
    name=st.none() | st.just("search"),
    args=st.sampled_from(("", "{", "}")),
)
_outputs = st.sampled_from(
    (
        None,
        "text",
        {"messages": [{"content": "said", "tool_calls": [{"name": "f", "args": {}, "id": "c9"}]}]},
        {"messages": [{"content": [{"type": "text", "text": "in blocks"}, "bare"]}]},
        {"completions": ["completed"]},
    )
)
_events = st.lists(
    st.one_of(
        st.builds(
            RunStarted,
            kind=st.sampled_from((RunKind.CHAT_MODEL, RunKind.TOOL, RunKind.NODE, RunKind.CHAIN)),
            name=st.just("step"),
            tool_call_id=st.none() | st.just("c1"),
            **_ids,
        ),
        st.builds(
            RunStreamed,
            text=st.sampled_from(("", "a")),
            reasoning=st.sampled_from(("", "r")),
            tool_calls=st.lists(_fragments, max_size=2).map(tuple),
            **_ids,
        ),
        st.builds(RunEnded, outcome=st.sampled_from(Outcome), outputs=_outputs, **_ids),
    ),
    max_size=20,
)


@given(_events)
def test_what_opens_closes_and_nothing_comes_in_between(events):
    """Parts open before they grow and close after; at the root's end nothing is open."""
    speech = Speech("root")
    opened = set()
    for event in events:
        for act in speech.acts(event):
            what, _, how = act.kind.rpartition("_")
            if how == "start" and what:
                assert (what, act.id) not in opened or what == "call"
                opened.add((what, act.id))
            elif act.kind in ("text", "reasoning"):
                assert (act.kind, act.id) in opened
            elif act.kind == "call_args":
                assert ("call", act.id) in opened
            elif how == "end" and what:
                assert (what, act.id) in opened or what == "call"
                opened.discard((what, act.id))
            elif act.kind == "end":
                assert not opened


@given(_events)
def test_projections_take_anything_and_are_json(events):
    """No order of events makes a projection fail or say what JSON cannot."""
    agui, vercel, text = AguiProjection("root"), VercelProjection("root"), TextProjection("root")
    for event in events:
        json.dumps([agui.messages(event), vercel.messages(event)])
        assert b"".join(text.frames(event)) is not None


def words(events):
    speech = Speech("root")
    return [act.value for event in events for act in speech.acts(event) if act.kind == "text"]


def test_a_text_streamed_by_three_runs_is_told_once(story):
    """In `prompt | model | parser` the model's words count, not their echoes."""
    events = [
        story.start(),
        story.start("model", "root", RunKind.CHAT_MODEL),
        story.start("parser", "root", RunKind.PARSER),
    ]
    assert words(
        [
            *events,
            story.stream("a", "model"),
            story.stream("a", "parser"),
            story.stream("a", "root"),
            story.stream("b", "model"),
        ]
    ) == ["a", "b"]


def test_a_chain_without_a_model_speaks_for_itself(story):
    """A generator's own stream is the text; a model that comes later does not say it again."""
    events = [
        story.start(),
        story.stream("a", "root"),
        story.start("model", "root", RunKind.LLM),
        story.stream("a", "model"),
        story.stream("b", "root"),
    ]
    assert words(events) == ["a", "b"]


def test_an_interrupted_run_is_no_error(story):
    """A graph that pauses on purpose finishes the stream in peace."""
    end = story.end(outcome=Outcome.INTERRUPTED)
    agui, vercel, text = AguiProjection("root"), VercelProjection("root"), TextProjection("root")
    for projection in (agui, vercel):
        projection.messages(story.start())
    (finished,) = agui.messages(end)
    assert finished["type"] == "RUN_FINISHED"
    assert finished["outcome"]["type"] == "interrupt"
    assert [message["type"] for message in vercel.messages(end)] == [
        "data-interrupt",
        "finish-step",
        "finish",
    ]
    (told,) = text.frames(end)
    assert told.startswith(b"event: interrupt\n")
