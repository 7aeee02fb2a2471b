"""Which providers and pipelines an exporter uses, put together."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Protocol, TypeAlias

from opentelemetry import trace
from opentelemetry._logs import get_logger_provider
from opentelemetry.metrics import get_meter_provider
from opentelemetry.sdk.trace import SpanLimits, TracerProvider

from tracebus_exporters.otel.runs._left_out import CountedRuns
from tracebus_exporters.otel.runs._log_events import LogEvents
from tracebus_exporters.otel.runs._metrics import Metrics
from tracebus_exporters.otel.runs._table import RunTable
from tracebus_exporters.otel.sending._clients import client_maker
from tracebus_exporters.otel.sending._pace import Pace
from tracebus_exporters.otel.sending._settings import settings_for
from tracebus_exporters.otel.sinks._instruments import MeterInstruments
from tracebus_exporters.otel.sinks._log_sinks import OtlpLogSink, ProviderLogSink
from tracebus_exporters.otel.sinks._otlp_metrics import OtlpMetrics
from tracebus_exporters.otel.sinks._otlp_sink import OtlpSink
from tracebus_exporters.otel.sinks._sdk_sink import ProviderSink
from tracebus_exporters.otel.sinks._silent_sink import SilentSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.sampling import Sampler

    from tracebus_exporters.otel._options import Options
    from tracebus_exporters.otel.runs._table import Observer
    from tracebus_exporters.otel.sending._clients import Client
    from tracebus_exporters.otel.sending._settings import Settings
    from tracebus_exporters.otel.spans._spans import SpanSink

SCOPE = "tracebus"

Given: TypeAlias = "tuple[trace.TracerProvider | None, MeterProvider | None, LoggerProvider | None]"


@dataclass(slots=True)
class Pipeline:
    """Everything behind one exporter, and what has to be told when."""

    runs: RunTable
    counted: CountedRuns
    """Runs that make no spans, but count in the metrics."""
    flushes: list[Callable[[float], None]] = field(default_factory=list)
    closes: list[Callable[[], None]] = field(default_factory=list)
    forks: list[Callable[[], None]] = field(default_factory=list)
    counts: list[Callable[[], dict[str, int]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OwnPipeline:
    """What sending to an OTLP backend ourselves takes, prepared."""

    explicit: bool
    """Whether the user asked for it; otherwise the application's providers come first."""
    endpoint: str | None
    protocol: str | None
    settings: Settings
    resource: Resource
    sampler: Sampler
    pace: Pace
    make_client: Callable[[], Client]


def own_pipeline(endpoint: str | None, protocol: str | None) -> OwnPipeline:
    """Prepare sending to *endpoint*, or to where the environment says.

    Raises:
        ValueError: the endpoint or the protocol is none we can use.
    """
    settings = settings_for("traces", endpoint, protocol)
    # A bare provider knows every variable about resource and sampler; it is only asked for them.
    settled = TracerProvider(shutdown_on_exit=False)
    return OwnPipeline(
        explicit=endpoint is not None or protocol is not None,
        endpoint=endpoint,
        protocol=protocol,
        settings=settings,
        resource=settled.resource,
        sampler=settled.sampler,
        pace=Pace.from_environment(),
        make_client=client_maker(settings),
    )


def assemble(options: Options, given: Given, own: OwnPipeline | None) -> Pipeline:
    """Return the pipeline for what the user gave and what the environment says."""
    options = _limited(options)
    if own is not None and not own.explicit and _global_provider() is not None:
        own = None
    sink = _sink(options, given[0], own)
    ends: list[_End] = [sink]
    observers: list[Observer] = []
    _add_metrics(observers, ends, options, given[1], own)
    counting = list(observers)
    if options.events:
        _add_events(observers, ends, options, given[2], own)
    return Pipeline(
        RunTable(sink, options, observers),
        CountedRuns(options, counting),
        flushes=[end.flush for end in ends],
        closes=[end.close for end in ends],
        forks=[end.after_fork for end in ends],
        counts=[end.counts for end in ends],
    )


