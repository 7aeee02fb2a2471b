"""Runs as spans."""

from __future__ import annotations

import gc
import json
import weakref

import pytest
from langchain_core.runnables import RunnableLambda
from msgspec.structs import force_setattr
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

from tracebus import EventBus, observe
from tracebus.events import BatchMembership, Deferred, Link, ModelInfo, TokenUsage


def test_names_and_kinds_follow_the_conventions(story, recorded):
    """Each kind of run gets the operation's name and the span kind the conventions ask for."""
    root = story.start("graph", "support")
    story.end(story.start("node", "plan", root))
    agent = story.start("agent", "helper", root)
    story.model(agent)
    story.end(story.start("tool", "search", agent, tool_call_id="call-1"), outputs="x")
    story.end(agent)
    story.end(story.start("retriever", "VectorStoreRetriever", root), outputs={"documents": []})
    story.end(story.start("llm", "OpenAI", root, model=ModelInfo(provider="openai", name="davinci")))
    story.end(story.start("embedding", "Emb", root, model=ModelInfo(provider="openai", name="ada")))
    story.end(root)
    spans = recorded(story.events)
    assert {name: span.kind for name, span in spans.items()} == {
        "plan": SpanKind.INTERNAL,
        "chat gpt-5": SpanKind.CLIENT,
        "execute_tool search": SpanKind.INTERNAL,
        "invoke_agent helper": SpanKind.INTERNAL,
        "retrieval": SpanKind.INTERNAL,
        "text_completion davinci": SpanKind.CLIENT,
        "embeddings ada": SpanKind.CLIENT,
        "invoke_workflow support": SpanKind.INTERNAL,
    }
    assert spans["plan"].parent.span_id == spans["invoke_workflow support"].context.span_id
    assert spans["execute_tool search"].attributes["gen_ai.agent.name"] == "helper"
    assert spans["execute_tool search"].attributes["gen_ai.tool.call.id"] == "call-1"
    assert "gen_ai.operation.name" not in spans["plan"].attributes


@pytest.mark.parametrize("name", ["RunnableSequence", "LangGraph", "RunnableParallel<a,b>", "Unnamed"])
def test_a_class_name_is_no_workflow_name(story, recorded, name):
    """A workflow nobody named is called by the operation alone: class names would fill dashboards."""
    story.end(story.start("chain", name))
    span = recorded(story.events)["invoke_workflow"]
    assert "gen_ai.workflow.name" not in span.attributes
    assert span.attributes["langchain.run.name"] == name


def test_times_are_the_events_own(story, recorded):
    """A span starts and ends when its run did, not when the exporter came to it."""
    story.model()
    span = recorded(story.events)["chat gpt-5"]
    assert (span.start_time, span.end_time) == (story.events[0].time, story.events[1].time)


def test_a_model_call_carries_request_response_and_usage(story, recorded):
    """Everything the events know of an inference stands in the conventions' attributes."""
    usage = TokenUsage(
        input_tokens=100,
        output_tokens=50,
        total_tokens=150,
        cache_read_tokens=40,
        cache_creation_tokens=20,
        reasoning_tokens=30,
        input_audio_tokens=3,
        other={"input_image": 7, "input_odd": 1},
    )
    parameters = {
        "temperature": 1, "top_k": 5.0, "max_completion_tokens": 99, "stop": "END", "n": 2, "seed": 7,
        "reasoning_effort": "high", "response_format": {"type": "json_schema"}, "tools": [], "stream": False,
    }  # fmt: skip
    run = story.model(parameters=parameters, ended=False, metadata={"thread_id": "t-1", "user_id": "u"})
    story.stream(run)
    story.stream(run)
    story.end(
        run, usage=usage, finish_reasons=("tool_calls", "length"), model=ModelInfo(name="m"), response_id="r"
    )
    found = dict(recorded(story.events)["chat gpt-5"].attributes)
    assert {name: value for name, value in found.items() if name.startswith(("gen_ai", "user"))} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.request.temperature": 1.0,
        "gen_ai.request.top_k": 5,
        "gen_ai.request.max_tokens": 99,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.seed": 7,
        "gen_ai.request.reasoning.level": "high",
        "gen_ai.output.type": "json",
        "gen_ai.conversation.id": "t-1",
        "user.id": "u",
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": 0.001,
        "gen_ai.response.finish_reasons": ("tool_call", "length"),
        "gen_ai.response.model": "m",
        "gen_ai.response.id": "r",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.cache_write.input_tokens": 20,
        "gen_ai.usage.cache_creation.input_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 30,
        "gen_ai.usage.audio.input_tokens": 3,
        "gen_ai.usage.image.input_tokens": 7,
    }
    assert found["langchain.usage.input_odd"] == 1
    assert isinstance(found["gen_ai.request.temperature"], float)


