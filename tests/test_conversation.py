"""What is new in a message list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebus.conversation import inserted, known_before, messages_of

_messages = st.lists(st.builds(lambda text: {"type": "human", "content": text}, st.sampled_from("abc")))


@given(_messages, _messages)
def test_a_list_that_grew_is_known_up_to_where_it_grew(before, more):
    """All of the earlier list is known, whether the messages are the same objects or copies of them."""
    copies = [dict(message) for message in before]
    known = len(before) if before and more else 0
    assert known_before(before, before + more) == known
    assert known_before(copies, before + more) == known


@given(_messages, _messages)
def test_a_list_that_is_another_is_all_new(before, now):
    """Trimmed, summarised and changed lists are shown whole."""
    if now[: len(before)] != before or len(now) <= len(before):
        assert known_before(before, now) == 0


def test_payloads_without_messages_have_none():
    """Only a list called messages is one."""
    assert messages_of({"messages": [1, 2]}) == [1, 2]
    assert list(messages_of({"messages": "text"})) == list(messages_of(None)) == list(messages_of("x")) == []


BY_LANGGRAPH = "4f5cb0b3-0000-4000-8000-000000000001"
INSERTED = [
    ({"type": "human", "content": "x"}, ""),
    ({"type": "human", "content": "x", "id": BY_LANGGRAPH}, ""),
    (
        {"type": "human", "content": "x", "additional_kwargs": {"lc_source": "summarization"}},
        "inserted by summarization",
    ),
    ({"type": "ai", "content": "gave up", "id": BY_LANGGRAPH}, "inserted"),
    ({"type": "ai", "content": "an example of a prompt"}, ""),
    ({"type": "ai", "content": "x", "id": f"lc_run--{BY_LANGGRAPH}-0"}, ""),
    ({"type": "ai", "content": "x", "id": BY_LANGGRAPH, "usage_metadata": {"input_tokens": 1}}, ""),
    ({"type": "ai", "content": "x", "id": BY_LANGGRAPH, "response_metadata": {"model_name": "m"}}, ""),
]


@pytest.mark.parametrize(("message", "said"), INSERTED)
def test_who_put_a_message_in(message, said):
    """Whoever its role names, unless something says otherwise."""
    assert inserted(message) == said


@pytest.mark.parametrize(
    "giving_up", ["ModelRetryMiddleware", "ModelCallLimitMiddleware", "ToolCallLimitMiddleware"]
)
def test_an_answer_in_the_model_s_name_is_marked(watch, giving_up):
    """The agent is a success; its last answer no model gave. Those models gave are not marked."""
    from tracebus import RunTree, observe
    from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn
    from tracebus.transcript import put_out

    agents = pytest.importorskip("langchain.agents", reason="needs langchain")
    middleware = pytest.importorskip("langchain.agents.middleware")
    if not hasattr(middleware, giving_up):
        pytest.skip(f"needs a langchain with {giving_up}")

    def look(q: str) -> str:
        """Look up."""
        return "found"

    calls = [Turn(tool_calls=[ScriptedToolCall("look", {"q": "x"}, f"c{number}")]) for number in (1, 2)]
    arguments, script = {
        "ModelRetryMiddleware": ({"max_retries": 0}, [ValueError("down")]),
        "ModelCallLimitMiddleware": ({"run_limit": 1}, calls),
        "ToolCallLimitMiddleware": ({"run_limit": 1, "exit_behavior": "end"}, calls),
    }[giving_up]
    agent = agents.create_agent(
        ScriptedChatModel(script=script), [look], middleware=[getattr(middleware, giving_up)(**arguments)]
    )
    observe(agent, bus=watch.bus, name="desk").invoke({"messages": [("user", "hi")]})
    tree = RunTree()
    for event in watch.check().events:
        tree.apply(event)
    lines = [line for line in put_out(tree.roots[0]).splitlines() if line.startswith("assistant")]
    assert lines[-1].startswith("assistant (inserted): ")
    assert not any("(inserted)" in line for line in lines[:-1])


def test_a_summary_is_marked(watch):
    """It comes as a human's message."""
    from tracebus.testing import ScriptedChatModel

    middleware = pytest.importorskip("langchain.agents.middleware.summarization", reason="needs langchain")
    build = middleware.SummarizationMiddleware._build_new_messages
    try:
        (message,) = build("all of it")
    except TypeError:  # a method, in older versions
        (message,) = build(middleware.SummarizationMiddleware(ScriptedChatModel(script=["x"])), "all of it")
    if "lc_source" not in message.additional_kwargs:
        pytest.skip("needs a langchain that says where its summaries come from (1.1 or newer)")
    plain = {"type": message.type, "content": message.content, "additional_kwargs": message.additional_kwargs}
    assert inserted(plain) == "inserted by summarization"
