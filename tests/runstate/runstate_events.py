"""Generated event sequences, sane and insane, for the tests of the fold."""

from __future__ import annotations

from hypothesis import strategies as st

from tracebus.events import (
    BatchMembership,
    CustomEmitted,
    Cut,
    ErrorInfo,
    Gap,
    Link,
    ModelInfo,
    Outcome,
    RunEnded,
    RunKind,
    RunRetried,
    RunStarted,
    RunStreamed,
    TokenUsage,
    ToolCallFragment,
)

RUN_IDS = ("a", "b/c", "d~e", "~1", "", "f/0/-", "é")
"""Few, so that sequences meet; awkward in a JSON Pointer, though real ids are UUIDs."""
ROOTS = ("a", "b/c")

_json = st.sampled_from((None, True, 0, -1.5, "", "x/~", [], [1, [2]], {}, {"a/b": {"~": [None]}}))
_word = st.sampled_from(("", "a", "bc", "/", "~1", "é\n"))
_metadata = st.sampled_from(({}, {"k": 1}, {"a/b~": {"c": []}}))
_cuts = st.lists(st.builds(Cut, path=st.just("/inputs/x"), reason=st.just("length")), max_size=1).map(tuple)
_error = st.none() | st.builds(ErrorInfo, type=st.just("ValueError"), message=_word)
_run = {
    "time": st.integers(1_763_709_000_000_000_000, 1_763_709_009_000_000_000),
    "run_id": st.sampled_from(RUN_IDS),
    "parent_run_id": st.none() | st.sampled_from(RUN_IDS),
    "root_run_id": st.sampled_from(ROOTS),
    "cuts": _cuts,
}
_fragment = st.builds(
    ToolCallFragment,
    index=st.none() | st.integers(0, 2),
    id=st.none() | st.sampled_from(("call_1", "call_2")),
    name=st.none() | _word,
    args=_word,
)
started = st.builds(
    RunStarted,
    kind=st.sampled_from(RunKind),
    name=_word,
    tags=st.lists(_word, max_size=2).map(tuple),
    metadata=_metadata,
    inputs=_json,
    model=st.none() | st.builds(ModelInfo, name=_word),
    batch=st.none() | st.builds(BatchMembership, id=_word, index=st.just(0), size=st.just(3)),
    links=st.lists(st.builds(Link, run_id=_word), max_size=1).map(tuple),
    **_run,
)
streamed = st.builds(
    RunStreamed,
    text=_word,
    reasoning=st.just("") | _word,
    tool_calls=st.just(()) | st.lists(_fragment, max_size=3).map(tuple),
    chunk=st.none() | _json,
    **_run,
)
ended = st.builds(
    RunEnded,
    outcome=st.sampled_from(Outcome),
    outputs=_json,
    inputs=st.none() | _json,
    usage=st.none() | st.builds(TokenUsage, input_tokens=st.integers(0, 9)),
    error=_error,
    finish_reasons=st.lists(_word, max_size=1).map(tuple),
    cached=st.booleans(),
    **_run,
)
retried = st.builds(RunRetried, attempt=st.integers(2, 4), error=_error, **_run)
custom = st.builds(CustomEmitted, name=_word, data=_json, **_run)
gap = st.builds(Gap, time=st.just(1_763_709_000_000_000_000), missed=st.integers(1, 9))

any_event = st.one_of(started, streamed, streamed, streamed, ended, retried, custom, gap)
"""Events in no order at all: the fold must hold whatever a broken log says."""

resync = st.lists(started, max_size=3)
"""What a bus says is open: in place of a frame of events, marks a resynchronisation."""

frames = st.lists(st.lists(any_event, max_size=6) | resync.map(tuple), max_size=8)
"""Lists are frames of events, tuples are resynchronisations."""
