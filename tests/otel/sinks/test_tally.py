"""Metrics are added up beside the SDK: what is sent is as if it had recorded them."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

from tracebus import keep
from tracebus.events import ModelInfo, TokenUsage
from tracebus_exporters.otel import OTelExporter
from tracebus_exporters.otel._options import checked
from tracebus_exporters.otel.runs._left_out import CountedRuns
from tracebus_exporters.otel.runs._metrics import Metrics
from tracebus_exporters.otel.runs._table import RunTable
from tracebus_exporters.otel.sinks import _tally
from tracebus_exporters.otel.sinks._instruments import MeterInstruments
from tracebus_exporters.otel.sinks._silent_sink import SilentSink
from tracebus_exporters.otel.sinks._tally import Tally

DELTA = dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)


class Backend:
    """Runs with spans and runs left out, added up or recorded by the SDK; and what is collected of them."""

    def __init__(self, semconv, temporality=None, *, adds_up=True):
        self.reader = InMemoryMetricReader(preferred_temporality=temporality)
        self.tally = Tally()
        options = checked(
            spans="all", semconv=semconv, openinference=False, prompts=False, vendor="", parent="none",
            content=None, events=False,
        )  # fmt: skip
        meters = MeterProvider([self.reader], shutdown_on_exit=False)
        counted, recorded = [], set()
        for names in options.metrics:
            instruments = MeterInstruments(meters.get_meter("tracebus", "1", names.schema_url))
            used = self.tally.beside(instruments) if adds_up else instruments
            counted.append(Metrics(used, names, without=recorded))
            recorded |= names.instruments().keys()
        self.table = RunTable(SilentSink(), options, counted)
        self.left_out = CountedRuns(options, counted)

    def show(self, events):
        for event in events:
            self.table.apply(event)

    def leave_out(self, events):
        self.left_out.apply(events)

    def end(self, time):
        self.table.end_open(time)
        self.left_out.end_open(time)

    def collected(self):
        data = self.reader.get_metrics_data()
        if data is None:
            return {}
        return {
            (
                scope.scope.schema_url,
                metric.name,
                metric.unit,
                metric.data.aggregation_temporality,
                frozenset(point.attributes.items()),
            ): figures(point)
            for resource in self.tally.added_to(data).resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        }


def figures(point):
    """Return the numbers of a data point; sums of seconds differ in the last digit by their order."""
    if hasattr(point, "value"):
        return point.value
    assert point.count == sum(point.bucket_counts)
    bounds = tuple(point.explicit_bounds)
    return pytest.approx(point.sum), point.min, point.max, tuple(point.bucket_counts), bounds


USAGES = st.builds(
    TokenUsage,
    input_tokens=st.none() | st.integers(0, 10_000),
    output_tokens=st.none() | st.integers(0, 10_000),
    cache_read_tokens=st.none() | st.integers(0, 99),
    input_audio_tokens=st.none() | st.integers(0, 9),
    other=st.just({}) | st.just({"input_text": 3, "input_ephemeral_5m_input_tokens": 4}),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["chat_model", "embedding", "tool", "retriever", "agent", "graph", "chain", "parser"]
        ),
        st.sampled_from(["one", "two"]),
        st.integers(0, 4),  # how many runs are left before it begins
        st.none() | USAGES,
        st.sampled_from(["ok", "ok", "error", "cancelled"]),
        st.sampled_from([0, 0, 3]),  # chunks it streams
        st.sampled_from([None, {"agent_name": "helper"}, {"otel_trace": False}]),
    ),
    max_size=8,
)


def tell(story, steps, *, finish):
    """Tell of a root run with *steps* in it; return its events."""
    before = len(story.events)
    stack = [(story.start("chain", "root", metadata={}), None, "ok", {})]

    def leave():
        run, usage, outcome, _ = stack.pop()
        if outcome == "error":
            story.fail(run)
        else:
            story.end(run, outcome, usage=usage, model=usage and ModelInfo(name="gpt-5-2026"))

    for kind, name, left, usage, outcome, chunks, own in steps:
        for _ in range(min(left, len(stack) - 1)):
            leave()
        asks = {"chat_model", "embedding"}
        model = ModelInfo(provider="openai", name=name, parameters={"base_url": "https://x:8/"})
        metadata = {**stack[-1][3], **(own or {})}  # which runs inherit
        run = story.start(kind, name, stack[-1][0], metadata=metadata, model=model if kind in asks else None)
        for _ in range(chunks):
            story.stream(run)
        stack.append((run, usage if kind in asks else None, outcome, metadata))
    while finish and stack:
        leave()
    return story.events[before:]


@settings(max_examples=50, phases=set(Phase) - {Phase.explain})
@given(
    runs=st.lists(st.tuples(STEPS, st.booleans(), st.sampled_from([True, True, True, False])), max_size=5),
    semconv=st.sampled_from(["0.1", "1.41", "0.1/dup"]),
    delta=st.booleans(),
    collect_after=st.integers(0, 5),
)
def test_what_is_sent_is_as_if_the_sdk_recorded_all(new_story, runs, semconv, delta, collect_after):
    """Whichever runs are left out, at each collection every point has the numbers the SDK gives it."""
    temporality = DELTA if delta else None
    every, some = Backend(semconv, temporality, adds_up=False), Backend(semconv, temporality)
    story = new_story()
    for number, (steps, kept, finish) in enumerate(runs):
        events = tell(story, steps, finish=finish)
        every.show(events)
        (some.show if kept else some.leave_out)(events)
        if number == collect_after:
            assert some.collected() == every.collected()
    for backend in (every, some):
        backend.end(max((event.time for event in story.events), default=0))
    assert some.collected() == every.collected()


def test_more_sets_of_attributes_than_are_added_up_go_through_the_sdk(story, monkeypatch):
    """None is lost."""
    monkeypatch.setattr(_tally, "_MOST_SETS", 2)
    every, some = Backend("0.1", adds_up=False), Backend("0.1")
    for number in range(12):
        run = story.start("tool", f"tool {number % 4}")
        story.end(run)
    every.show(story.events)
    some.show(story.events)
    assert some.collected() == every.collected()
    assert len(every.collected()) == 4


def test_a_value_that_is_none_is_left_out_as_the_sdk_leaves_it_out(story, caplog):
    """A negative count, first or later, changes no sum; the SDK says so of each."""
    every, some = Backend("0.1", adds_up=False), Backend("0.1")
    for tokens in (-1, 5, -2, 7):
        run = story.model(ended=False)
        story.end(run, usage=TokenUsage(input_tokens=tokens, output_tokens=1))
    for backend in (every, some):
        caplog.clear()
        backend.show(story.events)
        assert len(caplog.records) == 4  # a counter and a histogram of each
    assert some.collected() == every.collected()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"},
        {"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram"},
    ],
)
def test_a_collector_gets_the_metrics_of_all_runs(story, service, read, monkeypatch, environment):
    """Over the wire, in every form that the environment asks for, as where the SDK records them all."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for number in range(20):
        root = story.start("chain", "root")
        story.model(root, usage=TokenUsage(input_tokens=number, output_tokens=1))
        story.end(root)

    def sent(*rules):
        del service.metrics[:]
        exporter = OTelExporter(endpoint=service.http)
        exporter = keep(exporter, **rules[0]) if rules else exporter
        exporter.attached()
        for start in range(0, len(story.events), 16):
            exporter.export(story.events[start : start + 16])
        exporter.flush(30)
        found = {}
        for metric in service.metrics:
            kind = metric.WhichOneof("data")
            for point in getattr(metric, kind).data_points:
                numbers = (point.count, pytest.approx(point.sum)) if "hist" in kind else point.as_int
                temporality = getattr(metric, kind).aggregation_temporality
                buckets = (
                    tuple(point.positive.bucket_counts)
                    if kind.startswith("exp")
                    else point.bucket_counts
                    if "hist" in kind
                    else ()
                )
                found[metric.name, kind, temporality, *sorted(read(point).items())] = numbers, tuple(buckets)
        exporter.close()
        return found

    everything = sent()
    assert sent({"errors": True}) == everything
    assert len(everything) > 4
    monkeypatch.setenv("OTEL_METRICS_EXEMPLAR_FILTER", "always_on")
    assert sent() == everything
