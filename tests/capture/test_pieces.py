"""Messages that come again and again: converted once, recorded as they were at each step."""

from __future__ import annotations

import copy
import gc
import weakref
from dataclasses import dataclass, field
from json import dumps

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompt_values import ChatPromptValue

from tracebus.capture import Capture, ListUse, PieceForm, form_of, snapshot, to_json
from tracebus.capture import _pieces as pieces
from tracebus.capture._snapshot import weighed
from tracebus.sources.reading._messages import as_plain


class Odd:
    """What is neither plain data nor a message."""

    def __repr__(self):
        return "<odd>"


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.floats(0, 2),
    st.sampled_from(["", "x", "password=1", "long " * 40]),
)
data = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "api_key"]), inner, max_size=3)
    ),
    max_leaves=6,
)
contents = st.sampled_from(["", "hi", "key: token=abc", "long text " * 30]) | st.lists(
    st.fixed_dictionaries({"type": st.just("text"), "text": st.text(max_size=5)}), max_size=3
)
arguments = st.dictionaries(st.sampled_from(["q", "n", "token"]), data, max_size=3)
calls = st.builds(lambda args: {"name": "look", "args": args, "id": "c", "type": "tool_call"}, arguments)
documents = st.builds(lambda text: Document(page_content=text, metadata={"page": 1}), st.text(max_size=4))
messages = st.one_of(
    st.builds(HumanMessage, contents),
    st.builds(SystemMessage, contents),
    st.builds(
        lambda made, extra: AIMessage("", tool_calls=made, additional_kwargs=extra),
        st.lists(calls, max_size=2),
        arguments,
    ),
    st.builds(
        lambda text, artifact: ToolMessage(text, tool_call_id="c", artifact=artifact),
        contents,
        data | documents | st.builds(Odd),
    ),
)


def alone(value):
    """Convert as `as_plain`, which is not known to show pieces: everything is converted anew."""
    return as_plain(value)


def changed_in_place(draw, message):
    """Change one thing inside *message* as a program may."""
    way = draw(st.sampled_from(["content", "block", "args", "metadata", "more metadata", "artifact", "none"]))
    if way == "content":
        message.content = draw(contents)
    elif way == "block" and isinstance(message.content, list) and message.content:
        message.content[0]["text"] = draw(st.text(max_size=3))
    elif way == "args" and getattr(message, "tool_calls", None):
        message.tool_calls[0]["args"]["n"] = draw(leaves)
    elif way == "metadata":
        message.response_metadata["a"] = draw(leaves)
    elif way == "more metadata":
        message.additional_kwargs.setdefault("deep", {"list": []})["list"].append(draw(leaves))
    elif way == "artifact" and isinstance(getattr(message, "artifact", None), Document):
        message.artifact.metadata["page"] = draw(leaves)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_message_changed_in_place_is_recorded_as_it_was_at_each_step(found):
    """Settled long after, every step shows what there was when it was taken, as if nothing were shared."""
    draw = found.draw
    policy = Capture(
        max_items=draw(st.sampled_from([3, 1_000])),
        max_string=draw(st.sampled_from([20, 65_536])),
        max_size=draw(st.sampled_from([60, 300, 900, 1_048_576])),
        max_depth=draw(st.sampled_from([2, 3, 5, 32])),
    )
    conversation = draw(st.lists(messages, min_size=1, max_size=6))
    steps = []
    for _ in range(draw(st.integers(1, 5))):
        given_to_it = draw(st.sampled_from([dict, list, ChatPromptValue, "tool"]))
        if given_to_it is dict:
            state = {"messages": conversation, "n": 1}
        elif given_to_it is list:
            state = conversation
        elif given_to_it is ChatPromptValue:
            state = ChatPromptValue.model_construct(messages=list(conversation))
        else:
            state = conversation[-1]
        expected = to_json(copy.deepcopy(state), policy, "/inputs", alone)
        steps.append((snapshot(state, policy.max_items), expected))
        for message in conversation:
            if draw(st.booleans()):
                changed_in_place(draw, message)
        way = draw(st.sampled_from(["add", "add", "replace", "trim", "prompt"]))
        if way == "add":
            conversation = [*conversation, *draw(st.lists(messages, max_size=3))]
        elif way == "replace":
            conversation = [message.model_copy() for message in conversation]
        elif way == "trim":
            conversation = [conversation[0], *conversation[2:]]
        else:
            conversation = [draw(messages), *conversation[1:]]
    for taken, (json, cuts) in steps:
        again, cuts_again = to_json(taken, policy, "/inputs", as_plain)
        assert _exact(again) == _exact(json)
        assert cuts_again == cuts


def _exact(value):
    """Tell `True` from 1, which `==` does not, as JSON does."""
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return ("truth", value) if isinstance(value, bool) else value


def conversation_of(length):
    return [HumanMessage(f"{number} " + "text " * 30) for number in range(length)]


def json_of(value, policy=Capture()):  # noqa: B008  # frozen
    return to_json(snapshot(value), policy, "/inputs", as_plain)[0]


