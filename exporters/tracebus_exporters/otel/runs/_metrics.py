"""The conventions' metrics, from the same event times as the spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tracebus_exporters.otel.attributes._attributes import seconds
from tracebus_exporters.otel.attributes._tokens import UNKNOWN, by_modality, cache_written
from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tracebus.events import RunEnded, TokenUsage
    from tracebus_exporters.otel.conventions._generations import Generation, Instrument, Tokens
    from tracebus_exporters.otel.spans._spans import OpenSpan

_MOST_INTERVALS = 256
"""Values of `…time_per_output_chunk` of one run."""
_MOST_ALIKE = 1_024


class Instruments(Protocol):
    """Takes values, by instrument and set of attributes."""

    def of(self, instrument: Instrument, attributes: dict[str, Any], /) -> Callable[[float], None]:
        """Return a function that takes a value of *instrument* with *attributes*, which nobody may change."""
        ...


class _Alike(NamedTuple):
    """Runs whose metrics have the same attributes."""

    attributes: dict[str, Any]
    takers: dict[tuple[str, Any], Callable[[float], None]]
    """What takes a value, by the instrument and what one attribute more says."""


class Metrics:
    """Records every ended run's metrics of one generation.

    An instrument of the SDK costs some 10 µs a value. Only `…time_per_output_chunk` has more than a few
    values a run, recorded when the run has ended: one for every chunk, or an even sample of a long stream's.

    Args:
        instruments: what takes the values.
        names: the generation.
        without: names of instruments that another generation records already.
    """

    def __init__(self, instruments: Instruments, names: Generation, *, without: Collection[str] = ()) -> None:
        self._instruments = instruments
        self._names = names
        self._without = frozenset(without)
        self._alike: dict[tuple[Any, ...], _Alike] = {}

    def __call__(self, span: OpenSpan, ended: RunEnded, attributes: dict[str, Any]) -> None:
        """Record the metrics of *span*'s run, which *ended*; *attributes* are the span's last."""
        rule = self._names.durations.get(span.operation or "")
        if rule is None:
            return
        alike = self._those_with(rule.attributes, span.attributes, attributes)
        duration = self._taker(alike, rule.instrument, sc.ERROR_TYPE, attributes.get(sc.ERROR_TYPE))
        duration(seconds(span.started.time, ended.time))
        if span.first_chunk is not None:
            self._chunks(span, alike)
        tokens = self._names.tokens.get(span.operation or "")
        if tokens is not None and ended.usage is not None:
            self._tokens(ended.usage, tokens, alike)
        if span.agency is not None and (calls := self._names.agent_calls) is not None:
            whose = self._those_with((sc.AGENT_NAME,), span.attributes, attributes)
            self._taker(whose, calls.inference)(span.agency.inference_calls)
            self._taker(whose, calls.tool)(span.agency.tool_calls)

    def _chunks(self, span: OpenSpan, alike: _Alike) -> None:
        assert span.first_chunk is not None
        self._taker(alike, self._names.first_chunk)(seconds(span.started.time, span.first_chunk))
        if span.intervals:
            between = self._taker(alike, self._names.between_chunks)
            # Every n-th of a long stream: the distribution is the same, the cost is bounded.
            for interval in span.intervals[:: 1 + len(span.intervals) // _MOST_INTERVALS]:
                between(interval)

    def _tokens(self, usage: TokenUsage, how: Tokens, alike: _Alike) -> None:
        for side, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count is None:
                continue
            if how.by_type is not None:
                self._taker(alike, how.by_type, sc.TOKEN_TYPE, side)(count)
            if (histogram := how.histograms.get(f"{side}_tokens")) is not None:
                self._taker(alike, histogram)(count)
            if (counter := how.counters.get(f"{side}_tokens")) is not None:
                for modality, part in by_modality(usage, side, count).items():
                    self._taker(alike, counter, sc.TOKEN_MODALITY, modality)(part)
        if not how.counters:
            return
        for side, part_count in (
            ("cache_read.input_tokens", usage.cache_read_tokens),
            ("cache_write.input_tokens", cache_written(usage)),
            ("reasoning.output_tokens", usage.reasoning_tokens),
        ):
            if part_count and (counter := how.counters.get(side)) is not None:
                self._taker(alike, counter, sc.TOKEN_MODALITY, UNKNOWN)(part_count)

    def _those_with(self, names: tuple[str, ...], start: dict[str, Any], end: dict[str, Any]) -> _Alike:
        """Return the runs whose spans have the same of *names* at their *start*, or else their *end*."""
        values = [start[name] if name in start else end.get(name) for name in names]
        key = (names, *values)
        found = self._alike.get(key)
        if found is None:
            if len(self._alike) >= _MOST_ALIKE:
                self._alike.clear()
            told = {name: value for name, value in zip(names, values, strict=True) if value is not None}
            found = self._alike[key] = _Alike(told, {})
        return found

    def _taker(
        self, alike: _Alike, instrument: Instrument, name: str = "", says: str | None = None
    ) -> Callable[[float], None]:
        """Return what takes a value of *instrument*, with the attribute *name* more where it *says* one."""
        key = (instrument.name, says)
        taker = alike.takers.get(key)
        if taker is None:
            attributes = alike.attributes if says is None else {**alike.attributes, name: says}
            recorded = instrument.name not in self._without
            taker = self._instruments.of(instrument, attributes) if recorded else _ignored
            alike.takers[key] = taker
        return taker


def _ignored(value: float) -> None:
    """Take a value that another generation records."""
