"""Runs that the `keep` option holds back or leaves out; metrics count them all the same."""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING

from msgspec.structs import force_setattr

from tracebus.events import CustomEmitted, RunEnded, RunKind, RunStarted, RunStreamed, settle
from tracebus.watching import is_fact
from tracebus_exporters.otel.attributes._agents import Agency, definitions_told, tell_agents
from tracebus_exporters.otel.attributes._attributes import end_attributes, start_attributes
from tracebus_exporters.otel.attributes._naming import MODELS, OPERATIONS, opened
from tracebus_exporters.otel.conventions._semconv import INVOKE_AGENT
from tracebus_exporters.otel.runs._payloads import Payloads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import Event
    from tracebus_exporters.otel._options import Options
    from tracebus_exporters.otel.runs._table import Observer
    from tracebus_exporters.otel.spans._spans import OpenSpan


class Copies:
    """Makes copies of events to be read later, without the payloads that nobody reads with content off.

    Copies, because a bus empties the events that every reader is past; what is deferred stays so. But an
    error is settled at once: it would keep the frames it came through.
    """

    def __init__(self) -> None:
        self._retrievals: set[str] = set()
        """Runs whose documents will be counted."""

    def __call__(self, event: Event) -> Event:
        """Return what is worth holding of *event*."""
        if isinstance(event, RunStreamed):
            return event
        held = copy(event)
        if isinstance(event, RunStarted):
            force_setattr(held, "inputs", None)
            force_setattr(held, "partial_variables", None)
            if event.kind is RunKind.RETRIEVER:
                self._retrievals.add(event.run_id)
        elif isinstance(event, RunEnded):
            force_setattr(held, "inputs", None)
            if event.run_id in self._retrievals:
                self._retrievals.discard(event.run_id)
            else:
                force_setattr(held, "outputs", None)
            if event.error is not None:
                with suppress(BaseException):  # its own code may even exit; the field is empty then
                    settle(held, ("error",))
        elif isinstance(event, CustomEmitted) and not is_fact(event):
            force_setattr(held, "data", None)
        return held


class CountedRuns:
    """Tells observers of ended runs that make no spans: metrics count what a sampler leaves out.

    A step the conventions do not know is none of a metric's: its runs hang on the one around it.
    """

    def __init__(self, options: Options, observers: Sequence[Observer]) -> None:
        self._options = options
        self._observers = observers
        self._payloads = Payloads(options)
        self._open: dict[str, OpenSpan | None] = {}

    def apply(self, event: Event) -> None:
        """Take one event in."""
        if isinstance(event, RunStarted):
            self._started(event)
        elif isinstance(event, RunEnded):
            self._ended(event)
        elif isinstance(event, RunStreamed):
            self._streamed(event)

    def forget(self) -> None:
        """Drop every open run: in a forked child they are the parent's."""
        self._open.clear()

    def _started(self, event: RunStarted) -> None:
        outer = self._open.get(event.parent_run_id) if event.parent_run_id else None
        # Whether a chain is an agent stands in its metadata.
        known = event.kind in OPERATIONS or (
            event.kind is RunKind.CHAIN and (event.parent_run_id is None or bool(event.metadata))
        )
        if not (known and self._observers):
            self._open[event.run_id] = outer
            return
        self._payloads.name(event)
        span = opened(event, outer, self._options.names)
        if span.operation is None:
            self._open[event.run_id] = outer
            return
        span.agent = outer.agent if outer else None
        span.attributes = start_attributes(span, self._options)
        if span.operation == INVOKE_AGENT:
            span.agent, span.agency = span, Agency()
        elif span.operation in MODELS and span.agent is not None:
            definitions_told(span)
        self._open[event.run_id] = span

    def _streamed(self, event: RunStreamed) -> None:
        span = self._open.get(event.run_id)
        if span is None or span.started.run_id != event.run_id:
            return
        span.heard(event.time)

    def _ended(self, event: RunEnded) -> None:
        span = self._open.pop(event.run_id, None)
        if span is None or span.started.run_id != event.run_id:
            return
        self._payloads.answered(event)
        if span.agent is not None:
            tell_agents(span, event, {run: one for run, one in self._open.items() if one is not None})
        if event.error is not None:
            self._payloads.failed(event)
        attributes = end_attributes(span, event, self._options)
        for observe in self._observers:
            observe(span, event, attributes)
