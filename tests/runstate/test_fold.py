from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonpatch
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_events import Story

from tracebus.events import (
    Deferred,
    ErrorInfo,
    Outcome,
    TokenUsage,
    ToolCallFragment,
)
from tracebus.runstate import RunState, apply, compacted, down_level, with_append

sys.path.insert(0, str(Path(__file__).parent))
import runstate_events as generated

EMPTY = {"runs": {}, "missed": 0}


@pytest.fixture
def story():
    made = Story("r")
    made.epoch = 1_763_709_000_123_456_789
    return made


def copied(value):
    return json.loads(json.dumps(value))


def fold(state, frame):
    return state.resync(frame) if isinstance(frame, tuple) else state.apply_all(frame)


@settings(max_examples=150)
@given(generated.frames, st.data())
def test_operations_in_any_portions_on_any_earlier_snapshot_give_the_document(frames, data):
    """Whatever happened and however it was portioned, a follower holds exactly the fold's document."""
    state = RunState(max_roots=data.draw(st.sampled_from((None, 1, 2))))
    snapshots, steps = [copied(state.document)], []
    for frame in frames:
        steps.append(copied(fold(state, frame)))
        snapshots.append(copied(state.document))
    joined_at = data.draw(st.integers(0, len(frames)))
    operations = [operation for step in steps[joined_at:] for operation in step]
    follower = copied(snapshots[joined_at])
    while operations:
        size = data.draw(st.integers(1, len(operations)))
        portion, operations = operations[:size], operations[size:]
        before = follower
        follower = apply(follower, portion)
        assert follower is before
    assert follower == state.document
    assert list(follower["runs"]) == list(state.document["runs"]), "the order of runs is kept too"


@settings(max_examples=150)
@given(generated.frames)
def test_jsonpatch_agrees_on_every_step(frames):
    """The operations are RFC 6902 by somebody else's reading as well, and are not changed afterwards."""
    state = RunState()
    steps = []
    for frame in frames:
        before = copied(state.document)
        operations = fold(state, frame)
        assert jsonpatch.apply_patch(before, operations) == state.document
        steps.append((operations, copied(operations)))
    for operations, at_the_time in steps:
        assert operations == at_the_time, "an operation shares a container that grew later"


@given(st.lists(generated.any_event, max_size=30), st.data())
def test_framing_changes_nothing_but_where_texts_are_cut(events, data):
    """Event by event or in frames: the same document but for the boundaries of chunks."""
    one_by_one, framed = RunState(), RunState()
    for event in events:
        one_by_one.apply(event)
    rest = list(events)
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        framed.apply_all(rest[:size])
        rest = rest[size:]
    assert compacted(framed.document) == compacted(one_by_one.document)


@given(generated.frames)
def test_append_is_equivalent_and_levels_down_to_the_same_operations(frames):
    """A client of the extension ends with the same document, its texts in one string."""
    state = RunState()
    follower = compacted(state.document)
    for frame in frames:
        operations = fold(state, frame)
        assert down_level(with_append(operations)) == operations
        follower = apply(follower, with_append(operations), append=True)
        assert compacted(follower) == compacted(state.document)


@given(generated.frames)
def test_operations_are_json(frames):
    """Documents and operations encode without help."""
    state = RunState()
    for frame in frames:
        msgspec.json.encode(fold(state, frame))
    assert msgspec.json.decode(msgspec.json.encode(state.document)) == state.document


def test_a_run_from_start_to_end(story):
    """The document tells what happened to a run, by the names the documentation gives."""
    state = RunState()
    state.apply(story.start(tags=("t",), metadata={"k": 1}, inputs={"question": "?"}))
    state.apply(story.stream("Hel"))
    state.apply(story.stream("lo"))
    run = state.document["runs"]["r"]
    assert run["text"] == ["Hel", "lo"]
    assert run["status"] == "running"
    state.apply(
        story.end(outputs="Hello", usage=TokenUsage(input_tokens=3), error=ErrorInfo(type="E", message="m"))
    )
    assert run == {
        "id": "r",
        "parent_id": None,
        "root_id": "r",
        "kind": "chain",
        "name": "r",
        "status": "ok",
        "start_time": 1763709000123.456,
        "end_time": 1763709000125.456,
        "first_token_time": 1763709000124.456,
        "tags": ["t"],
        "metadata": {"k": 1},
        "inputs": {"question": "?"},
        "outputs": "Hello",
        "error": {"type": "E", "message": "m"},
        "usage": {"input_tokens": 3},
        "text": ["Hello"],
    }


def test_a_token_is_one_small_operation(story):
    """A token in the middle of a run costs one `add` at the end of the list."""
    state = RunState()
    state.apply_all([story.start(), story.stream("a")])
    assert state.apply(story.stream("b")) == [{"op": "add", "path": "/runs/r/text/-", "value": "b"}]


def test_a_frame_makes_one_chunk_of_what_a_run_streamed(story):
    """Ten tokens of one run in a frame travel as one operation."""
    state = RunState()
    state.apply_all([story.start(), story.stream("-")])
    operations = state.apply_all([story.stream(str(digit)) for digit in range(10)])
    assert operations == [{"op": "add", "path": "/runs/r/text/-", "value": "0123456789"}]


def test_an_ended_run_is_compacted(story):
    """After the end a late joiner gets the text in one piece."""
    state = RunState()
    state.apply_all([story.start(), story.stream("a")])
    state.apply_all([story.stream("b"), story.end()])
    assert state.document["runs"]["r"]["text"] == ["ab"]


