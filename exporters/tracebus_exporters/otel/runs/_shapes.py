"""Start attributes that many runs share, made and encoded once.

Most runs of a chain are steps that differ in nothing but their id: a parser called so, tagged so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus_exporters.otel.attributes._attributes import start_attributes
from tracebus_exporters.otel.conventions import _semconv as sc
from tracebus_exporters.otel.spans._spans import Shape

if TYPE_CHECKING:
    from tracebus_exporters.otel._options import Options
    from tracebus_exporters.otel.spans._spans import OpenSpan

_MOST_SHAPES = 1_024


class StartAttributes:
    """Gives spans their start attributes."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._shapes: dict[tuple[object, ...], Shape] = {}

    def add_to(self, span: OpenSpan) -> None:
        """Give *span* its start attributes, and its shape if it has one."""
        if not _is_plain(span):
            span.attributes = start_attributes(span, self._options)
            return
        event = span.started
        key = (event.kind, event.name, event.tags, span.operation)
        shape = self._shapes.get(key)
        if shape is None:
            shared = start_attributes(span, self._options)
            del shared[sc.RUN_ID]
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            shape = self._shapes[key] = Shape(shared)
        span.shape = shape
        span.attributes = {**shape.attributes, sc.RUN_ID: event.run_id}


def _is_plain(span: OpenSpan) -> bool:
    """Tell whether kind, name, tags and operation are all there is to *span*."""
    event = span.started
    return (
        not event.metadata
        and event.model is None
        and event.tool_call_id is None
        and event.batch is None
        and event.attempt is None
        and not event.links
        and span.agent is None
        and span.description is None
        and (span.prompt is None or span.operation is None)
    )
