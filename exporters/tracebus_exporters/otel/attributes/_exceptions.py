"""Attributes of the events on a span: an exception, another attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus_exporters.otel.content._text import clean
from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from tracebus.events import ErrorInfo, RunRetried

MESSAGE_LIMIT = 4_096
_TRACE_LIMIT = 16_384


def exception_attributes(error: ErrorInfo) -> dict[str, Any]:
    """Return the attributes of an exception event."""
    found = {
        sc.EXCEPTION_TYPE: clean(error.type, 1_024),
        sc.EXCEPTION_MESSAGE: clean(error.message, MESSAGE_LIMIT),
    }
    if error.traceback:
        found[sc.EXCEPTION_STACKTRACE] = clean(error.traceback[-_TRACE_LIMIT:])
    return found


def retry_attributes(event: RunRetried) -> dict[str, Any]:
    """Return the attributes of the event that a run is tried again."""
    found: dict[str, Any] = {sc.RETRY_ATTEMPT: event.attempt}
    if event.delay is not None:
        found[sc.RETRY_DELAY] = event.delay
    return found if event.error is None else {**found, **exception_attributes(event.error)}
