"""The conventions' metrics, from the same event times as the spans."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from tracebus_exporters.otel.attributes._attributes import seconds
from tracebus_exporters.otel.attributes._tokens import UNKNOWN, by_modality, cache_written
from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from collections.abc import Collection

    from opentelemetry.metrics import Counter, Histogram, Meter

    from tracebus.events import RunEnded, TokenUsage
    from tracebus_exporters.otel.conventions._generations import Generation, Instrument, Tokens
    from tracebus_exporters.otel.spans._spans import OpenSpan

_MOST_INTERVALS = 256
"""Values of `…time_per_output_chunk` of one run."""


class Metrics:
    """Records every ended run's metrics of one generation through a `Meter`.

    An instrument costs some 10 µs a value. Only `…time_per_output_chunk` has more than a few values a
    run, recorded when the run has ended: one for every chunk, or an even sample of a long stream's.

    Args:
        meter: what makes the instruments.
        names: the generation.
        without: names of instruments that another generation records already.
    """

    def __init__(self, meter: Meter, names: Generation, *, without: Collection[str] = ()) -> None:
        self._meter = meter
        self._names = names
        self._without = frozenset(without)
        self._instruments: dict[str, Any] = {}
        self._making = threading.Lock()

    def __call__(self, span: OpenSpan, ended: RunEnded, attributes: dict[str, Any]) -> None:
        """Record the metrics of *span*'s run, which *ended*; *attributes* are the span's last."""
        rule = self._names.durations.get(span.operation or "")
        if rule is None:
            return
        found = _picked(rule.attributes, span.attributes, attributes)
        failed = attributes.get(sc.ERROR_TYPE)
        with_error = found if failed is None else {**found, sc.ERROR_TYPE: failed}
        self._record(rule.instrument, seconds(span.started.time, ended.time), with_error)
        if span.first_chunk is not None:
            self._chunks(span, found)
        tokens = self._names.tokens.get(span.operation or "")
        if tokens is not None and ended.usage is not None:
            self._tokens(ended.usage, tokens, found)
        if span.agency is not None and (calls := self._names.agent_calls) is not None:
            whose = _picked((sc.AGENT_NAME,), span.attributes, attributes)
            self._record(calls.inference, span.agency.inference_calls, whose)
            self._record(calls.tool, span.agency.tool_calls, whose)

    def _chunks(self, span: OpenSpan, found: dict[str, Any]) -> None:
        assert span.first_chunk is not None
        self._record(self._names.first_chunk, seconds(span.started.time, span.first_chunk), found)
        if span.intervals and (between := self._histogram(self._names.between_chunks)) is not None:
            # Every n-th of a long stream: the distribution is the same, the cost is bounded.
            for interval in span.intervals[:: 1 + len(span.intervals) // _MOST_INTERVALS]:
                between.record(interval, found)

    def _tokens(self, usage: TokenUsage, how: Tokens, found: dict[str, Any]) -> None:
        for side, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count is None:
                continue
            if how.by_type is not None:
                self._record(how.by_type, count, {**found, sc.TOKEN_TYPE: side})
            if (histogram := how.histograms.get(f"{side}_tokens")) is not None:
                self._record(histogram, count, found)
            if (counter := how.counters.get(f"{side}_tokens")) is not None:
                for modality, part in by_modality(usage, side, count).items():
                    self._add(counter, part, {**found, sc.TOKEN_MODALITY: modality})
        if not how.counters:
            return
        for side, part_count in (
            ("cache_read.input_tokens", usage.cache_read_tokens),
            ("cache_write.input_tokens", cache_written(usage)),
            ("reasoning.output_tokens", usage.reasoning_tokens),
        ):
            if part_count and (counter := how.counters.get(side)) is not None:
                self._add(counter, part_count, {**found, sc.TOKEN_MODALITY: UNKNOWN})

    def _record(self, instrument: Instrument, value: float, attributes: dict[str, Any]) -> None:
        if (histogram := self._histogram(instrument)) is not None:
            histogram.record(value, attributes)

    def _histogram(self, instrument: Instrument) -> Histogram | None:
        made: Histogram | None = self._instruments.get(instrument.name)
        if made is not None or instrument.name in self._without:
            return made
        with self._making:  # two buses may have their first run of a kind at once
            if instrument.name not in self._instruments:
                self._instruments[instrument.name] = self._meter.create_histogram(
                    instrument.name,
                    instrument.unit,
                    instrument.description,
                    explicit_bucket_boundaries_advisory=list(instrument.buckets),
                )
        found: Histogram = self._instruments[instrument.name]
        return found

    def _add(self, instrument: Instrument, value: int, attributes: dict[str, Any]) -> None:
        made: Counter | None = self._instruments.get(instrument.name)
        if made is None:
            if instrument.name in self._without:
                return
            with self._making:
                if instrument.name not in self._instruments:
                    self._instruments[instrument.name] = self._meter.create_counter(
                        instrument.name, instrument.unit, instrument.description
                    )
            made = self._instruments[instrument.name]
        assert made is not None
        made.add(value, attributes)


def _picked(names: tuple[str, ...], start: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    """Return those of a span's attributes that a metric has."""
    found: dict[str, Any] = {}
    for name in names:
        value = start.get(name)
        if value is None and (value := end.get(name)) is None:
            continue
        found[name] = value
    return found
