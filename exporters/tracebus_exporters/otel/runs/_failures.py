"""Recognises one failure that several runs report on its way up: it is one exception event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.events import Outcome, RunEnded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracebus.events import ErrorInfo, RunStarted
    from tracebus_exporters.otel.conventions._generations import Generation
    from tracebus_exporters.otel.spans._spans import OpenSpan

_MOST_FAILURES = 16
"""Failures of children that one run remembers: of a loop with many, its own is among the last."""


def note_failure(
    span: OpenSpan, error: ErrorInfo, still_open: Mapping[str, OpenSpan], names: Generation
) -> None:
    """Note whether *span*'s run failed with what a run inside it failed with, and tell the run around."""
    span.passed_on = any(_is_same(inner, error) for inner in span.failures or ())
    if not span.passed_on and not (span.kept and span.operation in names.exceptions):
        return  # nothing tells of this failure, so the run around is to
    parent = span.started.parent_run_id
    outer = still_open.get(parent) if parent else None
    if outer is None:
        return
    if outer.failures is None:
        outer.failures = []
    outer.failures.append(error)
    del outer.failures[:-_MOST_FAILURES]


def _is_same(inner: ErrorInfo, outer: ErrorInfo) -> bool:
    """Tell whether *outer* is *inner*, or was raised because of it: then its traceback shows both."""
    if (inner.type, inner.message) == (outer.type, outer.message):
        return True
    if not outer.traceback:
        return False
    return (f"{inner.type}: {inner.message}" if inner.message else inner.type) in outer.traceback


def unfinished(started: RunStarted, time: int) -> RunEnded:
    """Return the end, at *time*, of a run whose end nobody saw."""
    return RunEnded(
        time=max(time, started.time),
        run_id=started.run_id,
        parent_run_id=started.parent_run_id,
        root_run_id=started.root_run_id,
        outcome=Outcome.ABANDONED,
    )
