"""Runs as spans."""

from __future__ import annotations

import json

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

from tracebus.events import BatchMembership, Link, ModelInfo, TokenUsage


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