def test_every_event_holds_the_same_object():
    """What a message looks like as JSON is made once, for lists, dictionaries and single messages alike."""
    conversation = conversation_of(8)
    first = json_of({"messages": conversation})["messages"]
    conversation.append(HumanMessage("more"))
    second = json_of({"messages": conversation})["messages"]
    assert [id(item) for item in first] == [id(item) for item in second[:8]]
    assert json_of(conversation[3]) is first[3]
    assert type(first[3]) is dict


def test_two_policies_do_not_mix():
    """A message is converted under each policy for itself."""
    message = HumanMessage("x" * 100)
    short, long = Capture(max_string=10), Capture()
    assert len(json_of(message, short)["content"]) == 10
    assert len(json_of(message, long)["content"]) == 100
    assert len(json_of(message, short)["content"]) == 10


def test_a_redaction_function_is_asked_about_every_path():
    """It may answer by the path, so nothing of what it said is used elsewhere."""
    paths = []
    policy = Capture(redact=lambda path, text: paths.append(path) or text.replace("secret", path))
    conversation = [HumanMessage("secret"), *conversation_of(5)]
    assert json_of(conversation, policy)[0]["content"] == "/inputs/0/content"
    assert (
        json_of({"messages": conversation}, policy)["messages"][0]["content"] == "/inputs/messages/0/content"
    )
    assert "/inputs/messages/5/content" in paths


@pytest.mark.parametrize("length", [1, 8])
def test_nothing_keeps_a_message_alive(length):
    """What is known of a message and its lists goes with it."""
    gc.collect()
    known, lists = len(pieces._known), len(pieces._lists)
    conversation = conversation_of(length)
    gone = weakref.ref(conversation[-1])
    json = json_of({"messages": conversation})
    assert len(pieces._known) > known
    del conversation
    gc.collect()
    assert gone() is None
    assert len(pieces._known) <= known
    assert len(pieces._lists) <= lists
    assert json["messages"]


def test_a_long_list_is_made_of_parts_that_stay_the_same():
    """A longer list consists of the shorter one's parts and a few new ones."""
    conversation = conversation_of(100)
    use = form_of(first := json_of(conversation))
    assert use is None  # nobody keeps it
    conversation.append(HumanMessage("more"))
    assert json_of(conversation)[:100] == first


def test_what_an_event_is_made_of_is_known_while_the_payload_is_kept():
    """A payload keeps the forms its event was made of."""
    from tracebus.events import RunKind, RunStarted, settle
    from tracebus.sources.reading._messages import captured

    conversation = conversation_of(100)
    policy = Capture()
    payloads = [captured({"messages": conversation[:size]}, policy) for size in (70, 100)]
    events = [
        settle(RunStarted(time=1, run_id="r", root_run_id="r", kind=RunKind.CHAIN, name="n", inputs=payload))
        for payload in payloads
    ]
    uses = [form_of(event.inputs["messages"]) for event in events]
    assert all(isinstance(use, ListUse) for use in uses)
    assert uses[1].segments[:3] == uses[0].segments[:3]
    assert len(uses[1].segments) < 20
    assert isinstance(form_of(events[0].inputs["messages"][3]), PieceForm)


@dataclass
class State:
    messages: list = field(default_factory=list)


def test_a_dataclass_state_is_taken_as_it_was():
    """A LangGraph state or command that is a dataclass is copied like a dictionary."""
    state = State(conversation_of(3))
    taken = snapshot(state)
    state.messages[0].content = "changed"
    state.messages.append("later")
    json = to_json(taken, Capture(), "", as_plain)[0]
    assert [item["content"][:2] for item in json["messages"]] == ["0 ", "1 ", "2 "]


def test_what_a_snapshot_keeps_is_counted_once():
    """Of a list that grew, what is new is counted, and the list itself."""
    conversation = conversation_of(50)
    first = weighed(snapshot({"messages": conversation}))
    conversation.append(HumanMessage("new"))
    second = weighed(snapshot({"messages": conversation}))
    assert sum(size for _, size in first.shares) > 50 * 150
    assert sum(size for _, size in second.shares) < 2_000


@pytest.mark.parametrize(
    ("attribute", "key", "was", "becomes"),
    [
        ("usage_metadata", "output_tokens", 1, True),
        ("usage_metadata", "output_tokens", 0, False),
        ("additional_kwargs", "refused", False, 0),
        ("additional_kwargs", "refused", True, 1.0),
        ("response_metadata", "logprobs", None, []),
        ("response_metadata", "logprobs", {"tokens": [0, 1]}, {"tokens": [0, True]}),
    ],
)
def test_a_number_that_becomes_a_truth_value_makes_another_piece(attribute, key, was, becomes):
    """Python takes 1 for True; the record of a message changed from one to the other in place does not."""
    message = AIMessage("hello", tool_calls=[{"name": "look", "args": {"at": 1}, "id": "1"}])
    setattr(message, attribute, {"input_tokens": 1, key: was, "total_tokens": 2})
    shown = dumps(getattr(message, attribute))
    before = pieces.piece_of(message)
    assert before is not None
    assert before.lasting
    assert pieces.piece_of(message) is before
    getattr(message, attribute)[key] = becomes
    after = pieces.piece_of(message)
    assert after is not before
    assert dumps(before.state[attribute]) == shown
    assert dumps(after.state[attribute]) == dumps(getattr(message, attribute))