def test_the_previous_generation_has_the_previous_names(story, recorded):
    """`semconv="1.41"` writes the old cache attribute alone and `top_k` as a double."""
    run = story.model(parameters={"top_k": 5}, ended=False)
    story.end(run, usage=TokenUsage(input_tokens=2, cache_creation_tokens=1))
    span = recorded(story.events, semconv="1.41")["chat gpt-5"]
    assert span.attributes["gen_ai.usage.cache_creation.input_tokens"] == 1
    assert "gen_ai.usage.cache_write.input_tokens" not in span.attributes
    assert isinstance(span.attributes["gen_ai.request.top_k"], float)
    assert span.instrumentation_scope.schema_url.endswith("1.41.0")


def test_anthropic_cache_writes_are_summed(story, recorded):
    """Tokens written to caches of different lifetimes are one count."""
    run = story.model(ended=False, provider="anthropic")
    other = {"input_ephemeral_5m_input_tokens": 3, "input_ephemeral_1h_input_tokens": 4}
    story.end(run, usage=TokenUsage(input_tokens=9, cache_creation_tokens=0, other=other))
    assert recorded(story.events)["chat gpt-5"].attributes["gen_ai.usage.cache_write.input_tokens"] == 7


def test_unknown_usage_is_left_out(story, recorded):
    """Missing usage is no attribute, never 0."""
    story.model(usage=False)
    assert not [name for name in recorded(story.events)["chat gpt-5"].attributes if "usage" in name]


def test_with_steps_off_children_hang_on_the_nearest_kept_ancestor(story, recorded):
    """`spans="genai"` leaves prompts, parsers and inner chains out and keeps the tree whole."""
    root = story.start("graph", "support")
    node = story.start("node", "plan", root)
    inner = story.start("chain", "RunnableSequence", node)
    story.end(story.start("prompt", "P", inner))
    story.model(inner)
    story.end(inner)
    story.end(node)
    story.end(root)
    spans = recorded(story.events, spans="genai")
    assert set(spans) == {"invoke_workflow support", "chat gpt-5"}
    assert spans["chat gpt-5"].parent.span_id == spans["invoke_workflow support"].context.span_id


def test_an_agent_sums_what_its_models_used(story, recorded):
    """An agent's span has the tokens of the models inside, nested agents included."""
    agent = story.start("agent", "outer")
    story.model(agent)
    inner = story.start("agent", "inner", agent)
    story.model(inner)
    story.end(inner)
    story.end(agent)
    spans = recorded(story.events)
    assert spans["invoke_agent outer"].attributes["gen_ai.usage.input_tokens"] == 20
    assert spans["invoke_agent inner"].attributes["gen_ai.usage.output_tokens"] == 5


def test_an_error_is_status_type_and_exception_event(story, recorded):
    """A failed run has status ERROR, `error.type` and one exception event at its end."""
    story.fail(story.start("tool", "search"), "boom", "httpx.ReadTimeout")
    span = recorded(story.events)["execute_tool search"]
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "boom")
    assert span.attributes["error.type"] == "httpx.ReadTimeout"
    (event,) = span.events
    assert (event.name, event.timestamp) == ("exception", span.end_time)
    assert event.attributes["exception.type"] == "httpx.ReadTimeout"
    assert event.attributes["exception.stacktrace"] == "Traceback…"


@pytest.mark.parametrize("outcome", ["cancelled", "abandoned", "interrupted"])
def test_what_is_no_error_has_no_error_status(story, recorded, outcome):
    """Stopping on purpose raises no alarm; the outcome and a finish reason tell of it."""
    run = story.model(ended=False)
    story.end(run, outcome)
    span = recorded(story.events)["chat gpt-5"]
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes["langchain.run.outcome"] == outcome
    assert span.attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert "error.type" not in span.attributes


def test_runs_open_at_close_are_ended_and_marked(story, recorded):
    """A run whose end never came still makes a span, which says so; children end first."""
    root = story.start("graph", "support")
    story.model(root, ended=False)
    spans = recorded(story.events)
    assert list(spans) == ["chat gpt-5", "invoke_workflow support"]
    for span in spans.values():
        assert span.attributes["error.type"] == "tracebus.unfinished"
        assert span.status.status_code is StatusCode.ERROR


def test_the_ambient_span_is_the_parent_of_the_root(story, recorded):
    """A root run hangs on the span that was current where it started; `parent="none"` refuses."""
    header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    story.end(story.start("graph", "support", traceparent=header))
    span = recorded(story.events)["invoke_workflow support"]
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert recorded(story.events, parent="none")["invoke_workflow support"].parent is None


@pytest.mark.parametrize(
    "header",
    ["", "00-0-0-00", "ff-" + "a" * 32 + "-" + "b" * 16 + "-01", "00-" + "0" * 32 + "-" + "b" * 16 + "-01"],
)
def test_a_malformed_traceparent_is_ignored(story, recorded, header):
    """A broken header makes a root span, not an error."""
    story.end(story.start("graph", "support", traceparent=header))
    assert recorded(story.events)["invoke_workflow support"].parent is None


def test_the_current_span_is_read_where_the_run_starts():
    """The reader gives the sources the current span as a `traceparent`, and nothing outside one."""
    from tracebus_exporters.otel._ambient import current_traceparent

    provider = TracerProvider(shutdown_on_exit=False)
    assert current_traceparent() is None
    with provider.get_tracer("t").start_as_current_span("server") as span:
        context = span.get_span_context()
        assert (
            current_traceparent()
            == f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
        )


def test_a_child_that_starts_after_its_parent_ended_still_hangs_on_it(story, recorded):
    """Background work keeps its place in the tree."""
    root = story.start("graph", "support")
    story.end(root)
    story.model(root)
    spans = recorded(story.events)
    assert spans["chat gpt-5"].parent.span_id == spans["invoke_workflow support"].context.span_id


def test_batch_members_are_linked(story, recorded):
    """The roots of one batch call say so and point at the batch's first."""
    for index in range(2):
        batch = BatchMembership(id="b", index=index, size=2)
        story.end(story.start("graph", f"g{index}", batch=batch))
    spans = recorded(story.events)
    (link,) = spans["invoke_workflow g1"].links
    assert link.context.span_id == spans["invoke_workflow g0"].context.span_id
    assert spans["invoke_workflow g1"].attributes["langchain.batch.index"] == 1


def test_links_lead_to_other_runs(story, recorded):
    """A link by run id or by `traceparent` becomes a span link; an unknown run stays an attribute."""
    first = story.start("graph", "first")
    story.end(first)
    header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    links = (Link(run_id=first, relation="resumed"), Link(traceparent=header), Link(run_id="gone"))
    story.end(story.start("graph", "second", links=links))
    spans = recorded(story.events)
    second = spans["invoke_workflow second"]
    assert [link.context.span_id for link in second.links] == [
        spans["invoke_workflow first"].context.span_id,
        0xB7AD6B7169203331,
    ]
    assert second.links[0].attributes["langchain.link.relation"] == "resumed"
    assert second.attributes["langchain.links"] == ("gone",)


def test_retries_and_custom_events_are_span_events(story, recorded):
    """What happens inside a run stands in its span, bounded, with data only where content may go."""
    run = story.start("tool", "search")
    story.retry(run)
    for _ in range(200):
        story.custom(run, "progress", {"secret": 1})
    story.end(run)
    span = recorded(story.events)["execute_tool search"]
    assert [event.name for event in span.events[:2]] == ["langchain.retry", "progress"]
    assert span.events[0].attributes["langchain.retry.attempt"] == 2
    assert len(span.events) == 64
    assert "secret" not in str([event.attributes for event in span.events])
    span = recorded(story.events, content=True)["execute_tool search"]
    assert json.loads(span.events[1].attributes["langchain.custom.data"]) == {"secret": 1}


def test_no_content_unless_asked(story, recorded, monkeypatch):
    """Neither messages nor arguments nor documents leave the process by default."""
    story.chain()
    story.end(story.start("tool", "search", inputs={"q": "hi"}), outputs="Hello")
    story.end(
        story.start("retriever", "R", inputs={"query": "hi"}),
        outputs={"documents": [{"page_content": "Hello"}]},
    )
    for options in ({}, {"content": False}, {"openinference": True}):
        text = str([dict(span.attributes) for span in recorded(story.events, **options).values()])
        assert "Hello" not in text
        assert "'hi'" not in text
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    assert "Hello" in str(dict(recorded(story.events)["chat gpt-5"].attributes))
    assert "Hello" not in str(dict(recorded(story.events, content=False)["chat gpt-5"].attributes))


def test_content_is_json_in_the_conventions_form(story, recorded):
    """Messages, tool calls and documents stand on spans as JSON strings of the conventions' schema."""
    story.chain()
    story.end(
        story.start("tool", "search", inputs={"input": '{"q": 1}'}),
        outputs={"type": "tool", "content": '{"found": 2}', "tool_call_id": "c"},
    )
    documents = [{"page_content": "text", "id": "d1", "metadata": {"score": 0.5}}]
    story.end(story.start("retriever", "R", inputs={"query": "hi"}), outputs={"documents": documents})
    spans = recorded(story.events, content="span")
    chat = spans["chat gpt-5"].attributes
    assert json.loads(chat["gen_ai.input.messages"])[1] == {
        "role": "user",
        "parts": [{"type": "text", "content": "hi"}],
    }
    assert json.loads(chat["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello"}], "finish_reason": "stop"}
    ]
    tool = spans["execute_tool search"].attributes
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"q": 1}
    assert json.loads(tool["gen_ai.tool.call.result"]) == {"found": 2}
    retrieval = spans["retrieval"].attributes
    assert retrieval["gen_ai.retrieval.query.text"] == "hi"
    (document,) = json.loads(retrieval["gen_ai.retrieval.documents"])
    assert (document["id"], document["score"], document["content"]) == ("d1", 0.5, "text")
    assert json.loads(spans["invoke_workflow"].attributes["langchain.input"]) == {"q": "hi"}


def test_long_content_is_shortened_to_valid_json(story, recorded, monkeypatch):
    """However long the messages, the attribute is within the limit and still JSON."""
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2000")
    run = story.start(
        "chat_model",
        "M",
        inputs={"messages": [{"type": "human", "content": 'ab"\\\n' * 9000} for _ in range(300)]},
    )
    story.end(run, outputs={"messages": [{"type": "ai", "content": "z" * 9000}]})
    found = recorded(story.events, content=True)["chat"].attributes
    for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
        assert len(found[name]) <= 2000
        assert json.loads(found[name])[0]["parts"]


def test_no_text_of_our_own_pipeline_is_longer_than_the_environment_says(
    service, story, exporting, read, monkeypatch
):
    """The SDK cuts what a provider of the application's gets; what we send ourselves keeps to it as well."""
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "40")
    about = {"tenant": "t" * 99, "session_id": "s" * 99}
    run = story.start(name="n" * 99, tags=("g" * 99,), inputs={"q": "x" * 99}, metadata=about)
    story.end(run, outputs={"a": ["y" * 99] * 9})
    exporter = exporting(service.http, content="span")
    exporter.export(story.events)
    exporter.flush(5)
    (span,) = service.spans
    found = read(span)
    assert all(
        len(text) <= 40 for value in found.values() for text in ([value] if isinstance(value, str) else value)
    )
    assert found["langchain.run.name"].endswith("… [truncated]")
    for name in ("langchain.input", "langchain.output", "langchain.metadata"):
        assert isinstance(json.loads(found[name]), dict)


