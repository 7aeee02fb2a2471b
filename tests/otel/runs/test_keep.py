"""`keep` before OpenTelemetry: whole traces, metrics of every run."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tracebus import EventBus, keep
from tracebus_exporters.otel import OTelExporter


@pytest.fixture
def exit_():
    """Return a function that makes an exporter behind rules, and what gives its spans and metrics."""

    def make(rules=None, **options):
        memory, reader = InMemorySpanExporter(), InMemoryMetricReader()
        traces = TracerProvider(shutdown_on_exit=False)
        traces.add_span_processor(SimpleSpanProcessor(memory))
        meters = MeterProvider([reader], shutdown_on_exit=False)
        exporter = OTelExporter(tracer_provider=traces, meter_provider=meters, **options)

        def measured():
            data = reader.get_metrics_data()
            scopes = data.resource_metrics[0].scope_metrics if data else ()
            return {
                (metric.name, frozenset(point.attributes.items())): getattr(point, "count", None)
                or point.value
                for scope in scopes
                for metric in scope.metrics
                for point in metric.data.data_points
            }

        return (exporter if rules is None else keep(exporter, **rules)), memory.get_finished_spans, measured

    return make


def agent(story, *, failed=False, traceparent=None):
    """Tell of an agent with a step, a model that streams, and a tool."""
    root = story.start("chain", "helper", metadata={"agent_name": "helper"}, traceparent=traceparent)
    step = story.start("node", "step", root, metadata={"agent_name": "helper"})
    model = story.model(step, ended=False, metadata={"agent_name": "helper"})
    for _ in range(3):
        story.stream(model)
    story.end(model)
    story.model(step, metadata={"agent_name": "helper"})
    tool = story.start("tool", "search", step, metadata={"agent_name": "helper"})
    if failed:
        for run in (tool, step, root):
            story.fail(run)
    else:
        retrieval = story.start("retriever", "docs", tool)
        story.end(retrieval, outputs={"documents": []})
        for run in (tool, step, root):
            story.end(run)


@pytest.mark.parametrize("semconv", ["0.1", "1.41", "0.1/dup"])
@pytest.mark.parametrize("content", [False, True])
def test_metrics_count_what_is_left_out(story, exit_, semconv, content):
    """Whatever is kept, the metrics are those of all runs, with the same attributes."""
    for number in range(10):
        agent(story, failed=number == 3)
    every, _, measured_all = exit_(semconv=semconv, content=content)
    every.export(story.events)
    some, spans, measured_some = exit_({"errors": True}, semconv=semconv, content=content)
    some.export(story.events)
    assert len(spans()) == 5
    assert measured_some() == measured_all()
    assert len(measured_all()) > 5


def test_the_root_span_says_why_it_is_there(story, exit_):
    """And which part of the runs like it, so that a backend can weigh; no span inside says it."""
    agent(story, failed=True)
    agent(story)
    kept, spans, _ = exit_({"errors": True, "share": 1.0})
    kept.export(story.events)
    roots = [span for span in spans() if span.parent is None]
    assert [
        (span.attributes["tracebus.kept.reasons"], span.attributes["tracebus.kept.share"]) for span in roots
    ] == [(("error",), 1.0), (("share",), 1.0)]
    assert sum("tracebus.kept.reasons" in span.attributes for span in spans()) == 2


def test_a_trace_that_is_not_recorded_stays_so(story, exit_):
    """Of a caller whose trace is not sampled nothing goes out, though it failed; metrics count it."""
    where = f"00-{'a' * 32}-{'b' * 16}"
    agent(story, failed=True, traceparent=f"{where}-00")
    agent(story, failed=True, traceparent=f"{where}-01")
    agent(story, traceparent=f"{where}-01")
    kept, spans, measured = exit_({"errors": True})
    kept.export(story.events)
    assert len(spans()) == 5
    assert {span.context.trace_id for span in spans()} == {int("a" * 32, 16)}
    assert kept.statistics()["runs_not_sampled"] == 1
    calls = [count for (name, _), count in measured().items() if name == "gen_ai.execute_tool.duration"]
    assert sum(calls) == 3
    recorded, spans, _ = exit_({"errors": True, "sampled": True})
    recorded.export(story.events)
    assert len(spans()) == 5 + 6


def test_payloads_of_a_kept_run_are_there_though_every_reader_is_past_them(exit_):
    """With content off payloads are let go behind the readers; what is held for later has its own."""
    from langchain_core.runnables import RunnableLambda

    from tracebus import observe
    from tracebus.testing import ScriptedChatModel

    model = ScriptedChatModel(script=["yes"])

    def ask(text):
        model.invoke(text)
        bus.flush(10)  # the exporter is past the model's events, and its root run goes on
        raise ValueError(text)

    kept, spans, _ = exit_({"errors": True}, content=False)
    with EventBus() as bus:
        bus.attach(kept)
        with pytest.raises(ValueError, match="why"):
            observe(RunnableLambda(ask), bus=bus).invoke("why")
        bus.flush(10)
    (chat,) = [span for span in spans() if span.attributes.get("gen_ai.operation.name") == "chat"]
    assert chat.attributes["gen_ai.request.model"]
    assert chat.attributes["gen_ai.usage.input_tokens"] > 0
    assert not [key for key in chat.attributes if "messages" in key]


def _noticed(story, root, name, **data):
    story.custom(root, name, {"run_id": root, "name": "agent", **data})


def test_what_was_noticed_of_a_root_is_on_its_span(story, recorded):
    """Limits, what is used of them, circles: attributes of the root, and an event each, with content off."""
    root = story.start(name="agent")
    _noticed(story, root, "tracebus.budget", state="set", limits={"cost": 0.5, "tokens": 100})
    _noticed(
        story, root, "tracebus.budget", state="exceeded", limit="cost", used=0.6, of=0.5, unknown_calls=1
    )
    _noticed(
        story, root, "tracebus.loop", kind="same_call", what="search", count=3, runs=["a", "b"], tokens=40
    )
    story.end(root)
    (span,) = recorded(story.events, content=False).values()
    said = {name: value for name, value in span.attributes.items() if name.startswith("tracebus.")}
    assert said == {
        "tracebus.budget.cost.limit": 0.5,
        "tracebus.budget.tokens.limit": 100,
        "tracebus.budget.cost.used": 0.6,
        "tracebus.budget.cost.unknown_calls": 1,
        "tracebus.budget.exceeded": ("cost",),
        "tracebus.loop.kinds": ("same_call",),
        "tracebus.loop.of": ("search",),
        "tracebus.loop.count": 3,
        "tracebus.loop.runs": ("a", "b"),
        "tracebus.loop.tokens": 40,
    }
    assert [event.name for event in span.events] == ["tracebus.budget", "tracebus.budget", "tracebus.loop"]


def test_what_was_noticed_after_the_end_is_a_span_below(story, recorded):
    """A span that has ended takes nothing more; what came too late for it is not lost."""
    root = story.start(name="agent")
    story.end(root)
    _noticed(story, root, "tracebus.budget", state="exceeded", limit="tokens", used=120, of=100)
    spans = recorded(story.events, content=False)
    late = spans["tracebus.budget"]
    assert late.parent.span_id == next(span for span in spans.values() if span is not late).context.span_id
    assert late.attributes["tracebus.budget.exceeded"] == ("tokens",)


def test_the_limits_of_what_is_over_are_no_span(story, recorded):
    """A run that ended before its budget was told: nothing was noticed of it."""
    root = story.start(name="agent")
    story.end(root)
    _noticed(story, root, "tracebus.budget", state="set", limits={"cost": 0.5})
    assert len(recorded(story.events, content=False)) == 1