class _End(Protocol):
    """A way out, with what has to be told to all of them."""

    def flush(self, timeout: float, /) -> None: ...
    def close(self) -> None: ...
    def after_fork(self) -> None: ...
    def counts(self) -> dict[str, int]: ...


def _add_metrics(
    observers: list[Observer],
    ends: list[_End],
    options: Options,
    given: MeterProvider | None,
    own: OwnPipeline | None,
) -> None:
    provider, metrics = given, None
    if provider is None and own is not None:
        if disabled() or switched_off("METRICS"):
            return
        settings = settings_for("metrics", own.endpoint, own.protocol)
        metrics = OtlpMetrics(settings, client_maker(settings), own.resource)
        ends.append(metrics)
        provider = metrics.provider
    provider = provider or get_meter_provider()
    recorded: set[str] = set()
    for names in options.metrics:
        meter = provider.get_meter(SCOPE, scope_version(), names.schema_url or None)
        instruments = MeterInstruments(meter)
        added_up = instruments if metrics is None else metrics.adding_up(instruments)
        observers.append(Metrics(added_up, names, without=recorded))
        recorded |= names.instruments().keys()


def _add_events(
    observers: list[Observer],
    ends: list[_End],
    options: Options,
    given: LoggerProvider | None,
    own: OwnPipeline | None,
) -> None:
    if given is None and own is not None:
        if disabled() or switched_off("LOGS"):
            return
        settings = settings_for("logs", own.endpoint, own.protocol)
        logs = OtlpLogSink(
            settings=settings,
            make_client=client_maker(settings),
            resource=own.resource,
            pace=Pace.from_environment("OTEL_BLRP"),
            scope=(SCOPE, scope_version()),
            schema_url=options.names.schema_url,
        )
        ends.append(logs)
        observers.append(LogEvents(logs, options))
        return
    provider = given or get_logger_provider()
    logger = provider.get_logger(SCOPE, scope_version(), options.names.schema_url or None)
    observers.append(LogEvents(ProviderLogSink(logger), options))


def scope_version() -> str:
    """Return our own version, which stands beside our name on everything we write."""
    try:
        return version("tracebus")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return ""


def _sink(options: Options, given: trace.TracerProvider | None, own: OwnPipeline | None) -> SpanSink:
    if given is not None or own is None:
        provider = given or trace.get_tracer_provider()
        tracer = provider.get_tracer(SCOPE, scope_version(), options.names.schema_url or None)
        return ProviderSink(provider, tracer, options)
    if disabled() or switched_off("TRACES"):
        return SilentSink()
    return OtlpSink(
        settings=own.settings,
        make_client=own.make_client,
        resource=own.resource,
        sampler=own.sampler,
        options=options,
        pace=own.pace,
        scope=(SCOPE, scope_version()),
    )


def switched_off(signal: str) -> bool:
    """Tell whether `OTEL_{signal}_EXPORTER` is `none`."""
    return os.environ.get(f"OTEL_{signal}_EXPORTER", "").strip().lower() == "none"


def disabled() -> bool:
    """Tell whether `OTEL_SDK_DISABLED` is set."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def _global_provider() -> trace.TracerProvider | None:
    """Return the application's `TracerProvider`; `None` while it has set none."""
    provider = trace.get_tracer_provider()
    return None if isinstance(provider, trace.ProxyTracerProvider) else provider


def _limited(options: Options) -> Options:
    """Return *options* within the limits the environment sets for attributes and events."""
    limits = SpanLimits()
    longest = limits.max_span_attribute_length
    return replace(
        options,
        content_limit=min(options.content_limit, longest) if longest else options.content_limit,
        value_limit=longest,
        attribute_limit=limits.max_span_attributes or options.attribute_limit,
        event_limit=limits.max_events or options.event_limit,
    )