def test_openinference_adds_the_whole_set(story, recorded):
    """Phoenix gets kind, model, tokens, session, inputs and outputs by the names it reads."""
    root = story.start("graph", "support", inputs={"input": "hi"}, metadata={"session_id": "s"}, tags=("a",))
    story.model(root)
    documents = [{"page_content": "text", "id": "d1", "metadata": {"score": 0.5}}]
    story.end(story.start("retriever", "R", root, inputs={"query": "hi"}), outputs={"documents": documents})
    story.end(root, outputs={"answer": "a", "b": 1})
    spans = recorded(story.events, openinference=True, content=True)
    assert {n: s.attributes["openinference.span.kind"] for n, s in spans.items()} == {
        "chat gpt-5": "LLM",
        "retrieval": "RETRIEVER",
        "invoke_workflow support": "CHAIN",
    }
    chat = spans["chat gpt-5"].attributes
    assert chat["llm.model_name"] == "gpt-5-2026-08-07"
    assert (chat["llm.token_count.prompt"], chat["llm.token_count.total"]) == (10, 15)
    assert json.loads(chat["llm.invocation_parameters"]) == {"temperature": 0.5}
    root = spans["invoke_workflow support"].attributes
    assert (root["input.value"], root["input.mime_type"]) == ("hi", "text/plain")
    assert json.loads(root["output.value"]) == {"answer": "a", "b": 1}
    assert (root["session.id"], root["tag.tags"]) == ("s", ("a",))
    assert spans["retrieval"].attributes["retrieval.documents.0.document.content"] == "text"


def test_a_users_sampler_decides(story, recorded):
    """What the application's sampler refuses is not exported, and its children neither."""
    story.chain()
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(0.0)), shutdown_on_exit=False)
    assert recorded(story.events, provider=provider) == {}


def test_the_users_context_is_never_touched(story, recorded):
    """Exporting attaches no context: the current span stays what it was."""
    from opentelemetry import trace

    story.chain()
    before = trace.get_current_span()
    recorded(story.events)
    assert trace.get_current_span() is before
    assert set_span_in_context  # the API we build parents with stays public


def test_poisonous_strings_do_no_harm(story, recorded):
    """Lone surrogates, huge integers and deep nesting anywhere are made harmless before the SDK."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    bad = "x\ud800y"
    deep: object = bad
    for _ in range(90):
        deep = {"a": deep}
    run = story.start(
        "graph", bad, metadata={bad: bad, "thread_id": bad, "n": 2**70}, tags=(bad,), inputs=deep
    )
    story.custom(run, bad, deep)
    story.fail(story.start("tool", bad, run, inputs={"n": 2**70, bad: deep}), bad, bad, bad)
    story.fail(run, bad)
    spans = recorded(story.events, content=True, openinference=True)
    assert len(spans) == 2
    encode_spans(list(spans.values())).SerializeToString()


def test_attributes_never_outgrow_the_limit(story, recorded, monkeypatch):
    """Where the environment allows few attributes, the conventions' own stay and others go."""
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "12")
    story.model(metadata={f"k{i}": i for i in range(50)})
    found = recorded(story.events, openinference=True, content=True)["chat gpt-5"].attributes
    assert len(found) <= 12
    assert found["gen_ai.operation.name"] == "chat"


def test_a_gap_is_counted_and_leaves_no_run_behind(story):
    """Runs whose ends were among missed events are ended with their root."""
    from tracebus_exporters.otel import OTelExporter

    root = story.start("graph", "support")
    story.start("tool", "search", root)
    story.gap(5)
    story.end(root)
    story.end("unknown")
    exporter = OTelExporter(tracer_provider=TracerProvider(shutdown_on_exit=False))
    exporter.export(story.events)
    found = exporter.statistics()
    assert (found["runs_open"], found["events_missed"]) == (0, 5)
    assert (found["runs_unfinished"], found["ends_without_start"]) == (1, 1)


def test_the_number_of_open_runs_is_bounded(story, monkeypatch):
    """Runs that never end cannot fill the memory: the oldest are given up, ended and counted."""
    from tracebus_exporters.otel import OTelExporter
    from tracebus_exporters.otel.runs import _table as _runs

    monkeypatch.setattr(_runs, "_MOST_OPEN", 10)
    for _ in range(25):
        story.start("tool", "search")
    exporter = OTelExporter(tracer_provider=TracerProvider(shutdown_on_exit=False))
    exporter.export(story.events)
    assert exporter.statistics()["runs_open"] == 10
    assert exporter.statistics()["runs_unfinished"] == 15


