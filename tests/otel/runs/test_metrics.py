"""The conventions' metrics."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from tracebus.events import ModelInfo, TokenUsage
from tracebus_exporters.otel import OTelExporter
from tracebus_exporters.otel.conventions import _generations as generations


@pytest.fixture
def measured():
    """Return a function that gives the metrics of events: by name, a list of (attributes, point)."""

    def run(events, **options):
        reader = InMemoryMetricReader()
        meters = MeterProvider([reader], shutdown_on_exit=False)
        traces = TracerProvider(shutdown_on_exit=False)
        exporter = OTelExporter(tracer_provider=traces, meter_provider=meters, **options)
        exporter.export(events)
        found = {}
        data = reader.get_metrics_data()
        scopes = data.resource_metrics[0].scope_metrics if data else ()
        for metric in (metric for scope in scopes for metric in scope.metrics):
            assert metric.name not in found
            found[metric.name] = [(dict(point.attributes), point) for point in metric.data.data_points]
        meters.shutdown()
        return found

    return run


def test_an_inference_is_measured_as_its_span_is(story, measured):
    """Duration, time to first chunk, time between chunks and tokens, with the conventions' attributes and buckets."""
    run = story.model(ended=False)
    for _ in range(3):
        story.stream(run)
    usage = TokenUsage(input_tokens=100, output_tokens=50, cache_read_tokens=40, reasoning_tokens=7)
    story.end(run, usage=usage)
    found = measured(story.events)
    common = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
    }
    ((attributes, point),) = found["gen_ai.client.inference.duration"]
    assert attributes == common
    assert point.sum == pytest.approx(0.004)
    assert point.explicit_bounds == generations.DURATION_BUCKETS
    assert found["gen_ai.client.inference.time_to_first_chunk"][0][1].sum == pytest.approx(0.001)
    between = found["gen_ai.client.inference.time_per_output_chunk"][0][1]
    assert (between.count, between.sum) == (2, pytest.approx(0.002))
    ((attributes, point),) = found["gen_ai.client.inference.usage.input_tokens"]
    assert (attributes, point.value) == ({**common, "gen_ai.token.modality": "unknown"}, 100)
    assert found["gen_ai.client.inference.usage.cache_read.input_tokens"][0][1].value == 40
    assert found["gen_ai.client.inference.usage.reasoning.output_tokens"][0][1].value == 7
    distribution = found["gen_ai.client.inference.operation.output_tokens"][0][1]
    assert distribution.explicit_bounds == generations.TOKEN_BUCKETS
    assert "gen_ai.client.token.usage" not in found


def test_a_long_stream_is_sampled_evenly(story, measured):
    """Thousands of chunks cost a bounded number of values, spread over the whole stream."""
    run = story.model(ended=False)
    for number in range(3_000):
        story.tick(10 if number >= 1_500 else 0)
        story.stream(run)
    story.end(run)
    point = measured(story.events)["gen_ai.client.inference.time_per_output_chunk"][0][1]
    assert 200 < point.count <= 256
    assert point.sum / point.count == pytest.approx(0.006, rel=0.02)


