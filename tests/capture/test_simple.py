"""The short way to JSON gives what the long way gives, or leaves the payload to it."""

from __future__ import annotations

import copy
import math

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.prompt_values import ChatPromptValue, StringPromptValue
from msgspec.structs import force_setattr

from tracebus.capture import Capture, CapturedPayload, snapshot, to_json
from tracebus.capture._simple import simple
from tracebus.capture._walk import _walked
from tracebus.events import RunKind, RunStarted, settle
from tracebus.sources.reading._messages import as_plain

plain_texts = st.sampled_from(["", "x", "two words", "one_two", "a: b"])
odd_texts = st.sampled_from(["password=hunter2", "ключ", "lone \ud800", "long " * 500])
texts = st.one_of(plain_texts, plain_texts, plain_texts, odd_texts)
numbers = st.sampled_from([0, 1, -7, 2**63, -(2**63), 0.0, 1.5])
odd_numbers = st.sampled_from([2**64, 10**400, math.nan, math.inf])
atoms = st.one_of(texts, texts, st.none(), st.booleans(), numbers, numbers, odd_numbers)
names = st.one_of(
    st.sampled_from(["a", "b", "name"]), st.sampled_from(["value", "api_key", "schlüssel", "k" * 300])
)
plain = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(names, inner, max_size=4)
    ),
    max_leaves=12,
)
messages = st.one_of(
    st.builds(HumanMessage, texts),
    st.builds(
        lambda text, args: AIMessage(text, tool_calls=[{"name": "look", "args": args, "id": "1"}]),
        texts,
        st.dictionaries(names, plain, max_size=2),
    ),
    st.builds(lambda text: ToolMessage(text, tool_call_id="1"), texts),
)
conversations = st.lists(messages, max_size=6)
payloads = st.one_of(
    plain,
    messages,
    conversations,
    st.fixed_dictionaries({"messages": conversations, "step": atoms}),
    conversations.map(lambda found: ChatPromptValue(messages=found)),
)
policies = st.sampled_from([
    {}, {}, {"max_string": 5}, {"max_items": 2}, {"max_depth": 2}, {"max_depth": 4}, {"max_size": 60}, {"max_size": 400},
    {"redact_keys": ()},
])  # fmt: skip


@settings(max_examples=400)
@given(payloads, policies)
def test_the_short_way_gives_what_the_long_way_gives(value, limits):
    """The same JSON, its size counted the same; nothing of it was cut or redacted."""
    short = simple(snapshot(value), Capture(**limits))
    event("short" if short is not None else "long")
    if short is None:
        return
    long = _walked(snapshot(copy.deepcopy(value)), Capture(**limits), "/inputs", as_plain)
    assert repr(short.plain) == repr(long.value)
    assert (long.cuts, long.own) == ((), short.own)
    assert list(map(type, short.used)) == list(map(type, long.used))


def test_a_form_made_on_one_way_is_found_on_the_other():
    """Messages are converted once, whichever way the payload went that met them first."""
    capture = Capture()
    told = [
        HumanMessage("hi"),
        AIMessage("hello"),
        HumanMessage("and?"),
        AIMessage("well"),
        HumanMessage("so"),
    ]
    first = simple(snapshot({"messages": told}), capture)
    again = _walked(snapshot({"messages": [*told, AIMessage("x" * 5_000)]}), capture, "/inputs", as_plain)
    for before, after in zip(first.plain["messages"], again.value["messages"], strict=False):
        assert before is after


@pytest.mark.parametrize(
    "value",
    [
        "a word", {"q": "why?", "n": 3}, {"messages": [HumanMessage("hi")]}, {"messages": [HumanMessage("hi")] * 5},
        [1, "two"], {"path": ("pull", "model"), "step": 1}, HumanMessage("hi"), {"q": HumanMessage("hi").text},
        ChatPromptValue(messages=[HumanMessage("hi")]),
    ],
)  # fmt: skip
def test_what_chains_and_agents_pass_on_goes_the_short_way(value):
    """What most steps are given and give is settled without a claim on its field."""
    payload = CapturedPayload(snapshot(value), Capture(), as_plain)
    step = RunStarted(time=1, run_id="r", root_run_id="r", name="step", kind=RunKind.CHAIN, inputs=payload)
    assert payload.settle_at_once(step, "inputs")
    assert step.inputs == settle(RunStarted(
        time=1, run_id="r", root_run_id="r", name="step", kind=RunKind.CHAIN,
        inputs=CapturedPayload(snapshot(value), Capture(redact=lambda _, text: text), as_plain),
    )).inputs  # fmt: skip


