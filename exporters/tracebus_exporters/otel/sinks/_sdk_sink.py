"""Spans through a `TracerProvider` of the application's, which is used as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from tracebus_exporters.otel.attributes._attributes import described
from tracebus_exporters.otel.sending._deadline import within
from tracebus_exporters.otel.spans._ids import SpanIds
from tracebus_exporters.otel.spans._spans import CLIENT

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer, TracerProvider

    from tracebus_exporters.otel._options import Options
    from tracebus_exporters.otel.spans._spans import Ending, OpenSpan

_FLUSH_ON_CLOSE = 2.0
"""Seconds the application's provider gets to flush when the exporter closes. It is not shut down."""


class ProviderSink:
    """Starts and ends spans on the application's provider: its sampler, limits and processors hold.

    What its exporter loses is known to it alone, so `counts` tells only of the spans handed over.
    """

    def __init__(self, provider: TracerProvider, tracer: Tracer, options: Options) -> None:
        self._provider = provider
        self._tracer = tracer
        self._options = options
        self._handed_over = 0

    def start(self, span: OpenSpan, /) -> SpanIds:
        """Start the span with its event's time and an explicit parent, attaching no context."""
        span.attributes = self._allowed(0, described(span))
        native = self._tracer.start_span(
            span.name,
            context=context_of(span.parent),
            kind=SpanKind.CLIENT if span.kind == CLIENT else SpanKind.INTERNAL,
            attributes=span.attributes,
            links=[Link(span_context(link.ids), link.attributes) for link in span.links],
            start_time=span.started.time,
        )
        span.native = native
        span.recording = native.is_recording()
        context = native.get_span_context()
        return SpanIds(
            context.trace_id.to_bytes(16, "big"),
            context.span_id.to_bytes(8, "big"),
            int(context.trace_flags),
            state=context.trace_state,
        )

    def end(self, span: OpenSpan, ending: Ending, /) -> None:
        """End the span with its event's time."""
        native = span.native
        if span.recording:
            last = self._allowed(len(span.attributes), ending.attributes)
            native.set_attributes({name: _as_text(value) for name, value in last.items()})
            for event in span.events[: self._options.event_limit]:
                native.add_event(event.name, event.attributes, timestamp=event.time)
            if ending.error is not None:
                native.set_status(Status(StatusCode.ERROR, ending.error))
            self._handed_over += 1
        native.end(end_time=ending.time)

    def flush(self, timeout: float, /) -> None:
        """Have the provider flush, which ignores its timeout, on a thread that does not."""
        force_flush = getattr(self._provider, "force_flush", None)
        if force_flush is not None and not within(timeout, force_flush, int(timeout * 1_000)):
            raise TimeoutError(f"the application's TracerProvider did not flush within {timeout} s")

    def close(self) -> None:
        """Flush the provider, and leave it running: it is the application's."""
        force_flush = getattr(self._provider, "force_flush", None)
        if force_flush is not None:
            within(_FLUSH_ON_CLOSE, force_flush, int(_FLUSH_ON_CLOSE * 1_000))

    def after_fork(self) -> None:
        """Nothing is held: the provider looks after itself."""

    def counts(self) -> dict[str, int]:
        """Return how many spans the provider was given."""
        return {"spans_handed_over": self._handed_over}

    def _allowed(self, used: int, attributes: dict[str, Any]) -> dict[str, Any]:
        """Return as many of *attributes* as fit: the SDK would evict the oldest, the important ones."""
        room = max(0, self._options.attribute_limit - used)
        return attributes if len(attributes) <= room else dict(list(attributes.items())[:room])


def _as_text(value: Any) -> Any:
    """Return *value*, decoded if it is JSON."""
    return value.decode() if value.__class__ is bytes else value


def span_context(ids: SpanIds) -> SpanContext:
    """Return *ids* as OpenTelemetry's API has them."""
    return SpanContext(
        int.from_bytes(ids.trace_id, "big"),
        int.from_bytes(ids.span_id, "big"),
        is_remote=False,
        trace_flags=TraceFlags(ids.flags),
        trace_state=ids.state,
    )


def context_of(ids: SpanIds | None) -> Context:
    """Return a context in which the span *ids* is current: an empty one makes a root."""
    if ids is None:
        return Context()
    return set_span_in_context(NonRecordingSpan(span_context(ids)), Context())
