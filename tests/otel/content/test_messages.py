"""LangChain's messages in the conventions' form."""

from __future__ import annotations

import pytest

from tracebus_exporters.otel.content._messages import documents_of, messages_of, tool_definitions


def _parts(content, **fields):
    (message,) = messages_of({"messages": [{"type": "ai", "content": content, **fields}]})
    return message["parts"]


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ("text", {"type": "text", "content": "text"}),
        ({"type": "text", "text": "x"}, {"type": "text", "content": "x"}),
        ({"type": "reasoning", "reasoning": "hm"}, {"type": "reasoning", "content": "hm"}),
        ({"type": "thinking", "thinking": "hm"}, {"type": "reasoning", "content": "hm"}),
        (
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}, {"text": "b"}]},
            {"type": "reasoning", "content": "ab"},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://h/i.png"}},
            {"type": "uri", "modality": "image", "uri": "https://h/i.png"},
        ),
        (
            {"type": "image_url", "image_url": "data:image/png;base64,AAAA"},
            {"type": "blob", "mime_type": "image/png", "modality": "image", "content": "AAAA"},
        ),
        (
            {"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"},
            {"type": "blob", "mime_type": "audio/wav", "modality": "audio", "content": "AAAA"},
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "AA"}},
            {"type": "blob", "mime_type": "image/gif", "modality": "image", "content": "AA"},
        ),
        (
            {"type": "file", "file_id": "f-1"},
            {"type": "file", "modality": "document", "file_id": "f-1"},
        ),
        (
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"q": 1}},
            {
                "type": "server_tool_call",
                "id": "s1",
                "name": "web_search",
                "server_tool_call": {"type": "web_search", "arguments": {"q": 1}},
            },
        ),
        ({"type": "citation", "of": 1}, {"type": "citation", "of": 1}),
    ],
)
def test_content_blocks_become_parts(block, part):
    """Every sort of content block has its part."""
    assert _parts([block]) == [part]


@pytest.mark.parametrize("block", ["", {"type": "text", "text": ""}, {"type": "tool_use", "id": "c"}])
def test_what_says_nothing_or_is_said_elsewhere_makes_no_part(block):
    """Empty text and tool calls, which the message lists itself, make no part."""
    assert _parts([block]) == []


def test_tool_calls_and_their_answers():
    """A call and its answer find each other by the call's id."""
    calls = [{"id": "c1", "name": "f", "args": {"a": 1}}]
    bad = [{"id": "c2", "name": "g", "args": "{"}]
    assert _parts("", tool_calls=calls, invalid_tool_calls=bad) == [
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
        {"type": "tool_call", "id": "c2", "name": "g", "arguments": "{"},
    ]
    (answer,) = messages_of({"type": "tool", "content": "3", "tool_call_id": "c1", "name": "f"})
    assert answer == {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "c1", "response": "3"}],
        "name": "f",
    }


def test_reasoning_beside_the_content_is_a_part():
    """Reasoning that a provider's package puts into `additional_kwargs` comes first."""
    parts = _parts("x", additional_kwargs={"reasoning_content": "hm"})
    assert [part["type"] for part in parts] == ["reasoning", "text"]


@pytest.mark.parametrize(
    "payload",
    [None, 3, "x", [], {}, {"q": 1}, {"messages": []}, {"messages": ["x"]}, {"messages": 3}, [1, 2]],
)
def test_what_is_no_message_is_not_taken_for_one(payload):
    """Other payloads are left to our own attributes."""
    assert messages_of(payload) is None


def test_tools_of_either_provider_become_definitions():
    """OpenAI's and Anthropic's forms of a tool read the same."""
    ours = tool_definitions(
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"x": 1}}},
                {"name": "g", "description": "d", "input_schema": {"x": 1}},
                {"type": "web_search"},
            ]
        }
    )
    assert ours == [
        {"type": "function", "name": "f", "description": "d", "parameters": {"x": 1}},
        {"type": "function", "name": "g", "description": "d", "parameters": {"x": 1}},
        {"type": "web_search", "name": "web_search"},
    ]
    assert tool_definitions({}) is None


def test_documents_in_either_form():
    """A retriever's documents are read with and without the dictionary around."""
    document = {"page_content": "x"}
    assert documents_of({"documents": [document]}) == documents_of([document]) == [document]
    assert documents_of("x") is None
