"""The open runs: events in, spans out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, assert_never

from tracebus.events import (
    CustomEmitted,
    ErrorInfo,
    Gap,
    Outcome,
    RunEnded,
    RunKind,
    RunRetried,
    RunStarted,
    RunStreamed,
    settle,
)
from tracebus.watching import BudgetFact, fact_of, is_fact
from tracebus_exporters.otel.attributes._agents import Agency, tell_agents
from tracebus_exporters.otel.attributes._attributes import content_attributes, end_attributes
from tracebus_exporters.otel.attributes._exceptions import (
    MESSAGE_LIMIT,
    exception_attributes,
    retry_attributes,
)
from tracebus_exporters.otel.attributes._noticed import noticed_attributes
from tracebus_exporters.otel.content._shortening import to_json
from tracebus_exporters.otel.content._text import clean
from tracebus_exporters.otel.conventions import _semconv as sc
from tracebus_exporters.otel.runs._failures import note_failure, unfinished
from tracebus_exporters.otel.runs._links import Links
from tracebus_exporters.otel.runs._neighbours import ask_neighbours
from tracebus_exporters.otel.runs._payloads import Payloads
from tracebus_exporters.otel.runs._shapes import Shapes
from tracebus_exporters.otel.spans._spans import Ending, OpenSpan, SpanEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import Event
    from tracebus_exporters.otel._options import Options
    from tracebus_exporters.otel.spans._spans import SpanSink

_OK = Outcome.OK
_MOST_OPEN = 50_000
_MOST_EVENTS = 64


class Observer(Protocol):
    """Told of every ended run that makes a span."""

    def __call__(self, span: OpenSpan, ended: RunEnded, attributes: dict[str, Any], /) -> None:
        """Take the run in; *attributes* are those of the span's end, content excepted."""
        ...