@pytest.mark.parametrize(
    "policy", [Capture(content=False), Capture(redact=lambda _, text: "*")], ids=["no content", "a function"]
)
def test_a_policy_that_hides_everything_takes_the_long_way(policy):
    """The short way knows nothing of either."""
    payload = CapturedPayload(snapshot({"q": "why?"}), policy, as_plain)
    step = RunStarted(time=1, run_id="r", root_run_id="r", name="step", kind=RunKind.CHAIN, inputs=payload)
    assert not payload.settle_at_once(step, "inputs")
    assert "why?" not in repr(settle(step).inputs)


def test_metadata_kept_out_by_the_policy_stays_out():
    """Also where it is short texts and numbers."""
    payload = CapturedPayload({"user": "ada"}, Capture(metadata=False), as_plain)
    step = RunStarted(time=1, run_id="r", root_run_id="r", name="step", kind=RunKind.CHAIN, metadata=payload)
    settle(step)
    assert step.metadata == {}
    assert [(cut.path, cut.reason) for cut in step.cuts] == [("/metadata", "content")]


class Key:
    """A key of the program's that looks like `value` until somebody compares it."""

    def __hash__(self):
        return hash("value")

    def __eq__(self, other):
        raise SystemExit("the program's code was run")


def test_no_code_of_the_program_runs():
    """Nor is a field lost by what it raises."""
    shown, cuts = to_json({"q": "why?", Key(): 2}, Capture(), "/inputs", as_plain)
    assert (shown["q"], len(shown), cuts) == ("why?", 2, ())
    assert not CapturedPayload({Key(): [1]}, Capture(), as_plain).has("value")
    assert CapturedPayload({"value": [1]}, Capture(), as_plain).has("value")


class Interrupted:
    """A policy at whose reading, the so many-th, another thread settles a copy of the event."""

    def __init__(self, policy, reading):
        self.policy = policy
        self.left = reading
        self.meanwhile = lambda: None

    def __getattr__(self, name):
        self.left -= 1
        if self.left == 0:
            self.meanwhile()
        return getattr(self.policy, name)


@pytest.mark.parametrize("reading", range(1, 14))
@pytest.mark.parametrize(
    "value",
    [
        {"q": "password=hunter2hunter9"},
        {"q": "long " * 500},
        {"q": "why?"},
        {"q": StringPromptValue(text="why?")},
        {"q": StringPromptValue(text="password=hunter2hunter9")},
    ],
)
def test_who_settles_meanwhile_changes_nothing(value, reading):
    """What another thread has made of the payload, cut already, is not taken for what was captured."""
    alone = RunStarted(time=1, run_id="r", root_run_id="r", name="step", kind=RunKind.CHAIN)
    force_setattr(alone, "inputs", CapturedPayload(snapshot(value), Capture(max_string=1_000), as_plain))
    policy = Interrupted(Capture(max_string=1_000), reading)
    payload = CapturedPayload(snapshot(value), policy, as_plain)
    step = RunStarted(time=1, run_id="r", root_run_id="r", name="step", kind=RunKind.CHAIN, inputs=payload)
    copies = [copy.copy(step) for _ in range(3)]
    policy.meanwhile = lambda: settle(copies[0])
    settle(copies[1])
    settle(copies[2])
    settle(copies[0])
    settle(alone)
    assert [(found.inputs, found.cuts) for found in copies] == [(alone.inputs, alone.cuts)] * 3


@pytest.mark.parametrize(
    "text", ["node_one: said", "schlüssel_eins: gesagt", "page: 1 " + "lorem ipsum " * 100]
)
def test_a_text_that_comes_again_is_searched_once(monkeypatch, text):
    """Whichever way the payloads go it comes in."""
    searched = []
    monkeypatch.setattr("tracebus.capture._texts.scrub", lambda text, capture: searched.append(text) or text)
    capture = Capture()
    for value in (text, {"q": text}, [text, object()], {"messages": [HumanMessage(text)]}):
        to_json(snapshot(value), capture, "/inputs", as_plain)
    assert searched == [text]
