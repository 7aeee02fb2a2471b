"""Spans as senders write them, and what became of them."""

from __future__ import annotations

from tracebus import RunTree
from tracebus.capture import DEFAULT_CAPTURE
from tracebus_exporters.receiver._receiver import Receiver
from tracebus_exporters.receiver._span import Span, SpanEvent
from tracebus_exporters.receiver._traces import Traces

SECOND = 1_000_000_000
TRACE = "a" * 32


def span(
    number,
    parent=None,
    *,
    trace=TRACE,
    name="step",
    start=None,
    end=None,
    failed=False,
    message="",
    events=(),
    remote=False,
    **attributes,
):
    """Return a span numbered so; attribute names have `_` twice for a dot."""
    start = number * SECOND if start is None else start
    return Span(
        trace_id=trace,
        span_id=f"{number:016x}",
        parent_id="" if parent is None else f"{parent:016x}",
        name=name,
        start=start,
        end=start + SECOND if end is None else end,
        attributes={key.replace("__", "."): value for key, value in attributes.items()},
        events=[SpanEvent(*event) for event in events],
        links=[],
        failed=failed,
        message=message,
        remote_parent=remote,
        service="shop",
    )  # fmt: skip


class MemoryLog:
    """Remembers what was appended; fails as often as told."""

    def __init__(self):
        self.events = []
        self.failures = 0

    def append(self, events):
        if self.failures:
            self.failures -= 1
            raise OSError("no space left on device")
        self.events += events
        return len(self.events)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def receiver(**options):
    """Return a receiver with its log and its clock."""
    log, clock = MemoryLog(), Clock()
    return Receiver(log, clock=clock, **options), log, clock


def tree_of(events):
    """Return the tree *events* fold to."""
    tree = RunTree()
    for event in events:
        tree.apply(event)
    return tree


def one(sent):
    """Return the run that one root span is."""
    traces = Traces(DEFAULT_CAPTURE)
    return tree_of(traces.add([sent], 0.0) + traces.due(2.0)).roots[0]
