"""Run summaries folded out of events, for logs that keep no index of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

import msgspec

from tracebus.events import (
    CustomEmitted,
    Gap,
    RunEnded,
    RunRetried,
    RunStarted,
    RunStreamed,
    TokenUsage,
)
from tracebus.exceptions import InvalidLogError
from tracebus.logs._runs import RunQuery, RunSummary, thread_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Protocol

    from tracebus.events import Event, RunEvent

    class Readable(Protocol):
        """The part of a log a scan needs."""

        def read(self, after: int = 0, limit: int = 1000) -> list[Event]: ...
        def lost(self) -> frozenset[str]: ...


__all__ = [
    "find_run_by_scan",
    "find_runs_by_scan",
    "read_run_by_scan",
    "summarise",
    "the_only_run",
    "tokens_of",
]

_PAGE = 5000


def find_runs_by_scan(log: Readable, query: RunQuery) -> list[RunSummary]:
    """Return what `Log.runs` returns, by reading the whole of *log*."""
    found = [run for run in summarise(_all_events(log), log.lost()) if query.matches(run)]
    found.sort(key=lambda run: (run.started or 0, run.first_seq), reverse=True)
    return found if query.limit is None else found[: query.limit]


def find_run_by_scan(log: Readable, run_id: str) -> RunSummary | None:
    """Return what `Log.find_run` returns, by reading the whole of *log*."""
    every = {run.run_id: run for run in summarise(_all_events(log), log.lost())}
    if run_id in every:
        return every[run_id]
    found = [run for name, run in every.items() if name.startswith(run_id)]
    return the_only_run(run_id, found or [run for name, run in every.items() if name.endswith(run_id)])


def the_only_run(run_id: str, found: Sequence[RunSummary]) -> RunSummary | None:
    """Return the only one of *found*.

    Raises:
        InvalidLogError: there are several.
    """
    if len(found) > 1:
        names = ", ".join(run.run_id for run in found[:5])
        raise InvalidLogError(f"several runs' ids begin or end with {run_id!r}: {names}")
    return found[0] if found else None


def read_run_by_scan(log: Readable, root_run_id: str) -> list[Event]:
    """Return what `Log.read_run` returns, by reading the whole of *log*."""
    return [
        event for event in _all_events(log) if not isinstance(event, Gap) and event.root_run_id == root_run_id
    ]


def summarise(events: Iterable[Event], lost: frozenset[str] = frozenset()) -> Iterator[RunSummary]:
    """Yield a summary of every run *events* tell of, in the order they were first heard of."""
    index = _Index()
    for event in events:
        index.apply(event)
    for fields in index.runs.values():
        if fields["status"] == "running" and fields["run_id"] in lost:
            fields["status"] = "lost"
        yield msgspec.convert(fields, RunSummary)


def _all_events(log: Readable) -> Iterator[Event]:
    after = 0
    while page := log.read(after, _PAGE):
        yield from page
        after = page[-1].seq


class _Index:
    """The runs heard of so far, each as the fields of its summary."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}

    def apply(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._started(event)
            case RunEnded():
                self._ended(event)
            case RunStreamed() | RunRetried() | CustomEmitted():
                self._touch(event)
            case Gap():
                pass
            case _:
                assert_never(event)

    def _run(self, event: RunEvent) -> dict[str, Any]:
        run = self.runs.get(event.run_id)
        if run is None:
            run = self.runs[event.run_id] = {
                "run_id": event.run_id,
                "parent_run_id": event.parent_run_id,
                "root_run_id": event.root_run_id,
                "status": "running",
                "first_seq": event.seq,
                "events": 0,
                "descendants": 0,
                "models": (),
            }
        return run

    def _touch(self, event: RunEvent) -> dict[str, Any]:
        run = self._run(event)
        root = self.runs.get(event.root_run_id, run)
        for counted in (run,) if root is run else (run, root):
            counted["events"] += 1
            counted["last_seq"] = event.seq
        return run

    def _started(self, event: RunStarted) -> None:
        run = self._touch(event)
        run.update(
            name=event.name,
            kind=event.kind,
            started=event.time,
            tags=event.tags,
            thread_id=thread_of(event.metadata),
        )
        root = self.runs.get(event.root_run_id, run)
        if root is not run:
            root["descendants"] += 1

    def _ended(self, event: RunEnded) -> None:
        run = self._touch(event)
        if run.get("ended") is not None:
            return
        run.update(status=event.outcome.value, ended=event.time)
        if event.error is not None:
            run.update(error_type=event.error.type, error_message=event.error.message)
        if event.model is not None and event.model.name:
            self._add_model(run, event.model.name)
        if event.usage is not None and run.get("total_tokens") is None:
            self._add_usage(run, event.usage)

    def _ancestry(self, run: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield *run* and its ancestors; a damaged log's circle ends where it began."""
        seen: set[str] = set()
        current: dict[str, Any] | None = run
        while current is not None and current["run_id"] not in seen:
            seen.add(current["run_id"])
            yield current
            current = self.runs.get(current["parent_run_id"] or "")

    def _add_model(self, run: dict[str, Any], name: str) -> None:
        for above in self._ancestry(run):
            if name not in above["models"]:
                above["models"] += (name,)

    def _add_usage(self, run: dict[str, Any], usage: TokenUsage) -> None:
        counts = tokens_of(usage)
        for above in self._ancestry(run):
            for field, count in counts.items():
                above[field] = (above.get(field) or 0) + count


def tokens_of(usage: TokenUsage) -> dict[str, int]:
    """Return the counts *usage* knows, the total from its parts where nobody reported it."""
    given, made, total = usage.input_tokens, usage.output_tokens, usage.total_tokens
    if total is None and (given is not None or made is not None):
        total = (given or 0) + (made or 0)
    counts = {}
    if given is not None:
        counts["input_tokens"] = given
    if made is not None:
        counts["output_tokens"] = made
    if total is not None:
        counts["total_tokens"] = total
    return counts
