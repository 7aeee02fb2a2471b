"""No spans at all: `OTEL_SDK_DISABLED`, or metrics alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus_exporters.otel.spans._ids import SpanIds, span_id_of, trace_id_of

if TYPE_CHECKING:
    from tracebus_exporters.otel.spans._spans import Ending, OpenSpan


class SilentSink:
    """Takes spans and writes none."""

    def start(self, span: OpenSpan, /) -> SpanIds:
        """Return ids nobody will see, not sampled."""
        run = span.started
        trace_id = span.parent.trace_id if span.parent else trace_id_of(run.root_run_id)
        return SpanIds(trace_id, span_id_of(run.run_id), flags=0)

    def end(self, span: OpenSpan, ending: Ending, /) -> None:
        """Do nothing."""

    def flush(self, timeout: float, /) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def after_fork(self) -> None:
        """Do nothing."""

    def counts(self) -> dict[str, int]:
        """Return no counts."""
        return {}
