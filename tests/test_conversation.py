"""What is new in a message list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracebus.conversation import known_before, messages_of

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
