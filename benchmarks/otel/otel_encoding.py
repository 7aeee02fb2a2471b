"""Three ways from a run to OTLP bytes, in CPU µs a span, content off and on.

    python benchmarks/otel/otel_encoding.py

start_span: through a `TracerProvider`, encoded by the SDK (what an application's provider gets).
ReadableSpan: built directly from the SDK's public type, encoded by the SDK.
tracebus: our own encoder (what our own pipeline does).
All three say the same; `tests/otel/sending/test_wire.py` compares them byte for byte once decoded.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from tracebus.events import RunKind, RunStarted
from tracebus_exporters.otel.sending._wire import Envelope, encode_span
from tracebus_exporters.otel.spans._ids import SpanIds
from tracebus_exporters.otel.spans._spans import Ending, OpenSpan

if TYPE_CHECKING:
    from collections.abc import Callable

SPANS = 5_000
RUN = "01a1fd01-af6e-74ff-bdfb-eeec07aea4f5"
FIRST = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.request.temperature": 0.5,
    "langchain.run.id": RUN,
    "langchain.run.kind": "chat_model",
    "langchain.run.name": "ChatOpenAI",
}
LAST = {
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.response.model": "gpt-5-2026-08-07",
    "gen_ai.response.id": "resp_0123456789",
    "gen_ai.usage.input_tokens": 812,
    "gen_ai.usage.output_tokens": 96,
}
CONTENT = {"gen_ai.input.messages": "x" * 4_000, "gen_ai.output.messages": "y" * 800}

provider = TracerProvider(shutdown_on_exit=False)
tracer = provider.get_tracer("benchmark", "1")
envelope = Envelope(provider.resource.attributes, "", "benchmark", "1", schema_url="")


def with_start_span(last: dict[str, Any]) -> bytes:
    spans = []
    for number in range(SPANS):
        span = tracer.start_span("chat gpt-5", Context(), SpanKind.CLIENT, FIRST, start_time=number)
        span.set_attributes(last)
        span.end(number + 5)
        spans.append(span)
    return encode_spans(spans).SerializeToString()


def with_readable_span(last: dict[str, Any]) -> bytes:
    spans = [
        ReadableSpan(
            "chat gpt-5",
            context=SpanContext(number + 1, number + 1, is_remote=False, trace_flags=TraceFlags(1)),
            resource=provider.resource,
            attributes={**FIRST, **last},
            kind=SpanKind.CLIENT,
            start_time=number,
            end_time=number + 5,
        )
        for number in range(SPANS)
    ]
    return encode_spans(spans).SerializeToString()


def with_our_encoder(last: dict[str, Any]) -> bytes:
    started = RunStarted(time=1, run_id=RUN, root_run_id=RUN, kind=RunKind.CHAT_MODEL, name="ChatOpenAI")
    encoded = []
    for number in range(SPANS):
        span = OpenSpan(started, "chat", "chat gpt-5", 3)
        span.ids = SpanIds(number.to_bytes(16, "big"), number.to_bytes(8, "big"))
        span.attributes = {name: value for name, value in FIRST.items() if name != "langchain.run.id"}
        encoded.append(encode_span(span, Ending(number + 5, last, None), 128, 128))
    return envelope.seal(encoded)


def microseconds(way: Callable[[dict[str, Any]], bytes], last: dict[str, Any]) -> float:
    """Return the least CPU µs a span of five rounds."""
    times = []
    for _ in range(5):
        started = time.process_time()
        way(last)
        times.append(time.process_time() - started)
    return min(times) / SPANS * 1e6


def main() -> None:
    """Measure and print."""
    print(f"{'way':16} {'content off':>12} {'content on':>12}   CPU µs a span")
    for name, way in (
        ("start_span", with_start_span),
        ("ReadableSpan", with_readable_span),
        ("tracebus", with_our_encoder),
    ):
        print(f"{name:16} {microseconds(way, LAST):12.1f} {microseconds(way, {**LAST, **CONTENT}):12.1f}")


if __name__ == "__main__":
    main()
