"""Gives every received span its run id and root run, also where the trace's root comes last or never."""

from __future__ import annotations

from collections import OrderedDict
from operator import attrgetter
from typing import TYPE_CHECKING

from tracebus.events import Outcome, RunEnded, RunKind, RunStarted
from tracebus_exporters.receiver._events import Place, events_of, late_event
from tracebus_exporters.receiver._speakers import Speakers
from tracebus_exporters.receiver._spoken import is_answer, is_silent, is_spoken, with_records
from tracebus_exporters.receiver._trace import Trace, own_id, run_id_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.capture import Capture
    from tracebus.events import RunEvent
    from tracebus_exporters.receiver._span import Record, Span

__all__ = ["Traces"]

_MOST_HELD = 100_000
"""Spans that wait for their root, of all traces; of more, those of the oldest trace wait no longer."""
_MOST_REMEMBERED = 500_000
"""Spans whose run is remembered, for children that come late."""
_MOST_RECORDS = 100_000
"""Log records that wait for their span; more are let go."""


class Traces:
    """Turns spans into the events of runs, each under the root of its trace.

    A trace waits for its root *hold* seconds at most, and twice as long for log records of what its models
    answered, where its service writes such or nobody knows yet. Then a run that stands for the trace is its
    root: it is called as the service, and ends with the root span, should that still come, or when nothing
    came for *idle* seconds.

    Args:
        capture: what of the content is kept, and what is redacted.
        hold: seconds.
        idle: seconds.
    """

    def __init__(self, capture: Capture, *, hold: float = 1.0, idle: float = 600.0) -> None:
        self._capture = capture
        self._hold = hold
        self._idle = idle
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._held = 0
        self._records = 0
        self._late = 0
        self._speakers = Speakers()
        self._remembered = 0

    def add(self, spans: Iterable[Span], now: float) -> list[RunEvent]:
        """Take *spans* in and return the events that can be told, in order.

        Args:
            spans: as they came; one that came before is left out.
            now: seconds of a clock that never runs backwards.
        """
        ready: list[tuple[Trace, Span]] = []
        for span in spans:
            trace = self._trace(span.trace_id, now)
            span_id = span.span_id
            if span_id in trace.arrived:
                continue
            trace.arrived[span_id] = span.parent_id
            if span_id not in trace.runs:  # else a child has named it before
                trace.runs[span_id] = own_id(span)
                self._remembered += 1
            if trace.root is None and not span.parent_id:
                trace.root = trace.runs[span_id]
            if self._speakers.may_speak(span.service) and self._is_waited_for(trace, span):
                trace.silent.add(span_id)
            if trace.root is not None and not trace.silent:
                if trace.held:
                    ready += [(trace, held) for held in self._released(trace)]
                ready.append((trace, self._told_of(trace, span) if trace.records else span))
            else:
                self._hold_back(trace, span, now)
        events = self._told(ready)
        if self._held > _MOST_HELD or self._remembered > _MOST_REMEMBERED:
            events += self._made_room()
        return events

    def note(self, records: Iterable[Record], now: float) -> list[RunEvent]:
        """Take *records* in, and return the events that can be told now.

        A record is kept until its span comes. One that comes after its span was told becomes an event of the
        program's own, and is counted: what was said is not lost, only not where one looks for it.
        """
        told: list[RunEvent] = []
        touched: dict[str, Trace] = {}
        for record in filter(is_spoken, records):
            self._speakers.spoke(record.service)
            trace = touched[record.trace_id] = self._trace(record.trace_id, now)
            parent_id = trace.arrived.get(record.span_id)
            if parent_id is not None and record.span_id not in trace.held:
                place = self._place(trace, record.trace_id, record.span_id, parent_id)
                told.append(late_event(record, place, self._capture))
                self._late += 1
                continue
            trace.records.setdefault(record.span_id, []).append(record)
            if is_answer(record):
                trace.silent.discard(record.span_id)
            self._records += 1
        for trace in touched.values():
            if trace.root is not None and not trace.silent:
                told += self._told([(trace, span) for span in self._released(trace)])
        while self._records > _MOST_RECORDS:
            told += self._made_room()
        return told

    def due(self, now: float) -> list[RunEvent]:
        """Return the events of the traces that have waited long enough, and ends of those that are over."""
        ready: list[tuple[Trace, Span]] = []
        events: list[RunEvent] = []
        for trace_id, trace in self._traces.items():
            if trace.held and now - trace.since >= self._hold * (2 if trace.silent else 1):
                self._gave_up_on(trace)
                start, released = self._let_go(trace_id, trace)
                events += start
                ready += released
            if trace.stand_in is not None and now - trace.idle_since >= self._idle:
                events.append(self._given_up(trace))
        return events + self._told(ready)

    def close(self) -> list[RunEvent]:
        """Return what is left: all that waits, and the ends of what was made up."""
        events: list[RunEvent] = []
        for trace_id, trace in self._traces.items():
            if trace.held:
                start, released = self._let_go(trace_id, trace)
                events += start
                events += self._told(released)
            if trace.stand_in is not None:
                events.append(self._given_up(trace))
        return events

    @property
    def held(self) -> int:
        """How many spans wait, for their root or for what was said in them."""
        return self._held

    @property
    def late(self) -> int:
        """How many log records came when their span was told already."""
        return self._late

    def _trace(self, trace_id: str, now: float) -> Trace:
        trace = self._traces.get(trace_id)
        if trace is None:
            trace = self._traces[trace_id] = Trace(now)
        trace.idle_since = now
        return trace

    def _is_waited_for(self, trace: Trace, span: Span) -> bool:
        """Tell whether records may still say what *span* answered."""
        if self._hold == 0 or not is_silent(span):
            return False
        return not any(map(is_answer, trace.records.get(span.span_id, ())))

    def _gave_up_on(self, trace: Trace) -> None:
        """Wait no more for the services whose records did not come."""
        for span_id in trace.silent:
            if span_id not in trace.records:
                self._speakers.kept_silent(trace.held[span_id].service)

    def _run_of(self, trace_id: str, span_id: str) -> str:
        trace = self._traces.get(trace_id)
        return (trace.runs.get(span_id) if trace is not None else None) or run_id_of(trace_id, span_id)

    def _told(self, ready: list[tuple[Trace, Span]]) -> list[RunEvent]:
        """Return the events of placed spans, all starts before what follows, by time."""
        starts: list[RunEvent] = []
        others: list[RunEvent] = []
        ends: list[RunEvent] = []
        # Children end, and so come, before their parents: the other way round a parent comes first.
        for trace, span in reversed(ready):
            place = self._place(trace, span.trace_id, span.span_id, span.parent_id)
            start, between, end = events_of(span, place, self._capture, self._run_of)
            starts.append(start)
            others += between
            if end is not None:
                ends.append(end)
                self._end_stand_in(trace, span, end, ends)
        events = [*starts, *others, *reversed(ends)]
        events.sort(key=attrgetter("time"))
        return events

    def _place(self, trace: Trace, trace_id: str, span_id: str, parent_id: str) -> Place:
        run_id = trace.runs[span_id]
        root = trace.root
        assert root is not None
        if run_id == root:
            return Place(run_id, None, root)
        if not parent_id:  # a second root of one trace, or the root that came late
            return Place(run_id, root, root)
        parent = trace.runs.get(parent_id)
        if parent is None:
            parent = trace.runs[parent_id] = run_id_of(trace_id, parent_id)
            self._remembered += 1
        return Place(run_id, parent if parent != run_id else root, root)

    def _let_go(self, trace_id: str, trace: Trace) -> tuple[list[RunEvent], list[tuple[Trace, Span]]]:
        """Let the spans of a trace go that have waited long enough, whatever they waited for."""
        if trace.root is None:
            return self._without_root(trace_id, trace)
        return [], [(trace, span) for span in self._released(trace)]

    def _hold_back(self, trace: Trace, span: Span, now: float) -> None:
        if not trace.held and trace.root is not None:
            trace.since = now
        trace.held[span.span_id] = span
        self._held += 1

    def _without_root(self, trace_id: str, trace: Trace) -> tuple[list[RunEvent], list[tuple[Trace, Span]]]:
        """Let the spans of a trace go though its root did not come.

        They stand under the only one whose parent is another process's; where there are several, or their
        parent is still to come, under a run that stands for the trace.
        """
        spans = self._released(trace)
        here = {span.span_id for span in spans}
        tops = [span for span in spans if span.parent_id not in here]
        start: list[RunEvent] = []
        if len(tops) == 1 and tops[0].remote_parent:
            trace.root = trace.runs[tops[0].span_id]
        else:
            first = min(spans, key=lambda span: span.start)
            trace.root = trace_id
            trace.stand_in = RunStarted(
                time=first.start,
                kind=RunKind.CHAIN,
                name=first.service or "trace",
                metadata={"trace_id": trace_id},
                run_id=trace_id,
                root_run_id=trace_id,
            )
            start.append(trace.stand_in)
        return start, [(trace, span) for span in spans]

    def _released(self, trace: Trace) -> list[Span]:
        spans = [*trace.held.values()]
        trace.held.clear()
        self._held -= len(spans)
        trace.silent.clear()
        return [self._told_of(trace, span) for span in spans] if trace.records else spans

    def _told_of(self, trace: Trace, span: Span) -> Span:
        """Return *span* with what its records say."""
        records = trace.records.pop(span.span_id, None)
        if records is None:
            return span
        self._records -= len(records)
        return with_records(span, records)

    def _end_stand_in(self, trace: Trace, span: Span, end: RunEnded, ends: list[RunEvent]) -> None:
        """End the run that stands for a trace with the root it stands for."""
        if trace.stand_in is not None and not span.parent_id:
            ends.append(_end(trace.stand_in, end.time, end.outcome))
            trace.stand_in = None

    def _given_up(self, trace: Trace) -> RunEvent:
        assert trace.stand_in is not None
        end = _end(trace.stand_in, trace.stand_in.time, Outcome.ABANDONED)
        trace.stand_in = None
        return end

    def _made_room(self) -> list[RunEvent]:
        """Let the oldest trace go."""
        trace_id, trace = self._traces.popitem(last=False)
        self._remembered -= len(trace.runs)
        self._records -= sum(map(len, trace.records.values()))
        events: list[RunEvent] = []
        if trace.held:
            start, released = self._let_go(trace_id, trace)
            events += start
            events += self._told(released)
        if trace.stand_in is not None:
            events.append(self._given_up(trace))
        return events


def _end(started: RunStarted, time: int, outcome: Outcome) -> RunEnded:
    return RunEnded(
        time=max(time, started.time), run_id=started.run_id, root_run_id=started.root_run_id, outcome=outcome
    )
