"""Puts every attribute that has no other place into a run's metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus_exporters.otel.conventions import _semconv as sc
from tracebus_exporters.receiver._messages import parsed
from tracebus_exporters.receiver._reading import first_text

if TYPE_CHECKING:
    from tracebus.capture import Capture
    from tracebus_exporters.receiver._plan import Plan
    from tracebus_exporters.receiver._span import Span

__all__ = ["metadata_of"]

_LONGEST = 1_000
_MOST_ATTRIBUTES = 64


def metadata_of(span: Span, plan: Plan, capture: Capture) -> dict[str, Any]:
    """Return what else the span says, by the names it was said under."""
    attributes = span.attributes
    found: dict[str, Any] = {}
    if plan.own_metadata:
        own = parsed(attributes.get(sc.RUN_METADATA) or attributes.get(sc.OI_METADATA))
        found = dict(own) if isinstance(own, dict) else {}
    if plan.session and (session := first_text(attributes, plan.session)) is not None:
        found.setdefault("thread_id", session)
    for name, key in plan.noted:
        found[key] = attributes[name]
    if plan.run_id:
        return found
    if span.service:
        found["service.name"] = span.service
    for name, key in plan.rest[:_MOST_ATTRIBUTES]:
        value = attributes[name]
        if capture.content or isinstance(value, int | float):  # nobody knows what else it holds
            found[key] = value[:_LONGEST] if isinstance(value, str) else value
    return found
