"""Reuses name, kind and start attributes of spans that differ in nothing but their run's id.

Most runs of a chain are steps that differ in nothing but their id: a parser called so, tagged so; a model
asked as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tracebus.events import RunKind
from tracebus_exporters.otel.attributes._attributes import start_attributes
from tracebus_exporters.otel.attributes._naming import MODELS, opened, speaks_of_runs
from tracebus_exporters.otel.runs._neighbours import has_to_do_with_others
from tracebus_exporters.otel.spans._spans import OpenSpan, Shape

if TYPE_CHECKING:
    from tracebus.events import RunStarted
    from tracebus_exporters.otel._options import Options

_TOOL = RunKind.TOOL
_STEP = "langgraph_step"
_MOST_SHAPES = 1_024
_LONGEST = 2_000
"""Bytes of what a run's start says of its metadata and model; more is hardly said twice."""


class Shapes:
    """Opens spans, those of a known shape without asking what they are."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._only_known = options.spans == "genai"
        self._shapes: dict[tuple[object, ...], Shape] = {}

    def opened(self, event: RunStarted, outer: OpenSpan | None) -> OpenSpan:
        """Return the span of the run that *event* starts below *outer*; `describe` it, once it is kept."""
        key = _key(event)
        if key is None:
            return self._new(event, outer)
        shape = self._shapes.get(key)
        if shape is None:
            span = self._new(event, outer)
            if span.operation in MODELS and self._options.prompts:  # the prompt's name is an attribute
                return span
            shape = Shape(span, social=has_to_do_with_others(span))
            shape.attributes = start_attributes(span, self._options) if span.kept else {}
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            self._shapes[key] = shape
        return shape.of(event)

    def describe(self, span: OpenSpan) -> None:
        """Give *span* its start attributes, where its shape has not."""
        if span.shape is None:
            span.attributes = start_attributes(span, self._options)

    def _new(self, event: RunStarted, outer: OpenSpan | None) -> OpenSpan:
        span = opened(event, outer, self._options.names)
        if self._only_known and span.operation is None:
            span.kept = False
        return span


def _key(event: RunStarted) -> tuple[object, ...] | None:
    """Return all that the span of *event*'s run is made of but its id; `None` where that is not in the event.

    The runs around tell of tools, and of who is named or described by metadata that runs inherit.
    """
    if event.batch is not None or event.links or event.attempt is not None or event.kind is _TOOL:
        return None
    about = b""
    if event.metadata or event.model is not None:
        # LangGraph numbers its steps in the metadata: no two are alike.
        if _STEP in event.metadata or speaks_of_runs(event.metadata):
            return None
        try:
            about = msgspec.json.encode((event.metadata, event.model))
        except (TypeError, ValueError, OverflowError, RecursionError):
            return None
        if len(about) > _LONGEST:
            return None
    return event.name, event.tags, id(event.kind), event.parent_run_id is None, about
