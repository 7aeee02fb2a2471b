"""From what a user writes to where the spans go."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tracebus import ambient
from tracebus.exceptions import UnknownExporterError
from tracebus_exporters.otel import OTelExporter, from_url
from tracebus_exporters.otel.sending._settings import settings_for


@pytest.mark.parametrize(
    ("url", "protocol", "endpoint"),
    [
        ("otlp", "http/protobuf", "http://localhost:4318/v1/traces"),
        ("otlp:", "http/protobuf", "http://localhost:4318/v1/traces"),
        ("otlp://host:4317", "grpc", "host:4317"),
        ("otlp+grpcs://host:4317", "grpc", "host:4317"),
        ("otlp+http://host:4318", "http/protobuf", "http://host:4318/v1/traces"),
        ("otlp+http:", "http/protobuf", "http://localhost:4318/v1/traces"),
        ("otlp+https://host/api/otel/", "http/protobuf", "https://host/api/otel/v1/traces"),
        ("otlp+http://host:4318/v1/traces", "http/protobuf", "http://host:4318/v1/traces"),
        ("otlp?spans=genai&openinference=true", "http/protobuf", "http://localhost:4318/v1/traces"),
    ],
)
def test_urls_name_protocol_and_place(url, protocol, endpoint):
    """Each form of URL leads where its scheme says."""
    settings = from_url(url)._own.settings
    assert (settings.protocol, settings.endpoint) == (protocol, endpoint)
    assert settings.secure is (url.startswith(("otlp+grpcs", "otlp+https")))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("otlp+smoke://host", "otlp+http"),
        ("otlp?colour=red", "'content'"),
        ("otlp?spans=some", "'genai'"),
        ("otlp?openinference=perhaps", "'true'"),
        ("otlp+http://:4318", "names no host"),
    ],
)
def test_a_bad_url_is_refused_with_the_remedy(url, said):
    """What cannot be understood is named, with what could be written instead."""
    with pytest.raises(UnknownExporterError, match="otlp") as refused:
        from_url(url)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "arguments",
    [{"spans": "none"}, {"semconv": "1.0"}, {"parent": "me"}, {"content": "all"}, {"protocol": "http/json"}],
)
def test_a_bad_argument_is_refused(arguments):
    """An argument that is none of those possible raises, naming those that are."""
    with pytest.raises(ValueError, match=r"but must be"):
        OTelExporter(**arguments)


def test_the_environment_names_protocol_and_endpoint(monkeypatch):
    """The variables work as the specification says: the common endpoint is a base, the signal's own whole."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "7.5")
    found = settings_for("traces", None, None)
    assert (found.endpoint, found.timeout) == ("http://collector:4318/v1/traces", 7.5)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://other:1/x")
    assert settings_for("traces", None, None).endpoint == "http://other:1/x"
    assert settings_for("metrics", None, None).endpoint == "http://collector:4318/v1/metrics"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "other:4317")
    assert settings_for("traces", None, None).endpoint == "other:4317"
    assert settings_for("traces", None, None).secure
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_INSECURE", "true")
    assert not settings_for("traces", None, None).secure
    assert settings_for("traces", "http://given:1", None).endpoint == "given:1"


def test_secrets_in_an_endpoint_are_not_shown():
    """Neither a password nor a key in a URL gets into a warning."""
    settings = settings_for("traces", "http://user:secret@host:4318?key=secret", None)
    assert "secret" not in settings.shown


@pytest.mark.parametrize(
    ("value", "spans", "events"),
    [
        ("NO_CONTENT", False, False),
        ("SPAN_ONLY", True, False),
        ("event_only", False, True),
        ("Span_And_Event", True, True),
        ("true", True, False),
        ("", False, False),
    ],
)
def test_the_content_variable(monkeypatch, value, spans, events):
    """The conventions' variable switches content on, in either case; `true` is taken kindly."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", value)
    options = OTelExporter()._options
    assert (options.span_content, options.event_content) == (spans, events)


def test_an_unknown_content_value_captures_nothing_and_says_so(monkeypatch, caplog):
    """A mistyped variable errs on the side of privacy, aloud."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "everything")
    assert not OTelExporter()._options.span_content
    assert "SPAN_AND_EVENT" in caplog.text


def test_the_applications_provider_comes_before_our_own(story, monkeypatch):
    """`otlp` alone uses the provider the application has set; a named endpoint does not."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    story.chain()
    exporter = from_url("otlp")
    exporter.export(story.events)
    exporter.flush(1)
    exporter.close()
    assert len(memory.get_finished_spans()) == 3
    elsewhere = from_url("otlp+http://127.0.0.1:9")
    elsewhere.export(story.events)
    elsewhere.close()
    assert len(memory.get_finished_spans()) == 3


def test_a_users_provider_is_neither_reconfigured_nor_shut_down(story):
    """The application's provider works on after our exporter is closed, with its own processors alone."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    processors = provider._active_span_processor._span_processors
    exporter = OTelExporter(tracer_provider=provider)
    story.chain()
    exporter.export(story.events)
    exporter.close()
    provider.get_tracer("app").start_span("after").end()
    assert memory.get_finished_spans()[-1].name == "after"
    assert provider._active_span_processor._span_processors == processors


def test_a_users_processors_see_every_span_start_and_end(story):
    """A processor of the application's own may read and change our spans."""
    from opentelemetry.sdk.trace import SpanProcessor

    seen = []

    class Watching(SpanProcessor):
        def on_start(self, span, parent_context=None):
            seen.append(("start", span.name))
            span.set_attribute("tenant", "a")

        def on_end(self, span):
            seen.append(("end", span.name, span.attributes["tenant"]))

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Watching())
    story.model()
    OTelExporter(tracer_provider=provider).export(story.events)
    assert seen == [("start", "chat gpt-5"), ("end", "chat gpt-5", "a")]


def test_the_current_span_is_asked_for_only_with_an_ambient_parent():
    """`parent="none"` costs the user's path nothing."""
    OTelExporter(parent="none")
    assert ambient._readers == ()
    OTelExporter()
    OTelExporter()
    assert len(ambient._readers) == 1


def test_a_chain_in_a_request_is_part_of_its_trace():
    """For real: a chain observed inside a server's span hangs on it, in its trace."""
    from langchain_core.runnables import RunnableLambda

    from tracebus import observe

    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    with (
        observe(
            RunnableLambda(str).with_config(run_name="shout"), to=[OTelExporter(tracer_provider=provider)]
        ) as chain,
        provider.get_tracer("app").start_as_current_span("GET /") as server,
    ):
        assert chain.invoke(1) == "1"
    spans = {span.name: span for span in memory.get_finished_spans()}
    assert spans["invoke_workflow shout"].parent == server.get_span_context()


@pytest.mark.parametrize("disabled", ["true", "True "])
def test_a_disabled_sdk_is_coped_with(story, monkeypatch, disabled):
    """With `OTEL_SDK_DISABLED` a provider hands out spans that record nothing; nothing breaks."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", disabled)
    exporter = OTelExporter(tracer_provider=TracerProvider(shutdown_on_exit=False))
    story.chain()
    exporter.export(story.events)
    exporter.close()
    assert exporter.statistics()["spans_handed_over"] == 0
