"""Adds up measurements beside the SDK, and puts the sums into its data points when they are sent.

A histogram or counter of the SDK costs more a value than the span it is of, and what is sent are sums. The
first value of every set of attributes goes through the SDK, which so makes the point, with its name, resource
and start; those after it are added to that point.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import AggregationTemporality, HistogramDataPoint, NumberDataPoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import Metric, MetricsData, ResourceMetrics, ScopeMetrics

    from tracebus_exporters.otel.conventions._generations import Instrument
    from tracebus_exporters.otel.sinks._instruments import MeterInstruments

__all__ = ["TalliedInstruments", "Tally"]

_MOST_SETS = 1_000
"""Sets of attributes of one instrument that are added up here; the SDK knows what to do with more."""
_OVERFLOW = frozenset({"otel.metric.overflow": True}.items())
"""The attributes of the SDK's point for all sets that are too many for it."""


class _Series:
    """The values of one set of attributes, added up since the SDK had one."""

    __slots__ = ("_begun", "_bounds", "_counts", "_largest", "_lock", "_native", "_smallest", "_total")

    def __init__(self, bounds: tuple[float, ...], native: Callable[[float], None]) -> None:
        self._bounds = bounds
        self._native = native
        self.reset()

    def reset(self) -> None:
        """Begin anew, in a forked child: what was added up is the parent's."""
        self._lock = threading.Lock()
        self._clear()
        self._begun = False

    def _clear(self) -> None:
        self._total: float = 0
        self._counts = [0] * (len(self._bounds) + 1)
        self._smallest, self._largest = float("inf"), float("-inf")

    def record(self, value: float) -> None:
        """Add a value of a histogram; the SDK refuses what is none."""
        if value >= 0:
            with self._lock:
                if self._begun:
                    self._total += value
                    self._counts[bisect_left(self._bounds, value)] += 1
                    self._smallest = min(self._smallest, value)
                    self._largest = max(self._largest, value)
                    return
                self._begun = True
        self._native(value)

    def add(self, value: float) -> None:
        """Add a value of a counter; the SDK refuses what is none."""
        if value >= 0:
            with self._lock:
                if self._begun:
                    self._total += value
                    return
                self._begun = True
        self._native(value)

    def added_to(self, point: Any, *, delta: bool) -> Any:
        """Return the SDK's *point* with what was added up; of a *delta*, that is then forgotten."""
        with self._lock:
            found = self._sum(point)
            if delta:
                self._clear()
                self._begun = False
        return found

    def _sum(self, point: Any) -> Any:
        if isinstance(point, NumberDataPoint):
            return replace(point, value=point.value + self._total)
        if not isinstance(point, HistogramDataPoint) or not (more := sum(self._counts)):
            return point
        return replace(
            point,
            count=point.count + more,
            sum=point.sum + self._total,
            bucket_counts=tuple(map(sum, zip(point.bucket_counts, self._counts, strict=True))),
            min=min(point.min, self._smallest),
            max=max(point.max, self._largest),
        )


class Tally:
    """What is added up beside the instruments of one `MeterProvider`, whose names are all different."""

    def __init__(self) -> None:
        self._series: dict[str, dict[frozenset[Any], _Series]] = {}
        self._lock = threading.Lock()

    def beside(self, native: MeterInstruments) -> TalliedInstruments:
        """Return instruments whose values are added up here, but for the first ones."""
        return TalliedInstruments(self, native)

    def series(
        self, instrument: Instrument, attributes: dict[str, Any], native: Callable[[float], None]
    ) -> Callable[[float], None]:
        """Return what takes values of *instrument* with *attributes*, of which *native* gets the first."""
        key = frozenset(attributes.items())
        with self._lock:
            made = self._series.setdefault(instrument.name, {})
            found = made.get(key)
            if found is None:
                if len(made) >= _MOST_SETS:
                    return native
                found = made[key] = _Series(instrument.buckets, native)
        return found.record if instrument.buckets else found.add

    def added_to(self, data: MetricsData) -> MetricsData:
        """Return *data*, as the SDK collected it, with what was added up."""
        return replace(data, resource_metrics=[self._resource(each) for each in data.resource_metrics])

    def _resource(self, resource: ResourceMetrics) -> ResourceMetrics:
        return replace(resource, scope_metrics=[self._scope(each) for each in resource.scope_metrics])

    def _scope(self, scope: ScopeMetrics) -> ScopeMetrics:
        return replace(scope, metrics=[self._metric(each) for each in scope.metrics])

    def _metric(self, metric: Metric) -> Metric:
        with self._lock:
            made = dict(self._series.get(metric.name, ()))
        if not made:
            return metric
        delta = getattr(metric.data, "aggregation_temporality", None) is AggregationTemporality.DELTA
        points: dict[frozenset[Any], Any] = {
            frozenset((point.attributes or {}).items()): point for point in metric.data.data_points
        }
        for key, series in made.items():
            where = key if key in points else _OVERFLOW
            if where in points:  # else it has begun after the SDK was asked: it tells of this the next time
                points[where] = series.added_to(points[where], delta=delta)
        data: Any = replace(metric.data, data_points=list(points.values()))  # type: ignore[arg-type]  # its own
        return replace(metric, data=data)

    def reset(self) -> None:
        """Forget in a forked child what was added up."""
        self._lock = threading.Lock()
        for made in self._series.values():
            for series in made.values():
                series.reset()


class TalliedInstruments:
    """Instruments whose values a tally adds up."""

    def __init__(self, tally: Tally, native: MeterInstruments) -> None:
        self._tally = tally
        self._native = native

    def of(self, instrument: Instrument, attributes: dict[str, Any]) -> Callable[[float], None]:
        """Return a function that takes a value of *instrument* with *attributes*, which nobody may change."""
        return self._tally.series(instrument, attributes, self._native.of(instrument, attributes))
