"""Finds the spans a run belongs to: its parent where that has ended, and those it is linked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus_exporters.otel.content._text import clean
from tracebus_exporters.otel.conventions import _semconv as sc
from tracebus_exporters.otel.runs._places import Places
from tracebus_exporters.otel.spans._ids import parse_traceparent
from tracebus_exporters.otel.spans._spans import SpanLink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracebus.events import Link, RunStarted
    from tracebus_exporters.otel._options import Options
    from tracebus_exporters.otel.spans._ids import SpanIds
    from tracebus_exporters.otel.spans._spans import OpenSpan


class Links:
    """Remembers the spans that ended lately, and the first of each batch."""

    def __init__(self, options: Options) -> None:
        self._ambient = options.parent == "ambient"
        self.ended = Places()
        """By run id, those that ended lately."""
        self.batches = Places()
        """By batch id, a batch's first."""

    def clear(self) -> None:
        """Forget all."""
        self.ended.clear()
        self.batches.clear()

    def parent_of(self, event: RunStarted) -> SpanIds | None:
        """Return the parent of a run's span where no open run is."""
        if event.parent_run_id is not None:
            return self.ended.get(event.parent_run_id) or self.ended.get(event.root_run_id)
        return parse_traceparent(event.traceparent) if self._ambient else None

    def link(self, span: OpenSpan, event: RunStarted, still_open: Mapping[str, OpenSpan]) -> None:
        """Give *span* its links; of runs nobody knows, their ids in an attribute."""
        unresolved = []
        links = []
        for link in event.links:
            if (ids := self._linked(link, still_open)) is None:
                unresolved.append(clean(link.run_id or "", 256))
            else:
                attributes = {sc.LINK_RELATION: clean(link.relation, 256)}
                if link.run_id:
                    attributes[sc.LINK_RUN_ID] = clean(link.run_id, 256)
                links.append(SpanLink(ids, attributes))
        if unresolved:
            span.attributes[sc.LINKED_RUNS] = unresolved
        if event.batch is not None and (first := self.batches.get(event.batch.id)) is not None:
            links.append(SpanLink(first, {sc.LINK_RELATION: "batch"}))
        span.links = links

    def _linked(self, link: Link, still_open: Mapping[str, OpenSpan]) -> SpanIds | None:
        if link.traceparent is not None:
            return parse_traceparent(link.traceparent)
        if link.run_id is None:
            return None
        if (other := still_open.get(link.run_id)) is not None:
            return other.ids
        return self.ended.get(link.run_id)