def test_the_previous_generation_of_metrics(story, measured):
    """`semconv="1.41"` measures by the names dashboards have had so far."""
    story.model()
    found = measured(story.events, semconv="1.41")
    assert set(found) == {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"}
    tokens = {a["gen_ai.token.type"]: p.sum for a, p in found["gen_ai.client.token.usage"]}
    assert tokens == {"input": 10, "output": 5}


@pytest.mark.parametrize(
    ("usage", "split"),
    [
        ({}, {"unknown": 300}),
        ({"input_audio_tokens": 0}, {"unknown": 300}),
        ({"input_audio_tokens": 40}, {"audio": 40, "unknown": 260}),
        ({"input_audio_tokens": 0, "other": {"input_image": 200}}, {"image": 200, "unknown": 100}),
        ({"other": {"input_image": 200, "input_text": 100}}, {"image": 200, "text": 100}),
        ({"input_audio_tokens": 300}, {"audio": 300}),
        ({"other": {"input_image": 200, "input_text": 300}}, {"unknown": 300}),
    ],
)
def test_tokens_are_split_by_what_the_provider_tells(story, measured, usage, split):
    """Counters add up to the total; what nobody told is unknown, and audio of 0 makes nothing text."""
    run = story.model(ended=False)
    story.end(run, usage=TokenUsage(input_tokens=300, **usage))
    points = measured(story.events)["gen_ai.client.inference.usage.input_tokens"]
    assert {a["gen_ai.token.modality"]: p.value for a, p in points} == split


def test_embeddings_have_their_own_duration_and_tokens(story, measured):
    """The tokens of embeddings are measured, in each generation by its names."""
    run = story.start("embedding", "Emb", model=ModelInfo(provider="openai", name="ada"))
    story.end(run, usage=TokenUsage(input_tokens=4))
    found = measured(story.events)
    assert set(found) == {
        "gen_ai.client.embeddings.duration",
        "gen_ai.client.embeddings.operation.input_tokens",
    }
    assert found["gen_ai.client.embeddings.operation.input_tokens"][0][1].sum == 4
    before = measured(story.events, semconv="1.41")
    ((attributes, point),) = before["gen_ai.client.token.usage"]
    assert (attributes["gen_ai.token.type"], point.sum) == ("input", 4)


def test_both_generations_are_measured_for_dashboards_on_the_move(story, measured):
    """`0.1/dup` has every instrument of both generations, each value once."""
    agent = story.start("agent", "helper")
    story.model(agent)
    story.end(story.start("tool", "f", agent))
    story.end(agent)
    story.end(story.start("graph", "desk"))
    both = measured(story.events, semconv="0.1/dup")
    new, old = measured(story.events, semconv="0.1"), measured(story.events, semconv="1.41")
    assert both.keys() == new.keys() | old.keys()
    assert new.keys() - old.keys()
    assert old.keys() - new.keys()
    for name, points in both.items():
        assert [a for a, _ in points] == [a for a, _ in (new.get(name) or old[name])]
        assert {getattr(p, "count", 1) for _, p in points} == {1}
    assert measured(story.events, semconv="latest").keys() == new.keys()


def test_an_agent_counts_its_own_calls(story, measured):
    """A sub-agent's calls are the sub-agent's alone, failed ones count, so each call is counted once."""
    outer = story.start("agent", "outer")
    story.model(outer)
    tool = story.start("tool", "ask", outer)
    inner = story.start("agent", "inner", tool)
    story.model(inner)
    story.fail(story.model(inner, ended=False))
    story.end(story.start("tool", "look", inner))
    story.end(inner)
    story.end(tool)
    story.end(outer)
    found = measured(story.events)
    for name, counted in (
        ("inference_calls", {"outer": 1, "inner": 2}),
        ("tool_calls", {"outer": 1, "inner": 1}),
    ):
        points = found[f"gen_ai.invoke_agent.{name}"]
        assert {a["gen_ai.agent.name"]: p.sum for a, p in points} == counted


def test_agents_tools_workflows_and_retrievals(story, measured):
    """Each operation has its own duration; agents count the calls inside; errors carry their type."""
    root = story.start("graph", "support")
    agent = story.start("agent", "helper", root)
    story.model(agent)
    story.fail(story.start("tool", "search", agent), "no", "TimeoutError")
    story.end(agent)
    story.end(story.start("retriever", "R", root))
    story.end(root)
    found = measured(story.events)
    durations = {a["gen_ai.operation.name"]: a for a, _ in found["gen_ai.invoke_agent.duration"]}
    assert durations == {
        "invoke_workflow": {"gen_ai.operation.name": "invoke_workflow", "gen_ai.agent.name": "support"},
        "invoke_agent": {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "helper",
            "gen_ai.request.model": "gpt-5",
        },
    }
    assert found["gen_ai.invoke_agent.inference_calls"][0][1].sum == 1
    assert found["gen_ai.invoke_agent.tool_calls"][0][1].sum == 1
    assert found["gen_ai.execute_tool.duration"][0][0] == {
        "gen_ai.tool.name": "search",
        "gen_ai.tool.type": "function",
        "gen_ai.agent.name": "helper",
        "error.type": "TimeoutError",
    }
    assert found["gen_ai.retrieval.duration"][0][0]["gen_ai.operation.name"] == "retrieval"
    before = measured(story.events, semconv="1.41")
    assert before["gen_ai.invoke_workflow.duration"][0][0] == {"gen_ai.workflow.name": "support"}
    assert before["gen_ai.client.operation.duration"][0][0]["gen_ai.operation.name"] == "chat"


def test_unknown_usage_is_not_measured_as_zero(story, measured):
    """A model that reports no usage adds to no counter."""
    story.model(usage=False)
    assert not [name for name in measured(story.events) if "usage" in name or name.endswith("tokens")]


def test_unsampled_runs_are_measured_all_the_same(story):
    """Metrics are of all runs, whatever the sampler takes."""
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    story.model()
    exporter = OTelExporter(
        tracer_provider=TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False), meter_provider=meters
    )
    exporter.export(story.events)
    names = [m.name for m in reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics]
    assert "gen_ai.client.inference.duration" in names
    meters.shutdown()


@pytest.fixture
def backend(service, monkeypatch, request):
    """Return a function that makes an exporter with metrics on."""
    made = []

    def make(protocol="http/protobuf", **options):
        where = service.http if protocol == "http/protobuf" else service.grpc
        made.append(OTelExporter(endpoint=where, protocol=protocol, **options))
        return made[-1]

    yield make
    for exporter in made:
        exporter.close()


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_metrics_reach_a_backend_of_our_own(backend, service, story, protocol):
    """With an endpoint alone, metrics go there too, in the same flush."""
    story.model()
    exporter = backend(protocol)
    exporter.export(story.events)
    exporter.flush(5)
    assert "gen_ai.client.inference.duration" in {metric.name for metric in service.metrics}
    assert exporter.statistics()["metric_points_sent"] == 5


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_backend_without_metrics_is_asked_once(  # noqa: PLR0917  fixtures
    backend, service, story, answer, protocol, caplog
):
    """Jaeger takes no metrics: that is no loss, no warning, and no reason to ask again."""
    story.model()
    exporter = backend(protocol)
    service.answers = [answer(), answer(404)]
    exporter.export(story.events)
    exporter.flush(5)
    exporter.flush(5)
    exporter.close()
    assert [signal for signal, _ in service.requests].count("metrics") == 1
    assert len(service.spans) == 1
    assert caplog.records == []
    assert "metric_points_lost" not in exporter.statistics()


def test_lost_metrics_are_counted(backend, service, story, answer, caplog):
    """Metrics that do not arrive are counted and said, and the next collection tells of them again."""
    story.model()
    exporter = backend()
    service.answers = [answer(), answer(503)]
    exporter.export(story.events)
    with pytest.raises(TimeoutError, match="metrics"):
        exporter.flush(5)
    assert exporter.statistics()["metric_points_lost_unreachable"] == 5
    exporter.flush(5)
    assert exporter.statistics()["metric_points_sent"] == 5


def test_delta_temporality_is_honoured(backend, service, story, monkeypatch):
    """The variable for backends that want deltas works."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
    story.model()
    exporter = backend()
    exporter.export(story.events)
    exporter.flush(5)
    metric = next(m for m in service.metrics if m.name == "gen_ai.client.inference.duration")
    assert metric.histogram.aggregation_temporality == 1
