"""Metrics straight to an OTLP backend: the SDK gathers, our client sends and counts."""

from __future__ import annotations

import logging
import math
import os
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.environment_variables import OTEL_METRICS_EXEMPLAR_FILTER
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation

from tracebus_exporters.otel.sending._deadline import within
from tracebus_exporters.otel.sending._losses import Losses
from tracebus_exporters.otel.sending._sender import CLOSE_TIMEOUT
from tracebus_exporters.otel.sinks._tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.resources import Resource

    from tracebus_exporters.otel.sending._clients import Client
    from tracebus_exporters.otel.sending._settings import Settings
    from tracebus_exporters.otel.sinks._instruments import MeterInstruments
    from tracebus_exporters.otel.sinks._tally import TalliedInstruments

_logger = logging.getLogger("tracebus")
_PREFERENCE = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
_AGGREGATION = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"


class OtlpMetricExporter(MetricExporter):
    """Sends what a reader collected, in one attempt: the next collection tells of it again.

    A backend that knows no metrics (Jaeger) is not asked twice, and said to be one once.
    """

    def __init__(self, settings: Settings, make_client: Callable[[], Client]) -> None:
        delta = os.environ.get(_PREFERENCE, "").strip().lower() in {"delta", "lowmemory"}
        exponential = os.environ.get(_AGGREGATION, "").strip().lower() == "base2_exponential_bucket_histogram"
        super().__init__(
            preferred_temporality=dict.fromkeys(
                (Counter, Histogram, ObservableCounter), AggregationTemporality.DELTA
            )
            if delta
            else None,
            preferred_aggregation={Histogram: ExponentialBucketHistogramAggregation()}
            if exponential
            else None,
        )
        self._settings = settings
        self._make_client = make_client
        self._client: Client | None = None
        self.tally = None if exponential or _wants_exemplars() else Tally()
        """What is added up here; buckets that move with the values and exemplars are left to the SDK."""
        self._unsupported = False
        self.failed = False
        """Whether the newest collection did not arrive."""
        self.losses = Losses("metric_points", settings.shown)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any
    ) -> MetricExportResult:
        """Send *metrics_data* once."""
        if self._unsupported:
            return MetricExportResult.SUCCESS
        if self._client is None:
            self._client = self._make_client()
        timeout = min(self._settings.timeout, timeout_millis / 1e3)
        if self.tally is not None:
            metrics_data = self.tally.added_to(metrics_data)
        delivery = self._client.send(encode_metrics(metrics_data).SerializeToString(), timeout)
        points = _points(metrics_data)
        if delivery.unsupported:
            self._unsupported = True
            _logger.info(
                "%s takes no metrics (%s): none will be sent", self._settings.shown, delivery.message
            )
            return MetricExportResult.SUCCESS
        self.failed = not delivery.delivered or delivery.rejected >= points > 0
        if delivery.delivered:
            self.losses.sent(points - min(points, delivery.rejected))
            self.losses.lost(min(points, delivery.rejected), "rejected", delivery.message)
            return MetricExportResult.SUCCESS
        self.losses.lost(points, "unreachable" if delivery.retryable else "refused", delivery.message)
        return MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002  SDK's
        """Nothing is held back."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:  # noqa: ARG002  SDK's
        """Release the connection."""
        if self._client is not None:
            self._client.close()

    def after_fork(self) -> None:
        """Open a connection of the child's own."""
        self._client = None
        self.losses.reset()
        if self.tally is not None:
            self.tally.reset()


class OtlpMetrics:
    """A `MeterProvider` of our own, its reader and its exporter, with deadlines that hold."""

    def __init__(self, settings: Settings, make_client: Callable[[], Client], resource: Resource) -> None:
        self._exporter = OtlpMetricExporter(settings, make_client)
        self._reader = _reader(self._exporter)
        self.provider = MeterProvider([self._reader], resource, shutdown_on_exit=False)

    def adding_up(self, instruments: MeterInstruments) -> MeterInstruments | TalliedInstruments:
        """Return *instruments* that leave to the SDK no more than what it alone can do."""
        tally = self._exporter.tally
        return instruments if tally is None else tally.beside(instruments)

    def flush(self, timeout: float) -> None:
        """Collect and send now.

        Raises:
            TimeoutError: it did not arrive in time.
        """
        done = within(timeout, self._reader.collect, timeout * 1e3)
        if not done or self._exporter.failed:
            raise TimeoutError(f"metrics were not delivered within {timeout} s")

    def close(self) -> None:
        """Collect and send a last time, within `CLOSE_TIMEOUT` seconds."""
        within(
            CLOSE_TIMEOUT, self._reader.shutdown if self._ticks else self._close_still, CLOSE_TIMEOUT * 1e3
        )
        self._exporter.losses.report()

    def after_fork(self) -> None:
        """Open a connection of the child's own; the SDK restarts its thread itself."""
        self._exporter.after_fork()

    def counts(self) -> dict[str, int]:
        """Return the metric points sent and lost."""
        return self._exporter.losses.counts()

    @property
    def _ticks(self) -> bool:
        return self._reader._daemon_thread is not None  # noqa: SLF001  whether shutting down collects

    def _close_still(self, timeout: float) -> None:
        self._reader.collect(timeout)
        self._reader.shutdown(timeout)


def _wants_exemplars() -> bool:
    """Tell whether measurements become exemplars though no span is current where they are recorded."""
    return os.environ.get(OTEL_METRICS_EXEMPLAR_FILTER, "").strip().lower() == "always_on"


def _reader(exporter: OtlpMetricExporter) -> PeriodicExportingMetricReader:
    try:
        return PeriodicExportingMetricReader(exporter)
    except RuntimeError:  # no thread starts in an interpreter that shuts down; closing collects
        return PeriodicExportingMetricReader(exporter, math.inf)


def _points(data: MetricsData) -> int:
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )
