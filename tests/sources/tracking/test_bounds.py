"""What a source says that an event keeps is what the log's account would make of the event itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

from tracebus.bus._holdings import bound_of
from tracebus.capture import Capture
from tracebus.events import RunEnded, RunStarted, RunStreamed
from tracebus.sources.callbacks import _scope
from tracebus.sources.callbacks._recorder import Recorder
from tracebus.sources.tracking._tracker import RunTracker
from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn

POLICIES = {
    "all": Capture(),
    "no content": Capture(content=False),
    "raw chunks": Capture(raw_chunks=True),
    "few items": Capture(max_items=2),
}
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.binary(),
        st.builds(HumanMessage, st.text()),
    ),
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.text(), inner), st.sets(st.text())
    ),
    max_leaves=40,
)

TEXT = "It goes at noon, and your key is sk-proj"
SEARCH = ScriptedToolCall("search", {"query": "night bus"})


def told(work, capture):
    """Return, by the types of the events of *work*, the bytes its source says that each keeps.

    Whatever it says is what the log would find out by itself.
    """
    said = {}

    def emit(event, bound):
        said.setdefault(type(event), []).append((bound, bound_of(event)))

    tracker = RunTracker(emit)
    token = _scope.enter(Recorder(tracker, capture))
    try:
        work()
    finally:
        _scope.leave(token)
        tracker.close_all()
    for bounds in said.values():
        assert all(bound in (None, accounted) for bound, accounted in bounds), bounds
    return {kind: [bound for bound, _ in bounds] for kind, bounds in said.items()}


@given(
    taken=VALUES,
    returned=VALUES,
    metadata=st.dictionaries(st.text(min_size=1), VALUES),
    policy=st.sampled_from(list(POLICIES.values())),
)
def test_a_step_keeps_what_its_source_says(taken, returned, metadata, policy):
    """Whatever it takes, returns and has in its metadata: the source leaves none of it to the log."""
    step = RunnableLambda(lambda _: returned, name="step").with_config(metadata=metadata)
    said = told(lambda: step.invoke(taken), policy)
    assert [len(said[RunStarted]), len(said[RunEnded])] == [1, 1]
    assert None not in said[RunStarted] + said[RunEnded]


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("line", [TEXT, Turn(TEXT, "Hm.", [SEARCH])], ids=["text", "blocks"])
def test_every_token_has_a_bound(line, policy):
    """Text, reasoning, pieces of a tool's call, and what was held back as a secret's beginning."""
    chain = ChatPromptTemplate.from_template("{q}") | ScriptedChatModel(script=[line]) | StrOutputParser()
    said = told(lambda: list(chain.stream({"q": "When?"})), policy)
    assert len(said[RunStreamed]) > 3
    assert None not in said[RunStreamed]
