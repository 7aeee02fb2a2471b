"""What each generation and instrumentation writes is read for what it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sent_spans import SECOND, one, span

from tracebus.capture import Capture
from tracebus.events import Outcome
from tracebus.transcript import given as was_given
from tracebus.transcript import put_out
from tracebus_exporters.receiver._json import spans_of_json
from tracebus_exporters.receiver._span import BadRequestError
from tracebus_exporters.receiver._traces import Traces

ASKED = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
    {"role": "user", "parts": [{"type": "text", "content": "When?"}]},
]
ANSWER = [
    {
        "role": "assistant",
        "parts": [
            {"type": "text", "content": "At noon."},
            {"type": "tool_call", "id": "c", "name": "look", "arguments": {"q": 1}},
        ],
    }
]
MODELS = {
    "0.1": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": "claude",
        "gen_ai.response.model": "claude-2",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_write.input_tokens": 3,
        "gen_ai.input.messages": json.dumps(ASKED),
        "gen_ai.output.messages": json.dumps(ANSWER),
    },
    "instructions apart": {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": "claude",
        "gen_ai.response.model": "claude-2",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_creation.input_tokens": 3,
        "gen_ai.system_instructions": json.dumps(ASKED[0]["parts"]),
        "gen_ai.input.messages": json.dumps(ASKED[1:]),
        "gen_ai.output.messages": json.dumps(ANSWER),
    },
    "Traceloop": {
        "llm.request.type": "chat",
        "gen_ai.system": "bedrock",
        "gen_ai.request.model": "claude",
        "gen_ai.response.model": "claude-2",
        "gen_ai.usage.prompt_tokens": 10,
        "gen_ai.usage.completion_tokens": 5,
        "gen_ai.usage.cache_creation_input_tokens": 3,
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "Be brief.",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": "When?",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "At noon.",
        "gen_ai.completion.0.tool_calls.0.id": "c",
        "gen_ai.completion.0.tool_calls.0.name": "look",
        "gen_ai.completion.0.tool_calls.0.arguments": '{"q": 1}',
    },
    "OpenInference": {
        "openinference.span.kind": "LLM",
        "llm.provider": "bedrock",
        "llm.model_name": "claude",
        "llm.response.model_name": "claude-2",
        "llm.token_count.prompt": 10,
        "llm.token_count.completion": 5,
        "llm.token_count.prompt_details.cache_write": 3,
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "Be brief.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.contents.0.message_content.type": "text",
        "llm.input_messages.1.message.contents.0.message_content.text": "When?",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "At noon.",
        "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"q": 1}',
    },
}
OLD = {
    "gen_ai.operation.name": "chat", "gen_ai.system": "bedrock", "gen_ai.request.model": "claude",
    "gen_ai.response.model": "claude-2", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.cache_creation.input_tokens": 3,
}  # fmt: skip
OLD_EVENTS = [
    (1, "gen_ai.system.message", {"content": "Be brief."}),
    (2, "gen_ai.user.message", {"content": "When?"}),
    (3, "gen_ai.choice", {"index": 0, "message": json.dumps({"content": "At noon.", "tool_calls": [{"id": "c", "function": {"name": "look", "arguments": '{"q": 1}'}}]})}),
]  # fmt: skip


@pytest.mark.parametrize("dialect", [*MODELS, "1.36 events"])
def test_a_model_call(dialect):
    """Kind, provider, both models, tokens, the conversation, the answer and its tool call: the same from each."""
    sent = span(1, name="chat claude")._replace(attributes=MODELS.get(dialect, OLD))
    if dialect not in MODELS:
        from tracebus_exporters.receiver._span import SpanEvent

        sent = sent._replace(events=[SpanEvent(*event) for event in OLD_EVENTS])
    node = one(sent)
    assert node.kind == "chat_model"
    assert node.start.model.name == "claude"
    assert node.model.name == "claude-2"
    assert node.start.model.provider in ("bedrock", "amazon_bedrock")
    usage = node.own_usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens, usage.cache_creation_tokens) == (
        10,
        5,
        15,
        3,
    )
    assert was_given(node) == "system: Be brief.\nuser: When?"
    assert put_out(node) == 'At noon.\nlook({"q": 1})'


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.tool.call.id": "c", "gen_ai.tool.call.arguments": '{"q": 1}', "gen_ai.tool.call.result": "found"},
        {"openinference.span.kind": "TOOL", "tool.name": "look", "tool.id": "c", "input.value": '{"q": 1}', "output.value": '{"messages": "found"}'},
        {"traceloop.span.kind": "tool", "traceloop.entity.name": "look", "traceloop.entity.input": '{"input_str": "x", "inputs": {"q": 1}, "kwargs": {"tool_call_id": "c"}}', "traceloop.entity.output": '{"output": {"lc": 1, "type": "constructor", "id": ["x", "ToolMessage"], "kwargs": {"content": "found"}}, "kwargs": {}}'},
    ],
    ids=["0.1", "OpenInference", "Traceloop"],
)  # fmt: skip
def test_a_tool_call(attributes):
    """Its name, the call it answers, arguments and result."""
    node = one(span(1, name="x")._replace(attributes=attributes))
    assert (node.kind, node.name, node.start.tool_call_id, node.inputs) == ("tool", "look", "c", {"q": 1})
    assert "found" in put_out(node)


def test_a_failure_is_what_was_raised():
    """Type, message and traceback of the exception's event; without one, what the status says."""
    raised = (
        1,
        "exception",
        {"exception.type": "KeyError", "exception.message": "9", "exception.stacktrace": "tb"},
    )
    node = one(span(1, failed=True, message="no", events=[raised]))
    assert (node.error.type, node.error.message, node.error.traceback) == ("KeyError", "9", "tb")
    node = one(span(1, failed=True, message="no", error__type="timeout"))
    assert (node.error.type, node.error.message) == ("timeout", "no")
    node = one(span(1, events=[raised]))
    assert node.end.outcome is Outcome.OK
    assert [event.name for event in node.custom_events] == ["exception"]