def test_ids_are_escaped_in_paths(story):
    """An id with `/` and `~` addresses its own run."""
    state = RunState()
    mirror = {"runs": {}, "missed": 0}
    for event in (story.start("a/b~c"), story.stream("x", "a/b~c"), story.end("a/b~c")):
        operations = state.apply(event)
        assert operations[0]["path"].startswith("/runs/a~1b~0c")
        mirror = apply(mirror, operations)
    assert mirror == state.document


def test_tool_calls_are_assembled_from_fragments(story):
    """Pieces with one index are one call, parallel calls stay apart, a late id is noted.

    A piece that says nothing continues the one call that is not over.
    """
    state = RunState()
    state.apply(story.start())
    pieces = [
        ToolCallFragment(index=0, name="search"),
        ToolCallFragment(index=1, id="c1", name="add", args="{"),
        ToolCallFragment(index=0, id="c0", name="search", args='{"q"'),
        ToolCallFragment(index=1, args="}"),
        ToolCallFragment(args=": 1}"),
    ]
    for piece in pieces:
        state.apply(story.stream(tool_calls=(piece,)))
    state.apply(story.end())
    assert state.document["runs"]["r"]["tool_calls"] == [
        {"id": "c0", "name": "search", "args": ['{"q": 1}']},
        {"id": "c1", "name": "add", "args": ["{}"]},
    ]


def test_a_missed_start_leaves_a_placeholder_that_a_late_start_fills(story):
    """After a gap a run is shown as far as it is known, and completed when its start turns up."""
    state = RunState()
    mirror = state.snapshot()
    apply(mirror, state.apply(story.stream("x", "child", root="root")))
    assert state.document["runs"]["child"]["start_missed"] is True
    apply(mirror, state.apply(story.start("child", "root", name="late")))
    run = state.document["runs"]["child"]
    assert "start_missed" not in run
    assert (run["name"], run["parent_id"], run["text"]) == ("late", "root", ["x"])
    assert mirror == state.document


def test_a_second_end_changes_nothing(story):
    """The first end stands, whatever a duplicate says."""
    state = RunState()
    state.apply_all([story.start(), story.end()])
    assert state.apply(story.end(outcome=Outcome.ERROR)) == []


def test_a_second_start_changes_nothing(story):
    """A resynchronisation may repeat starts."""
    state = RunState()
    state.apply_all([story.start(), story.stream("a")])
    assert state.apply(story.start()) == []


def test_resync_marks_runs_that_are_gone_as_lost(story):
    """A run the bus no longer lists ended in the gap; a late end still tells how."""
    state = RunState()
    state.apply_all([story.start("a"), story.start("b"), story.gap(4)])
    operations = state.resync([story.start("b"), story.start("c")])
    statuses = {run_id: run["status"] for run_id, run in state.document["runs"].items()}
    assert statuses == {"a": "lost", "b": "running", "c": "running"}
    assert {"op": "replace", "path": "/runs/a/status", "value": "lost"} in operations
    state.apply(story.end("a"))
    assert state.document["runs"]["a"]["status"] == "ok"
    assert state.document["missed"] == 4


def test_retries_and_custom_events_are_listed(story):
    """What a run said on the side stands in its lists, in order."""
    state = RunState()
    state.apply(story.start())
    state.apply(story.retry("r", 2, delay=0.5))
    state.apply(story.custom("r", "progress", {"n": 1}))
    run = state.document["runs"]["r"]
    assert run["retries"] == [{"time": 1763709000123.456, "attempt": 2, "delay": 0.5}]
    assert run["events"] == [{"time": 1763709000123.456, "name": "progress", "data": {"n": 1}}]


def test_the_oldest_finished_trees_leave_and_open_ones_stay(story):
    """`max_roots` bounds the document without ever hiding what still runs."""
    state = RunState(max_roots=2)
    state.apply(story.start("open"))
    for number in range(5):
        root = f"r{number}"
        state.apply_all(
            [
                story.start(root),
                story.start(f"{root}.child", root),
                story.end(f"{root}.child"),
                story.end(root),
            ]
        )
    assert list(state.document["runs"]) == ["open", "r4", "r4.child"]


def test_a_limit_below_one_is_refused():
    """The error names the argument and the remedy."""
    with pytest.raises(ValueError, match="max_roots is at least 1, or None"):
        RunState(max_roots=0)


def test_deferred_payloads_are_settled(story):
    """A fold fed before the bus has settled the events shows JSON, not our placeholder."""

    class Late(Deferred):
        def settle_into(self, event, field):
            msgspec.structs.force_setattr(event, field, "settled")

    state = RunState()
    state.apply_all([story.start(inputs=Late()), story.stream(chunk=Late()), story.end(outputs=Late())])
    run = state.document["runs"]["r"]
    assert (run["inputs"], run["chunks"], run["outputs"]) == ("settled", ["settled"], "settled")


def test_seq_is_the_last_event_s(story):
    """The position to resume from is that of the last event folded in."""
    state = RunState()
    state.apply_all([story.start(seq=4), story.stream("x", seq=7)])
    assert state.seq == 7


def test_a_snapshot_stays_as_it_was(story):
    """What was handed out does not change under the reader's hands."""
    state = RunState()
    state.apply_all([story.start(), story.stream("a")])
    snapshot = state.snapshot()
    state.apply(story.stream("b"))
    assert snapshot["runs"]["r"]["text"] == ["a"]
