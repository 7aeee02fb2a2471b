"""The conventions' events on the Logs API: what a model was asked and answered, and exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from tracebus.events import Outcome
from tracebus_exporters.otel.attributes._attributes import described
from tracebus_exporters.otel.attributes._content import end_content, start_content
from tracebus_exporters.otel.attributes._exceptions import exception_attributes
from tracebus_exporters.otel.attributes._naming import MODELS
from tracebus_exporters.otel.content._structures import structure
from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from tracebus.events import RunEnded
    from tracebus_exporters.otel._options import Options
    from tracebus_exporters.otel.spans._ids import SpanIds
    from tracebus_exporters.otel.spans._spans import OpenSpan

DEBUG = 5
WARN = 13
"""Severities, as OTLP numbers them."""


class LogSink(Protocol):
    """Brings events of the Logs API out."""

    def emit(
        self, name: str, time: int, severity: int, attributes: dict[str, Any], ids: SpanIds | None, /
    ) -> None:
        """Write an event, belonging to the span *ids*."""
        ...


class LogEvents:
    """Writes an event for every ended model run, and one for every failure, where it happened."""

    def __init__(self, sink: LogSink, options: Options) -> None:
        self._sink = sink
        self._options = options

    def __call__(self, span: OpenSpan, ended: RunEnded, attributes: dict[str, Any]) -> None:
        """Write what *span*'s run, which *ended*, is worth; *attributes* are the span's last."""
        if span.operation in MODELS:
            details = {**described(span), **attributes}
            if self._options.event_content:
                details |= self._content(span, ended)
            self._sink.emit(sc.EVENT_INFERENCE_DETAILS, ended.time, DEBUG, details, span.ids)
        name = self._options.names.exceptions.get(span.operation or "")
        failed = ended.error is not None and ended.outcome is Outcome.ERROR
        if name is not None and ended.error is not None and failed and not span.passed_on:
            self._sink.emit(name, ended.time, WARN, exception_attributes(ended.error), span.ids)

    def _content(self, span: OpenSpan, ended: RunEnded) -> dict[str, Any]:
        """Return messages as the structures the conventions ask for here."""
        inputs = ended.inputs if ended.inputs is not None else span.started.inputs
        found = start_content(span, inputs) | end_content(span, ended)
        limit = self._options.content_limit
        return {name: structure(value, limit) for name, value in found.items()}