def test_neighbours_tell_of_prompt_variables_and_tool_descriptions(story, recorded):
    """A model's span has what its prompt was filled with, where asked; a tool's the description models got."""
    root = story.start()
    hub = {"lc_hub_owner": "me", "lc_hub_repo": "greet", "lc_hub_commit_hash": "abc"}
    given = {"inputs": {"q": "hi", "n": 3}, "partial_variables": {"n": 1, "tone": "kind"}}
    story.end(story.start("prompt", "ChatPromptTemplate", root, metadata=hub, **given))
    tools = [{"type": "function", "function": {"name": "search", "description": "finds things"}}]
    story.model(root, parameters={"tools": tools})
    story.end(story.start("tool", "search", root))
    story.model(root, run_id="second", provider="other")
    story.end(root)
    spans = recorded(story.events, content=True)
    assert spans["execute_tool search"].attributes["gen_ai.tool.description"] == "finds things"
    variables = [
        {name: value for name, value in span.attributes.items() if name.startswith("gen_ai.prompt.variable.")}
        for span in recorded(story.events[:-3], content=True, prompts=True).values()
        if span.name == "chat gpt-5"
    ]
    named = "gen_ai.prompt.variable"
    assert variables == [{f"{named}.n": "3", f"{named}.tone": "kind", f"{named}.q": "hi"}]
    first = recorded(story.events[:-3], prompts=True)["chat gpt-5"].attributes
    assert (first["gen_ai.prompt.name"], first["gen_ai.prompt.version"]) == ("me/greet", "abc")
    assert "prompt.variable" not in str(dict(first))  # content
    # Langfuse takes any attribute that begins so for the prompt, and shows no messages.
    for other in (spans.values(), recorded(story.events[:-3], content=True).values()):
        assert "gen_ai.prompt" not in str([dict(span.attributes) for span in other])


@pytest.mark.parametrize(
    "message",
    [{"type": "human", "content": "x"}, {"role": "user", "content": "x"}, ["user", "x"], ["human", "x"]],
)
def test_messages_in_any_of_langchains_forms(story, recorded, message):
    """A graph's messages are read whether given as objects, dictionaries or pairs."""
    story.end(story.start("graph", "g", inputs={"messages": [message]}))
    found = recorded(story.events, content=True)["invoke_workflow g"].attributes
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "x"}]}
    ]


class Captured(Deferred):
    """A payload as the sources capture it, which tells whether anybody turned it into JSON."""

    def __init__(self, value) -> None:
        self.value = value
        self.settled = False

    def settle_into(self, event, field) -> None:
        self.settled = True
        if isinstance(self.value, BaseException):
            raise self.value
        force_setattr(event, field, self.value)


@pytest.mark.parametrize("content", [False, True])
def test_what_no_span_shows_is_not_turned_into_json(story, recorded, content):
    """Inputs and outputs cost more than the rest of a run: with content off they stay as they are."""
    given, answered = Captured({"q": "why?"}), Captured("because")
    metadata, documents = Captured({"thread_id": "t"}), Captured({"documents": [{"page_content": "x"}]})
    root = story.start("chain", "support", inputs=given, metadata=metadata)
    story.end(story.start("retriever", "Store", root), outputs=documents)
    story.end(root, outputs=answered)
    spans = recorded(story.events, content=content)
    assert (given.settled, answered.settled) == (content, content)
    assert (metadata.settled, documents.settled) == (True, True)
    assert spans["invoke_workflow support"].attributes["gen_ai.conversation.id"] == "t"
    assert spans["retrieval"].attributes["langchain.retriever.document_count"] == 1


@pytest.mark.parametrize("error", [RecursionError("too deep"), SystemExit(1)])
def test_a_payload_that_fails_costs_itself_only(story, exporting, service, error):
    """Its span goes out all the same, once, and the failure is counted."""
    exporter = exporting(service.http)
    root = story.start("chain", "support", metadata=Captured(error))
    story.end(root)
    exporter.export(story.events)
    exporter.flush(5)
    exporter.close()
    assert exporter.statistics()["payloads_unreadable"] == 1
    assert exporter.statistics()["spans_sent"] == 1


def test_what_no_span_shows_is_not_kept(exporting, service):
    """With content off the program's own objects are free once the exporter is past them."""

    class Question:
        pass

    with EventBus() as bus:
        bus.attach(exporting(service.http, content=False))
        question = Question()
        gone = weakref.ref(question)
        observe(RunnableLambda(lambda _: "because"), bus=bus).invoke(question)
        del question
        assert bus.flush(10)
        gc.collect()
        assert gone() is None
