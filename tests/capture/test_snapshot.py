"""The shallow copy on the hot path."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tracebus.capture import Capture, CapturedPayload, snapshot, to_json
from tracebus.capture._snapshot import bounded, weighed
from tracebus.sources.reading._messages import as_plain


@dataclass
class State:
    """As a LangGraph's state or command may be."""

    one: object
    two: object


def json_of(value, **limits):
    return to_json(value, Capture(**limits))


def test_later_changes_of_the_programs_containers_do_not_show():
    """Dicts and lists three levels deep are copies."""
    messages = ["hi"]
    state = {"messages": messages, "nested": {"list": [{"a": 1}]}}
    taken = snapshot(state)
    messages.append("later")
    state["nested"]["list"].append("later")
    state["later"] = True
    assert taken == {"messages": ["hi"], "nested": {"list": [{"a": 1}]}}


def test_leaves_and_foreign_objects_are_kept_by_reference():
    """What is no plain container is neither copied nor looked at."""
    thing = object()
    assert snapshot([thing])[0] is thing
    assert snapshot(thing) is thing
    assert snapshot("text") == "text"


def test_the_programs_own_code_never_runs():
    """A container subclass, a key and an item that raise from every method are of no consequence."""

    class Hostile:
        def __getattribute__(self, name):
            raise RuntimeError(name)

        def __repr__(self):
            raise RuntimeError

        def __hash__(self):
            return 123_456_789  # no other key of these tests hashes so

        def __eq__(self, other):
            raise RuntimeError

    class HostileDict(dict):
        def __iter__(self):
            raise RuntimeError

        keys = items = values = copy = __len__ = __getitem__ = __iter__

    key = Hostile()
    assert snapshot({"a": HostileDict(x=1), "b": Hostile(), key: [1]})["a"] == {"x": 1}
    many = {Hostile() if index == 0 else index: [] for index in range(3_000)}
    value, cuts = json_of(snapshot(many))
    assert len(value) == 1_000
    assert [(cut.reason, cut.size) for cut in cuts if cut.reason == "items"] == [("items", 3_000)]


def test_of_a_huge_container_only_the_beginning_is_copied():
    """The hot path's work is bounded, and the event still says how large the container was."""
    for huge in (
        list(range(100_000)),
        tuple(range(100_000)),
        dict.fromkeys(range(100_000)),
        set(range(100_000)),
    ):
        value, cuts = json_of(snapshot(huge), max_items=10)
        assert len(value) == 10
        assert [(cut.reason, cut.size) for cut in cuts] == [("items", 100_000)]


def test_the_copied_items_are_bounded_in_all():
    """Many middling containers inside one another do not multiply."""
    row = list(range(100))
    table = [row] * 100
    taken = snapshot([table] * 100)
    copied_tables = [copy for copy in taken if copy is not table]
    copied_rows = [copy for rows in copied_tables for copy in rows if copy is not row]
    assert 0 < len(copied_rows) * len(row) <= 5_000
    assert taken == [table] * 100


def test_containers_that_contain_themselves_are_no_trouble():
    """A cycle is copied some levels deep and then left as it is."""
    looped: list = []
    looped.append(looped)
    value, cuts = json_of(snapshot(looped))
    assert [cut.reason for cut in cuts] == ["cycle"]
    assert isinstance(value, list)


def test_subclasses_of_dict_are_copied_too():
    """LangGraph's states are dict subclasses; they are copied like dicts."""
    state = OrderedDict(a=[1])
    taken = snapshot(state)
    state["a"].append(2)
    assert taken == {"a": [1]}


leaves = st.none() | st.integers() | st.text(max_size=5) | st.binary(max_size=5) | st.builds(object)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=12)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=12)
        | st.builds(HumanMessage, st.text(max_size=9))
        | st.builds(State, inner, inner)
    ),
    max_leaves=30,
)


@given(anything, st.sampled_from([3, 9, 1_000]))
def test_no_snapshot_weighs_more_than_the_hot_path_said(value, most):
    """The log goes by that word until somebody reads the event: too low a one would let it keep more."""
    taken, bound = bounded(value, most)
    own, shares = weighed(taken)
    assert bound >= own + sum(size for _, size in shares)


def test_a_text_of_another_class_is_taken_without_running_its_code():
    """As `message.text` is one: alone, or beside others."""

    class Text(str):
        __slots__ = ()

        def __len__(self):
            raise AssertionError

        __eq__ = __hash__ = __str__ = __repr__ = __len__

    text = Text("said")
    for value in (text, {"a": text, "b": "x"}):
        taken, bound = bounded(value)
        assert (taken if value is text else taken["a"]) == "said"
        assert bound >= weighed(taken).own
        shown, cuts = to_json(taken, Capture(), "/inputs")
        assert (shown if value is text else shown["a"], cuts) == ("said", ())


@pytest.mark.parametrize(
    ("value", "lasts"),
    [
        ("text", True),
        (None, True),
        ({"a": ["b", 1, {"c": None}]}, True),
        ({"a": {"b": {"c": {}}}}, False),
        ([object()], False),
        ({1: "a"}, False),
        ([1] * 300, False),
        ({"a": [1] * 2_000}, False),
        (type("Text", (str,), {})("text"), True),
        (type("Text", (str,), {})("text" * 1_000), False),
        (ToolMessage([{"type": "text", "text": "x"}], tool_call_id="c"), True),
        ([AIMessage("a"), AIMessage("b")], True),
        (ToolMessage("x", tool_call_id="c", artifact={"a": object()}), False),
    ],
)
def test_a_payload_lasts_if_nothing_of_the_program_is_in_it(value, lasts):
    """It then says about how many bytes it keeps; only what is seen through at a glance does."""
    size = CapturedPayload(snapshot(value), Capture(), as_plain).lasting()
    assert (size is not None) == lasts
    assert size is None or size > 0
