"""Spans of runs that are alike: made of one shape, they are what each would be by itself."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans

from tracebus.events import ModelInfo, Outcome, RunEnded, RunKind, RunStarted
from tracebus_exporters.otel import OTelExporter
from tracebus_exporters.otel.runs import _shapes

_values = st.sampled_from((1, True, 1.0, 0, False, "a", None, [1], [True], {"b": 1}, {"b": 1.0}))
_metadata = st.dictionaries(
    st.sampled_from(("tenant", "thread_id", "k", "agent_name", "agent_type", "otel_trace", "langgraph_step")),
    _values,
    max_size=2,
)
_models = st.none() | st.builds(
    ModelInfo,
    provider=st.sampled_from((None, "openai")),
    name=st.sampled_from((None, "m")),
    parameters=st.dictionaries(st.sampled_from(("temperature", "top_k", "stream")), _values, max_size=2),
)
_runs = st.lists(
    st.tuples(
        st.sampled_from(RunKind),
        st.sampled_from(("RunnableSequence", "step")),
        st.sampled_from(((), ("seq:step:1",))),
        _metadata,
        _models,
        st.integers(0, 3),
    ),
    min_size=2,
    max_size=6,
)


def _events(runs):
    """Runs that start one after another, each below one of those before, and end in reverse."""
    started = []
    for number, (kind, name, tags, metadata, model, depth) in enumerate(runs):
        above = started[-depth] if 0 < depth <= len(started) else None
        started.append(
            RunStarted(
                time=number, run_id=f"{number:036x}", kind=kind, name=name, tags=tags, metadata=metadata,
                model=model, parent_run_id=above.run_id if above else None,
                root_run_id=above.root_run_id if above else f"{number:036x}",
            )
        )  # fmt: skip
    ended = [
        RunEnded(
            time=99, run_id=run.run_id, parent_run_id=run.parent_run_id, root_run_id=run.root_run_id,
            outcome=Outcome.OK,
        )
        for run in reversed(started)
    ]  # fmt: skip
    return [*started, *ended]


_encoded = []


@cache
def _exporters():
    """One that knows shapes, and one that asks of every run what it is."""
    made = tuple(OTelExporter(endpoint="http://127.0.0.1:1", parent="none") for _ in range(2))
    for exporter in made:
        exporter._assembled().runs._sink._put = _encoded.append
    return made


def _spans(exporter, events, key):
    _encoded.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_shapes, "_key", key)
        exporter.export(events)
    spans = ScopeSpans.FromString(b"".join(_encoded)).spans
    return {
        span.span_id: (span.name, span.kind, {a.key: str(a.value) for a in span.attributes}) for span in spans
    }


@settings(deadline=None)
@given(st.lists(_runs, min_size=1, max_size=3))
def test_a_span_is_the_same_whatever_runs_came_before(traces):
    """Names, metadata and models met before, equal ones of other types among them, change no span."""
    knowing, asking = _exporters()
    for runs in traces:
        events = _events(runs)
        found = _spans(knowing, events, _shapes._key)
        assert found == _spans(asking, events, lambda _: None)
        untraced = [run for run in runs if run[3].get("otel_trace") is False]
        assert len(found) + len(untraced) == len(runs)
