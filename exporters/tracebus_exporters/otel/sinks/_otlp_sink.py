"""Spans straight to an OTLP backend, by a pipeline of our own that nobody else's code shares.

The sampler, the resource and the limits are those a bare `TracerProvider()` has, so every variable
that configures one counts. Ids are made from the run ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import sampling
from opentelemetry.trace import Link, SpanKind

from tracebus_exporters.otel.attributes._attributes import described
from tracebus_exporters.otel.content._text import clean
from tracebus_exporters.otel.sending._losses import Losses
from tracebus_exporters.otel.sending._sender import Sender
from tracebus_exporters.otel.sending._wire import Envelope, encode_span
from tracebus_exporters.otel.sinks._sdk_sink import context_of, span_context
from tracebus_exporters.otel.spans._ids import RANDOM, SAMPLED, SpanIds, span_id_of, trace_id_of
from tracebus_exporters.otel.spans._spans import CLIENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.resources import Resource

    from tracebus_exporters.otel._options import Options
    from tracebus_exporters.otel.sending._clients import Client
    from tracebus_exporters.otel.sending._pace import Pace
    from tracebus_exporters.otel.sending._settings import Settings
    from tracebus_exporters.otel.spans._spans import Ending, OpenSpan


class OtlpSink:
    """Encodes spans as they end and leaves them to a `Sender`."""

    def __init__(
        self,
        *,
        settings: Settings,
        make_client: Callable[[], Client],
        resource: Resource,
        sampler: sampling.Sampler,
        options: Options,
        pace: Pace,
        scope: tuple[str, str],
    ) -> None:
        self._attribute_limit = options.attribute_limit
        self._value_limit = options.value_limit
        self._event_limit = options.event_limit
        self._sampler = sampler
        # The default sampler takes every root and follows every parent: no need to ask it.
        self._follows_parent = sampler is sampling.DEFAULT_ON
        envelope = Envelope(
            resource.attributes, resource.schema_url or "", *scope, schema_url=options.names.schema_url
        )
        self._losses = Losses("spans", settings.shown)
        self._sender = Sender(make_client, envelope.seal, self._losses, pace, settings.timeout)
        self._put = self._sender.put
        self._unsampled = 0

    def start(self, span: OpenSpan, /) -> SpanIds:
        """Return the ids made from the run's own, sampled as the sampler decides."""
        run = span.started
        span_id = span_id_of(run.run_id)
        parent = span.parent
        if parent is None:
            trace_id, state = trace_id_of(run.root_run_id), None
        else:
            trace_id, state = parent.trace_id, parent.state
        if self._follows_parent:
            flags = parent.flags if parent else SAMPLED | RANDOM
            span.recording = flags & SAMPLED == SAMPLED
            return SpanIds(trace_id, span_id, flags, state)
        result = self._sampler.should_sample(
            context_of(parent),
            int.from_bytes(trace_id, "big"),
            span.name,
            SpanKind.CLIENT if span.kind == CLIENT else SpanKind.INTERNAL,
            described(span),
            [Link(span_context(link.ids), link.attributes) for link in span.links],
        )
        if result.attributes:
            span.attributes = {**span.attributes, **result.attributes}
            span.shape = None
        span.recording = result.decision is sampling.Decision.RECORD_AND_SAMPLE
        random = RANDOM if parent is None else parent.flags & RANDOM
        return SpanIds(trace_id, span_id, random | (SAMPLED if span.recording else 0), result.trace_state)

    def end(self, span: OpenSpan, ending: Ending, /) -> None:
        """Encode the span and queue it."""
        if not span.recording:
            self._unsampled += 1
            return
        if self._value_limit is not None:
            span.shape = None
            span.attributes = _cut(span.attributes, self._value_limit)
            ending = ending._replace(attributes=_cut(ending.attributes, self._value_limit))
        self._put(encode_span(span, ending, self._attribute_limit, self._event_limit))

    def flush(self, timeout: float, /) -> None:
        """Send what is queued, or raise `TimeoutError`."""
        self._sender.flush(timeout)

    def close(self) -> None:
        """Send what can be sent within the sender's deadline."""
        self._sender.close()

    def after_fork(self) -> None:
        """Start afresh in the child."""
        self._sender.after_fork()

    def counts(self) -> dict[str, int]:
        """Return the spans sent, lost by reason, and left out by the sampler."""
        counts = {"spans_not_sampled": self._unsampled, "spans_waiting": self._sender.waiting}
        return {**self._losses.counts(), **counts}


def _cut(attributes: dict[str, Any], limit: int) -> dict[str, Any]:
    """Return *attributes* with texts of at most *limit* characters; JSON is within it already."""
    return {name: _cut_value(value, limit) for name, value in attributes.items()}


def _cut_value(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return clean(value, limit)
    if isinstance(value, list):
        return [_cut_value(item, limit) for item in value]
    return value
