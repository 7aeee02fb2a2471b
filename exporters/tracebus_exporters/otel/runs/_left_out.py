"""Runs that the `keep` option holds back or leaves out; metrics count them all the same."""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import force_setattr

from tracebus.events import CustomEmitted, RunEnded, RunKind, RunStarted, RunStreamed, settle
from tracebus.watching import is_fact
from tracebus_exporters.otel.attributes._agents import Agency, tell_agents
from tracebus_exporters.otel.attributes._attributes import measured_end, measured_start
from tracebus_exporters.otel.attributes._naming import OPERATIONS, is_wanted, opened
from tracebus_exporters.otel.conventions._semconv import ERROR_TYPE, INVOKE_AGENT, UNFINISHED
from tracebus_exporters.otel.runs._failures import unfinished
from tracebus_exporters.otel.runs._payloads import Payloads
from tracebus_exporters.otel.spans._spans import CLIENT, OpenSpan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import Event
    from tracebus_exporters.otel._options import Options
    from tracebus_exporters.otel.runs._table import Observer

_MODELS = frozenset((RunKind.CHAT_MODEL, RunKind.LLM, RunKind.EMBEDDING))
_MOST_OPEN = 50_000
_MOST_ASKED = 1_024
_LONGEST = 2_000
"""Bytes of what a model was asked with; more is hardly asked twice."""


def copy_to_hold(event: Event, retrievals: set[str]) -> Event:
    """Return a copy of *event* to be read later, without the payloads that nobody reads with content off.

    A copy, because a bus empties the events that every reader is past; what is deferred stays so. But an
    error is settled at once: it would keep the frames it came through.

    Args:
        event: an event of a root run.
        retrievals: open runs of that root run whose documents will be counted; empty at its first event.
    """
    if isinstance(event, RunStreamed):
        return event
    held = copy(event)
    if isinstance(event, RunStarted):
        force_setattr(held, "inputs", None)
        force_setattr(held, "partial_variables", None)
        if event.kind is RunKind.RETRIEVER:
            retrievals.add(event.run_id)
    elif isinstance(event, RunEnded):
        force_setattr(held, "inputs", None)
        if event.run_id in retrievals:
            retrievals.discard(event.run_id)
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

    They are told what metrics are split by, and nothing else that a span would show. A step the conventions
    do not know is none of a metric's: its runs hang on the one around it.
    """

    def __init__(self, options: Options, observers: Sequence[Observer]) -> None:
        self._options = options
        self._observers = observers
        self._payloads = Payloads(options)
        self._open: dict[str, OpenSpan | None] = {}
        self._asked: dict[tuple[str, RunKind, bytes], dict[str, Any]] = {}
        """What metrics of a model's run are split by, by its class and all that it was asked with."""
        self.teller = 0
        """Who tells of the events that are applied: runs of one teller end with it."""

    def apply(self, batch: Sequence[Event]) -> None:
        """Take events in."""
        if not self._observers:
            return
        runs = self._open
        for event in batch:
            if isinstance(event, RunStarted):
                outer = runs.get(event.parent_run_id) if event.parent_run_id else None
                runs[event.run_id] = self._opened(event, outer) if _may_be_known(event) else outer
                if len(runs) > _MOST_OPEN:
                    self._give_up(next(iter(runs)), event.time)
            elif isinstance(event, RunEnded):
                span = runs.pop(event.run_id, None)
                if span is not None and span.started.run_id == event.run_id:
                    self._ended(event, span)
            elif isinstance(event, RunStreamed):
                span = runs.get(event.run_id)
                if span is not None and span.started.run_id == event.run_id:
                    span.heard(event.time)

    def end_open(self, time: int, *, told_by: int | None = None) -> None:
        """Count every open run, or one teller's, as one that never ended, children first."""
        for run_id, span in reversed(list(self._open.items())):
            if span is None or span.started.run_id != run_id:
                continue
            if told_by is None or span.teller == told_by:
                self._give_up(run_id, time)

    def forget(self) -> None:
        """Drop every open run: in a forked child they are the parent's."""
        self._open.clear()

    def _opened(self, event: RunStarted, outer: OpenSpan | None) -> OpenSpan | None:
        """Return what will be known of *event*'s run; the *outer* one where that is nothing."""
        self._payloads.name(event)
        if event.kind in _MODELS:  # what its span would be called, nobody asks
            span = OpenSpan(event, OPERATIONS[event.kind], "", CLIENT)
            span.kept = is_wanted(event)
        else:
            span = opened(event, outer, self._options.names)
        if span.operation is None and not event.metadata:
            return outer
        span.teller = self.teller
        span.agent = outer.agent if outer else None
        if span.operation is None:
            return span
        span.attributes = self._start_of(span) if span.kept else {}
        if span.operation == INVOKE_AGENT:
            span.agent, span.agency = span, Agency()
        return span

    def _start_of(self, span: OpenSpan) -> dict[str, Any]:
        """Return what its start tells of what metrics of *span*'s run are split by; not to be changed."""
        event = span.started
        if event.model is None or event.kind not in _MODELS:
            return measured_start(span, self._options)
        try:
            asked = msgspec.json.encode(event.model)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return measured_start(span, self._options)
        key = (event.name, event.kind, asked)
        if (found := self._asked.get(key)) is None:
            found = measured_start(span, self._options)
            if len(asked) <= _LONGEST:
                if len(self._asked) >= _MOST_ASKED:
                    self._asked.clear()
                self._asked[key] = found
        return found

    def _ended(self, event: RunEnded, span: OpenSpan) -> None:
        if event.usage is not None:
            self._payloads.answered(event)
        if span.agent is not None:
            tell_agents(span, event, self._open)
        if event.error is not None:
            self._payloads.failed(event)
        self._observe(span, event, measured_end(span, event))

    def _give_up(self, run_id: str, time: int) -> None:
        span = self._open.pop(run_id)
        if span is not None and span.started.run_id == run_id:
            ended = unfinished(span.started, time)
            self._observe(span, ended, {**measured_end(span, ended), ERROR_TYPE: UNFINISHED})

    def _observe(self, span: OpenSpan, ended: RunEnded, attributes: dict[str, Any]) -> None:
        if span.kept:  # the program may want no span of it, and so no metric
            for observe in self._observers:
                observe(span, ended, attributes)


def _may_be_known(event: RunStarted) -> bool:
    """Tell whether the conventions may know the run, or its metadata say something of those inside."""
    if event.metadata or event.kind in OPERATIONS:
        return True
    return event.kind is RunKind.CHAIN and event.parent_run_id is None
