"""The conventions' metrics, from the same event times as the spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus_exporters.otel import _semconv as sc
from tracebus_exporters.otel._attributes import cache_written, seconds

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, Histogram, Meter

    from tracebus.events import RunEnded, TokenUsage
    from tracebus_exporters.otel._spans import OpenSpan

_CLIENT_START = (sc.OPERATION_NAME, sc.PROVIDER_NAME, sc.REQUEST_MODEL, sc.SERVER_ADDRESS)
_TEXT = {sc.TOKEN_MODALITY: "text"}
_UNKNOWN = {sc.TOKEN_MODALITY: "unknown"}
_MOST_INTERVALS = 256
"""Values of `…time_per_output_chunk` of one run."""
_AUDIO = {sc.TOKEN_MODALITY: "audio"}


class Metrics:
    """Records every ended run's metrics through a `Meter`.

    An instrument costs some 10 µs a value. Only `…time_per_output_chunk` has more than a few values a
    run, recorded when the run has ended: one for every chunk, or an even sample of a long stream's.
    """

    def __init__(self, meter: Meter, names: sc.Names) -> None:
        self._meter = meter
        self._names = names
        self._instruments: dict[str, Any] = {}

    def __call__(self, span: OpenSpan, ended: RunEnded, attributes: dict[str, Any]) -> None:
        """Record the metrics of *span*'s run, which *ended*; *attributes* are the span's last."""
        duration = seconds(span.started.time, ended.time)
        match span.operation:
            case sc.CHAT | sc.TEXT_COMPLETION:
                self._inference(span, ended, attributes, duration)
            case sc.EMBEDDINGS | sc.RETRIEVAL:
                found = _client(span, attributes)
                self._histogram(sc.OPERATION_DURATION).record(duration, _with_error(found, attributes))
            case sc.EXECUTE_TOOL:
                found = _some(span.attributes, (sc.TOOL_NAME, sc.TOOL_TYPE, sc.AGENT_NAME))
                self._histogram(sc.TOOL_DURATION).record(duration, _with_error(found, attributes))
            case sc.INVOKE_AGENT:
                self._agent(span, attributes, duration)
            case sc.INVOKE_WORKFLOW:
                found = _some(span.attributes, (sc.WORKFLOW_NAME,))
                self._histogram(sc.WORKFLOW_DURATION).record(duration, _with_error(found, attributes))
            case _:
                pass

    def _inference(
        self, span: OpenSpan, ended: RunEnded, attributes: dict[str, Any], duration: float
    ) -> None:
        found = _client(span, attributes)
        self._histogram(self._names.inference_duration).record(duration, _with_error(found, attributes))
        if span.first_chunk is not None:
            waited = seconds(span.started.time, span.first_chunk)
            self._histogram(self._names.time_to_first_chunk).record(waited, found)
        if span.intervals:
            between = self._histogram(self._names.time_per_output_chunk)
            # Every n-th of a long stream: the distribution is the same, the cost is bounded.
            for interval in span.intervals[:: 1 + len(span.intervals) // _MOST_INTERVALS]:
                between.record(interval, found)
        if ended.usage is None:
            return
        if self._names.token_usage is None:
            self._tokens(ended.usage, found)
        else:
            self._tokens_by_type(ended.usage, found, self._names.token_usage)

    def _tokens(self, usage: TokenUsage, found: dict[str, Any]) -> None:
        """Record usage as counters by modality and as a distribution over calls."""
        for side, count, audio in (
            ("input_tokens", usage.input_tokens, usage.input_audio_tokens),
            ("output_tokens", usage.output_tokens, usage.output_audio_tokens),
        ):
            if count is None:
                continue
            self._histogram(sc.USAGE_HISTOGRAMS[side]).record(count, found)
            counter = self._counter(sc.USAGE_COUNTERS[side])
            if audio:
                counter.add(audio, {**found, **_AUDIO})
            # Where the provider tells audio apart, the rest is text; otherwise nobody says what it is.
            counter.add(count - (audio or 0), {**found, **(_UNKNOWN if audio is None else _TEXT)})
        for side, count in (
            ("cache_read.input_tokens", usage.cache_read_tokens),
            ("cache_write.input_tokens", cache_written(usage)),
            ("reasoning.output_tokens", usage.reasoning_tokens),
        ):
            if count:
                self._counter(sc.USAGE_COUNTERS[side]).add(count, {**found, **_UNKNOWN})

    def _tokens_by_type(self, usage: TokenUsage, found: dict[str, Any], instrument: sc.Instrument) -> None:
        for token_type, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count is not None:
                self._histogram(instrument).record(count, {**found, sc.TOKEN_TYPE: token_type})

    def _agent(self, span: OpenSpan, attributes: dict[str, Any], duration: float) -> None:
        found = _some(span.attributes, (sc.AGENT_NAME,))
        self._histogram(sc.AGENT_DURATION).record(duration, _with_error(found, attributes))
        if self._names is sc.LATEST:
            self._histogram(sc.AGENT_INFERENCE_CALLS).record(span.inference_calls, found)
            self._histogram(sc.AGENT_TOOL_CALLS).record(span.tool_calls, found)

    def _histogram(self, instrument: sc.Instrument) -> Histogram:
        made: Histogram | None = self._instruments.get(instrument.name)
        if made is None:
            made = self._instruments[instrument.name] = self._meter.create_histogram(
                instrument.name,
                instrument.unit,
                instrument.description,
                explicit_bucket_boundaries_advisory=list(instrument.buckets),
            )
        return made

    def _counter(self, instrument: sc.Instrument) -> Counter:
        made: Counter | None = self._instruments.get(instrument.name)
        if made is None:
            made = self._instruments[instrument.name] = self._meter.create_counter(
                instrument.name, instrument.unit, instrument.description
            )
        return made


def _client(span: OpenSpan, attributes: dict[str, Any]) -> dict[str, Any]:
    found = _some(span.attributes, _CLIENT_START)
    if (answering := attributes.get(sc.RESPONSE_MODEL)) is not None:
        found[sc.RESPONSE_MODEL] = answering
    return found


def _some(attributes: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: attributes[name] for name in names if name in attributes}


def _with_error(found: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    error = attributes.get(sc.ERROR_TYPE)
    return found if error is None else {**found, sc.ERROR_TYPE: error}
