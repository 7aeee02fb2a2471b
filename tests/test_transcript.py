"""Payloads as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebus.transcript import told

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "messages",
                    "content",
                    "type",
                    "role",
                    "name",
                    "args",
                    "id",
                    "documents",
                    "text",
                    "tool_calls",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("as it is", "as it is"),
        ({"query": "late"}, "late"),
        ({"prompts": ["one", "two"]}, "one\ntwo"),
        ({"messages": [{"type": "human", "content": "Hi"}, {"type": "ai", "content": [{"text": "Yo"}]}]}, "user: Hi\nassistant: Yo"),
        (
            {"messages": [{"type": "ai", "content": "", "tool_calls": [{"name": "look", "args": {"b": 1, "a": 2}, "id": "x"}]}]},
            'assistant calls: look({"a": 2, "b": 1})',
        ),
        ({"messages": [["user", "Hi"], {"type": "ai", "content": "Yo"}]}, "user: Hi\nassistant: Yo"),
        ({"documents": [{"page_content": "Line 7.", "metadata": {"source": "board"}}]}, "1. board: Line 7."),
        ({"b": 1, "a": {"type": "human", "content": "Hi"}}, '{\n  "a": "user: Hi",\n  "b": 1\n}'),
    ],
)  # fmt: skip
def test_a_payload_reads_as_what_it_is(value, text):
    """Conversations, documents and queries are text; the rest is JSON in the order of its keys."""
    assert told(value) == text


@given(JSON)
def test_any_payload_has_a_text(value):
    """However odd its shape."""
    assert isinstance(told(value), str)
