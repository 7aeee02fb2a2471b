from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from tracebus.runstate import OpaqueState, apply

_json = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from(("", "a", "a/b~c")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("a", "b/c", "~")), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(_json, min_size=1, max_size=5))
def test_the_document_follows_whatever_the_state_becomes(values):
    """Each update brings a follower's copy to the value, at its place in the document."""
    opaque = OpaqueState("states", "a/b", interval=0)
    document = {"states": {}}
    for value in values:
        apply(document, opaque.update(value))
        assert document["states"]["a/b"] == value


def test_comparing_is_throttled_and_the_last_state_is_not_lost():
    """Between two comparisons the interval passes, unless the last state is forced."""
    now = [0.0]
    opaque = OpaqueState("state", interval=1.0, clock=lambda: now[0])
    document = apply({}, opaque.update({"n": 0}))
    assert opaque.update({"n": 1}) == []
    now[0] = 1.0
    assert apply(document, opaque.update({"n": 2})) == {"state": {"n": 2}}
    assert apply(document, opaque.update({"n": 3}, force=True)) == {"state": {"n": 3}}


def test_the_user_s_value_may_change_afterwards():
    """The value is compared with what it was, not with itself."""
    value = {"list": [1]}
    opaque = OpaqueState("state", interval=0)
    document = apply({}, opaque.update(value))
    before = copy.deepcopy(document)
    value["list"].append(2)
    assert document == before
    assert apply(document, opaque.update(value)) == {"state": {"list": [1, 2]}}
