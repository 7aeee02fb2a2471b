"""What backends' own reading code makes of our attributes, without the backend."""

from __future__ import annotations

import json

import programme
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tracebus.events import Outcome, RunEnded, RunKind, RunStarted
from tracebus_exporters.otel import OTelExporter

pytestmark = pytest.mark.timeout(240)

_PHOENIX = """
from phoenix.trace.gen_ai.conversion import get_openinference_attributes
made = [get_openinference_attributes(attributes) for attributes in given]
"""
_MLFLOW = """
from mlflow.tracing.otel.translation import genai_semconv as g, open_inference as o
made = [{
    "type": o.OpenInferenceTranslator().translate_span_type(a) or g.GenAiTranslator().translate_span_type(a),
    "input": o.OpenInferenceTranslator().get_input_value(a) or g.GenAiTranslator().get_input_value(a),
    "output": o.OpenInferenceTranslator().get_output_value(a) or g.GenAiTranslator().get_output_value(a),
    "written": g.GenAiTranslator().get_cache_creation_input_tokens(a),
} for a in given]
"""


@pytest.fixture(scope="module")
def sent():
    """Return a function that gives events and, by run id, the attributes of their spans."""
    events = programme.send(lambda _: None)

    def run(**options):
        memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(memory))
        OTelExporter(tracer_provider=provider, content=True, **options).export(events)
        spans = {s.attributes["langchain.run.id"]: dict(s.attributes) for s in memory.get_finished_spans()}
        return events, spans

    return run


def _by_kind(events, spans, *kinds):
    ends = {event.run_id: event for event in events if isinstance(event, RunEnded)}
    return [
        spans[event.run_id]
        for event in events
        if isinstance(event, RunStarted) and event.kind in kinds and ends[event.run_id].outcome is Outcome.OK
    ]


@pytest.mark.parametrize("semconv", ["0.1", "1.41"])
def test_phoenix_shows_what_models_and_agents_said(sent, reading_code, semconv):
    """Phoenix drops all messages when one is not as its schema wants it: none is."""
    events, spans = sent(semconv=semconv)
    given = _by_kind(events, spans, RunKind.CHAT_MODEL, RunKind.AGENT)
    assert len(given) > 10
    for attributes, made in zip(
        given, reading_code("phoenix", "TRACEBUS_TEST_PHOENIX_PYTHON", _PHOENIX, given), strict=True
    ):
        said = json.loads(attributes["gen_ai.output.messages"])
        assert made["llm.output_messages.0.message.role"] == said[0]["role"]
        heard = len(json.loads(attributes["gen_ai.input.messages"]))
        instructed = "gen_ai.system_instructions" in attributes
        assert f"llm.input_messages.{heard - 1 + instructed}.message.role" in made


def test_phoenix_has_a_kind_and_documents_of_every_run(sent, reading_code):
    """With OpenInference beside, which Phoenix never overrides, every run has its kind, input and output."""
    events, spans = sent(openinference=True)
    given = list(spans.values())
    for attributes, converted in zip(
        given, reading_code("phoenix", "TRACEBUS_TEST_PHOENIX_PYTHON", _PHOENIX, given), strict=True
    ):
        made = {**converted, **attributes}
        assert made["openinference.span.kind"] != "UNKNOWN"
        assert "input.value" in made
    for attributes in _by_kind(events, spans, RunKind.RETRIEVER):
        count = attributes["langchain.retriever.document_count"]
        assert f"retrieval.documents.{count - 1}.document.content" in attributes


def test_mlflow_reads_kinds_inputs_and_outputs(sent, reading_code):
    """MLflow's translators find what every run was given and gave."""
    events, spans = sent(openinference=True)
    given = _by_kind(events, spans, *(set(RunKind) - {RunKind.PROMPT}))
    made = reading_code("mlflow", "TRACEBUS_TEST_MLFLOW_PYTHON", _MLFLOW, given)
    assert len(given) > 40
    assert not [one for one in made if None in (one["type"], one["input"], one["output"])]