def test_a_stream_has_its_first_token():
    """The time to the first chunk, and the text that came."""
    sent = MODELS["0.1"] | {"gen_ai.response.time_to_first_chunk": 0.25}
    assert one(span(1)._replace(attributes=sent)).time_to_first_token == 0.25


def test_what_nobody_knows_is_kept_under_its_name():
    """Attributes of others become metadata, with the service that said them; secrets among them do not."""
    node = one(span(1, my__own="value", http__status=200, api_key="sk-secret"))
    assert node.metadata["my.own"] == "value"
    assert node.metadata["service.name"] == "shop"
    assert "sk-secret" not in str(node.metadata)


@pytest.mark.parametrize("odd", [2**63 - 1, 10**12 + 1, -1])
def test_what_counts_no_tokens_is_unknown(odd):
    """A sum of such would be more than a log can hold."""
    counts = {"gen_ai.usage.input_tokens": odd, "gen_ai.usage.output_tokens": 5}
    usage = one(span(1, **{"gen_ai.operation.name": "chat", **counts})).own_usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (None, 5, None)


def test_without_content_nothing_that_was_said_is_kept():
    """Structure, times and tokens are; texts under whatever name are not."""
    sent = span(1)._replace(attributes=MODELS["Traceloop"] | {"vendor.prompt": "When?", "vendor.count": 3})
    events = Traces(Capture(content=False)).add([sent], 0.0)
    text = str(events)
    assert "When?" not in text
    assert "noon" not in text
    assert events[0].metadata["vendor.count"] == 3


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *MODELS["0.1"], *MODELS["OpenInference"], *MODELS["Traceloop"], "langchain.run.kind", "langchain.run.id",
        "langchain.run.outcome", "langchain.run.tags", "langchain.metadata", "langchain.input", "langchain.batch.id",
        "langchain.batch.index", "langchain.batch.size", "langchain.usage.x", "gen_ai.response.finish_reasons",
        "gen_ai.response.time_to_first_chunk", "gen_ai.retrieval.documents", "retrieval.documents.0.document.content",
        "llm.invocation_parameters", "gen_ai.tool.definitions", "events", "traceloop.span.kind", "error.type",
        "openinference.span.kind", "gen_ai.operation.name",
    ]
)  # fmt: skip


@given(st.dictionaries(NAMES, ANY | ANY.map(json.dumps), max_size=8), st.dictionaries(NAMES, ANY, max_size=3))
@settings(max_examples=300, deadline=None)
def test_no_attribute_is_too_odd(attributes, of_event):
    """Any value under any known name: a run comes of it, and its events can be stored."""
    from tracebus.events import encode_json

    for name in ("gen_ai.user.message", "langchain.retry", "exception", "own"):
        sent = span(1, events=[(1, name, of_event)])._replace(attributes=attributes)
        events = Traces(Capture()).add([sent], 0.0)
        assert len(events) >= 2
        assert all(encode_json(event) for event in events)


@given(st.binary(max_size=200) | ANY.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=200, deadline=None)
def test_json_that_is_no_request_says_so(body):
    """Whatever is sent is spans or a clear refusal."""
    said = ""
    try:
        list(spans_of_json(body))
    except BadRequestError as error:
        said = str(error)
    assert not said or "the body is no" in said


def test_times_are_nanoseconds():
    """JSON has them as text; a second is a second."""
    body = json.dumps(
        {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "a" * 32, "spanId": "b" * 16, "name": "x", "startTimeUnixNano": "5", "endTimeUnixNano": str(5 + SECOND)}]}]}]}
    )  # fmt: skip
    (sent,) = spans_of_json(body.encode())
    assert one(sent).duration == 1.0