class RunTable:
    """Turns events into spans, holding state for open runs only.

    Args:
        sink: where spans go.
        options: how runs become spans.
        observers: told of every ended run with the span's attributes, content excepted: metrics,
            log events.
    """

    def __init__(
        self,
        sink: SpanSink,
        options: Options,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._sink = sink
        self._options = options
        self._observers = observers
        self._payloads = Payloads(options)
        self._shapes = Shapes(options)
        self._shows_content = options.span_content
        self._content = options.span_content or options.event_content
        self._prompts = options.prompts or options.openinference
        self._open: dict[str, OpenSpan] = {}
        self._links = Links(options)
        self._late = 0
        """How much was noticed of runs after their end."""
        self.teller = 0
        """Who tells of the events that are applied: runs of one teller end with it."""
        self.counts = dict.fromkeys(("events_missed", "ends_without_start", "runs_unfinished"), 0)

    def __len__(self) -> int:
        return len(self._open)

    def statistics(self) -> dict[str, int]:
        """Return what was missed, given up, or could not be read."""
        unreadable = self._payloads.unreadable
        return {**self.counts, **({"payloads_unreadable": unreadable} if unreadable else {})}

    def apply(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case RunStreamed():
                self._streamed(event)
            case RunStarted():
                self._started(event)
            case RunEnded():
                self._ended(event)
            case RunRetried() | CustomEmitted():
                self._happened(event)
            case Gap():
                self._missed(event)
            case _:
                assert_never(event)

    def end_open(self, time: int, *, told_by: int | None = None) -> None:
        """End every open run, or one teller's, children first, marked as never having ended."""
        for run_id, span in reversed(list(self._open.items())):
            if told_by is None or span.teller == told_by:
                self._give_up(run_id, time)

    def forget(self) -> None:
        """Drop every open run without a word: in a forked child they are the parent's."""
        self._open.clear()
        self._links.clear()

    def _started(self, event: RunStarted) -> None:
        if event.run_id in self._open:  # said twice, as by two sources on one bus
            return
        if len(self._open) >= _MOST_OPEN:
            self._give_up(next(iter(self._open)), event.time)
        if event.model is not None or event.metadata:
            self._payloads.name(event)
        outer = self._open.get(event.parent_run_id) if event.parent_run_id else None
        span = self._shapes.opened(event, outer)
        span.teller = self.teller
        if outer is not None:
            span.parent, span.agent = outer.ids, outer.agent
        else:
            span.parent = self._links.parent_of(event)
        if self._content:
            self._payloads.given(event)
        if span.shape is None or span.shape.social:
            ask_neighbours(span, outer, self._open.get(event.root_run_id), prompts=self._prompts)
        if span.kept:
            self._begin(span, event)
        else:
            span.ids = span.parent
        if span.operation == sc.INVOKE_AGENT:
            span.agent, span.agency = span, Agency()
        self._open[event.run_id] = span

    def _begin(self, span: OpenSpan, event: RunStarted) -> None:
        if span.shape is None:
            self._shapes.describe(span)
            if event.links or event.batch is not None:
                self._links.link(span, event, self._open)
        span.ids = self._sink.start(span)
        if event.batch is not None:
            self._links.batches.add(event.batch.id, span.ids)

    def _streamed(self, event: RunStreamed) -> None:
        span = self._open.get(event.run_id)
        if span is not None:
            span.heard(event.time)

    def _happened(self, event: RunRetried | CustomEmitted) -> None:
        span = self._open.get(event.run_id)
        if isinstance(event, CustomEmitted) and is_fact(event):
            self._noticed(event, span)
            return
        if span is None or not span.kept or len(span.events) >= _MOST_EVENTS:
            return
        if isinstance(event, RunRetried):
            self._payloads.retried(event)
            span.events += (SpanEvent(event.time, sc.RETRY_EVENT, retry_attributes(event)),)
            return
        self._payloads.custom(event)
        data: dict[str, Any] = {}
        if self._options.span_content and event.data is not None:
            data[sc.CUSTOM_DATA] = to_json(event.data, self._options.content_limit)
        span.events += (SpanEvent(event.time, clean(event.name, 256) or "custom", data),)

    def _noticed(self, event: CustomEmitted, span: OpenSpan | None) -> None:
        """Put what was noticed of a run on its span, or where that has ended into one of its own below it."""
        settle(event, ("data",))
        fact = fact_of(event)
        if fact is None:
            return
        names = self._options.names.noticed
        said = noticed_attributes(fact, names, {})
        if span is None:
            if not (isinstance(fact, BudgetFact) and fact.state == "set"):  # over before its limits were told
                self._noticed_late(event, said)
            return
        span.noticed = noticed_attributes(fact, names, span.noticed or {})
        if span.kept and len(span.events) < _MOST_EVENTS:
            span.events += (SpanEvent(event.time, event.name, said),)

    def _noticed_late(self, event: CustomEmitted, said: dict[str, Any]) -> None:
        self._late += 1
        about: dict[str, Any] = {
            "time": event.time,
            "run_id": f"{event.run_id}/{event.name}/{self._late}",
            "parent_run_id": event.run_id,
            "root_run_id": event.root_run_id,
        }
        self._started(RunStarted(kind=RunKind.UNKNOWN, name=event.name, **about))
        self._open[about["run_id"]].noticed = said
        self._ended(RunEnded(outcome=Outcome.OK, **about))

    def _missed(self, event: Gap) -> None:
        self.counts["events_missed"] += event.missed
        for span in self._open.values():
            span.gapped = span.gapped or span.teller == self.teller

    def _ended(self, event: RunEnded) -> None:
        span = self._open.pop(event.run_id, None)
        if span is None:
            self.counts["ends_without_start"] += 1
            return
        if event.usage is not None:
            self._payloads.answered(event)
        if span.gapped and event.parent_run_id is None:
            self._give_up_below(event)
        if span.ids is not None:
            self._links.ended.add(event.run_id, span.ids)
        if span.agent is not None:
            tell_agents(span, event, self._open)
        if event.error is not None:
            self._payloads.failed(event)
            if event.outcome is Outcome.ERROR:
                note_failure(span, event.error, self._open, self._options.names)
        if span.kept:
            self._finish(span, event)

    def _finish(self, span: OpenSpan, event: RunEnded, error: ErrorInfo | None = None) -> None:
        if self._content or span.operation == sc.RETRIEVAL:
            self._payloads.end(span, event)
        attributes = end_attributes(span, event, self._options)
        if span.noticed:
            attributes |= span.noticed
        if error is not None:
            attributes[sc.ERROR_TYPE] = error.type
        for observe in self._observers:
            observe(span, event, attributes)
        if self._shows_content and span.recording:
            taken = len(span.attributes) + len(attributes) + 1
            attributes |= content_attributes(span, event, self._options, taken)
        said = None
        if event.outcome is not _OK:
            said = self._failed(span, event, error)
        self._sink.end(span, Ending(max(event.time, span.started.time), attributes, said))

    @staticmethod
    def _failed(span: OpenSpan, event: RunEnded, error: ErrorInfo | None) -> str | None:
        """Note on *span* what its run raised; return the description of status ERROR, where it failed."""
        if span.recording and event.error is not None:
            span.events += (SpanEvent(event.time, sc.EXCEPTION, exception_attributes(event.error)),)
        failure = error or (event.error if event.outcome is Outcome.ERROR else None)
        if failure is not None:
            return clean(failure.message, MESSAGE_LIMIT)
        return "" if event.outcome is Outcome.ERROR else None

    def _give_up_below(self, root: RunEnded) -> None:
        """End what is still open under *root* though its end may have been among the missed events."""
        inside = [
            run_id
            for run_id, span in self._open.items()
            if span.gapped and span.started.root_run_id == root.run_id
        ]
        for run_id in reversed(inside):
            self._give_up(run_id, root.time)

    def _give_up(self, run_id: str, time: int) -> None:
        span = self._open.pop(run_id)
        self.counts["runs_unfinished"] += 1
        if not span.kept:
            return
        said = "the run's end was not seen: it was still open when the exporter closed, or events were missed"
        self._finish(span, unfinished(span.started, time), ErrorInfo(type=sc.UNFINISHED, message=said))
