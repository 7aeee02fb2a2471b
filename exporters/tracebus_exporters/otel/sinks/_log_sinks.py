"""Two ways out for events of the Logs API: a `LoggerProvider`, or straight to an OTLP backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord, SeverityNumber

from tracebus_exporters.otel.content._structures import Structure
from tracebus_exporters.otel.sending._losses import Losses
from tracebus_exporters.otel.sending._sender import Sender
from tracebus_exporters.otel.sending._wire import Envelope, encode_log_record
from tracebus_exporters.otel.sinks._sdk_sink import context_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry._logs import Logger
    from opentelemetry.sdk.resources import Resource

    from tracebus_exporters.otel.sending._clients import Client
    from tracebus_exporters.otel.sending._pace import Pace
    from tracebus_exporters.otel.sending._settings import Settings
    from tracebus_exporters.otel.spans._ids import SpanIds

_SEVERITIES = {5: "DEBUG", 13: "WARN"}


class ProviderLogSink:
    """Emits on a logger of the application's provider."""

    def __init__(self, logger: Logger) -> None:
        self._logger = logger

    def emit(
        self, name: str, time: int, severity: int, attributes: dict[str, Any], ids: SpanIds | None, /
    ) -> None:
        """Emit the event in the context of the span *ids*, which need not be current anywhere."""
        self._logger.emit(
            LogRecord(
                timestamp=time,
                observed_timestamp=time,
                context=context_of(ids),
                severity_number=SeverityNumber(severity),
                severity_text=_SEVERITIES.get(severity),
                attributes={
                    key: value.tree() if isinstance(value, Structure) else value
                    for key, value in attributes.items()
                },
                event_name=name,
            )
        )


class OtlpLogSink:
    """Encodes events and leaves them to a `Sender`, as the spans are."""

    def __init__(
        self,
        *,
        settings: Settings,
        make_client: Callable[[], Client],
        resource: Resource,
        pace: Pace,
        scope: tuple[str, str],
        schema_url: str,
    ) -> None:
        envelope = Envelope(resource.attributes, resource.schema_url or "", *scope, schema_url=schema_url)
        self._losses = Losses("log_events", settings.shown)
        self._sender = Sender(make_client, envelope.seal, self._losses, pace, settings.timeout)

    def emit(
        self, name: str, time: int, severity: int, attributes: dict[str, Any], ids: SpanIds | None, /
    ) -> None:
        """Encode the event and queue it."""
        encoded = {
            key: value.encoded() if isinstance(value, Structure) else value
            for key, value in attributes.items()
        }
        level = (severity, _SEVERITIES.get(severity, ""))
        self._sender.put(encode_log_record(name, time, level, encoded, ids))

    def flush(self, timeout: float) -> None:
        """Send what is queued, or raise `TimeoutError`."""
        self._sender.flush(timeout)

    def close(self) -> None:
        """Send what can be sent within the sender's deadline."""
        self._sender.close()

    def after_fork(self) -> None:
        """Start afresh in the child."""
        self._sender.after_fork()

    def counts(self) -> dict[str, int]:
        """Return the events sent and lost."""
        return {**self._losses.counts(), "log_events_waiting": self._sender.waiting}
