"""What a batch of events changes in the table of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import msgspec

from tracebus.events import CustomEmitted, Gap, RunEnded, RunRetried, RunStarted, RunStreamed
from tracebus.logs import thread_of
from tracebus_exporters.sqlite._insertion import Insertion

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from tracebus.events import Event, RunEvent

__all__ = ["FINISH", "TOUCH", "Added", "Changes", "RunChange", "upsert"]

_encode = msgspec.json.Encoder().encode


class Added:
    """What the ends of a batch add to a run: their own, and those of runs below it."""

    __slots__ = ("models", "tokens")

    def __init__(self) -> None:
        self.models: dict[str, None] = {}
        """Names, each once, in order."""
        self.tokens: dict[str, int] = {}
        """By column; what nothing is added to is not in it."""

    @property
    def counts(self) -> tuple[int | None, int | None, int | None]:
        """Input, output, total; `None` where nothing is added."""
        find = self.tokens.get
        return find("input_tokens"), find("output_tokens"), find("total_tokens")


class RunChange:
    """What one batch says about one run."""

    __slots__ = ("descendants", "end", "events", "first_seq", "last_seq", "parent", "root", "run_id", "start")

    def __init__(self, run_id: str, parent: str | None, root: str) -> None:
        self.run_id = run_id
        self.parent = parent
        self.root = root
        self.start: RunStarted | None = None
        self.end: RunEnded | None = None
        self.events = 0
        self.descendants = 0
        self.first_seq: int | None = None
        self.last_seq: int | None = None

    @property
    def owned(self) -> bool:
        """Whether there are events of the run itself, not only of runs below it."""
        return self.first_seq is not None

    def row(self) -> tuple[object, ...]:
        """Return the values of `_ALWAYS`."""
        start, end = self.start, self.end
        return (
            self.run_id,
            self.parent,
            self.root,
            start.name if start else "",
            start.kind._value_ if start else "unknown",  # `value` looks it up in Python
            end.outcome._value_ if end else "running",
            start.time if start else None,
            end.time if end else None,
            self.events,
            self.descendants,
            self.first_seq,
            self.last_seq,
        )

    def seldom(self) -> tuple[object, ...] | None:
        """Return the values of `_SELDOM`; `None` where all are what the table takes without."""
        start, error = self.start, self.end.error if self.end else None
        thread = thread_of(start.metadata) if start and start.metadata else None
        tags = start.tags if start else ()
        if not tags and thread is None and error is None:
            return None
        return (
            _encode(tags).decode() if tags else "[]",
            thread,
            error.type if error else None,
            error.message if error else None,
        )

    def touch(self, producer: int, now: int) -> tuple[object, ...]:
        """Return the values of `TOUCH`."""
        return (self.events, self.descendants, self.last_seq, now, self.run_id, not self.owned, producer)

    def finish(self, end: RunEnded) -> tuple[object, ...]:
        """Return the values of `FINISH`."""
        error = end.error
        return (
            end.outcome.value,
            end.time,
            error.type if error else None,
            error.message if error else None,
            self.run_id,
        )


_ALWAYS = (
    "run_id", "parent_run_id", "root_run_id", "name", "kind", "status", "started", "ended", "events",
    "descendants", "first_seq", "last_seq",
)  # fmt: skip
_ADDED = ("models", "input_tokens", "output_tokens", "total_tokens")
_SELDOM = ("tags", "thread_id", "error_type", "error_message")
_SHARED = ("producer", "stored")
_CONFLICT = """
ON CONFLICT (run_id) DO UPDATE SET
    parent_run_id = coalesce(parent_run_id, excluded.parent_run_id),
    producer = CASE WHEN excluded.first_seq IS NULL THEN producer ELSE excluded.producer END,
    name = CASE WHEN excluded.started IS NULL THEN name ELSE excluded.name END,
    kind = CASE WHEN excluded.started IS NULL THEN kind ELSE excluded.kind END,
    tags = CASE WHEN excluded.started IS NULL THEN tags ELSE excluded.tags END,
    thread_id = coalesce(excluded.thread_id, thread_id),
    started = coalesce(started, excluded.started),
    status = CASE WHEN ended IS NULL THEN excluded.status ELSE status END,
    error_type = CASE WHEN ended IS NULL THEN excluded.error_type ELSE error_type END,
    error_message = CASE WHEN ended IS NULL THEN excluded.error_message ELSE error_message END,
    ended = coalesce(ended, excluded.ended),
    events = events + excluded.events,
    descendants = descendants + excluded.descendants,
    first_seq = coalesce(first_seq, excluded.first_seq),
    last_seq = max(coalesce(last_seq, 0), coalesce(excluded.last_seq, 0)),
    stored = excluded.stored,
    models = CASE WHEN excluded.models = '[]' THEN models ELSE (
        SELECT json_group_array(value) FROM (
            SELECT value FROM json_each(runs.models)
            UNION ALL
            SELECT value FROM json_each(excluded.models)
            WHERE value NOT IN (SELECT value FROM json_each(runs.models))
        )
    ) END,
    input_tokens = CASE WHEN excluded.input_tokens IS NULL THEN input_tokens
        ELSE coalesce(input_tokens, 0) + excluded.input_tokens END,
    output_tokens = CASE WHEN excluded.output_tokens IS NULL THEN output_tokens
        ELSE coalesce(output_tokens, 0) + excluded.output_tokens END,
    total_tokens = CASE WHEN excluded.total_tokens IS NULL THEN total_tokens
        ELSE coalesce(total_tokens, 0) + excluded.total_tokens END
"""
"""Takes note of a run, whatever the table knows of it. It brings every index up to date."""

_INSERTIONS = {
    (added, seldom): Insertion(
        "runs",
        (*_ALWAYS, *(_ADDED if added else ()), *(_SELDOM if seldom else ())),
        shared=_SHARED,
        conflict=_CONFLICT,
    )
    for added in (False, True)
    for seldom in (False, True)
}
"""By whether something was added, and whether there are values of `_SELDOM`: most runs have neither, and
what a row leaves out need not be bound."""


def upsert(
    connection: sqlite3.Connection,
    runs: Iterable[RunChange],
    added: dict[str, Added],
    producer: int,
    now: int,
) -> None:
    """Take note of *runs*, whatever the table knows of them; what is theirs of *added* is taken out of it."""
    rows: dict[tuple[bool, bool], list[tuple[object, ...]]] = {}
    for run in runs:
        more, seldom = added.pop(run.run_id, None), run.seldom()
        row = run.row()
        if more is not None:
            row += (_encode([*more.models]).decode() if more.models else "[]", *more.counts)
        if seldom is not None:
            row += seldom
        rows.setdefault((more is not None, seldom is not None), []).append(row)
    for form, listed in rows.items():
        _INSERTIONS[form].run(connection, listed, (producer, now))


TOUCH = """
UPDATE runs SET events = events + ?, descendants = descendants + ?, last_seq = ?, stored = ?
WHERE run_id = ? AND (? OR producer = ?)
"""
"""Counts events of a run that is in the table: a third of what `UPSERT` takes. Changes no row where the run
was removed, or taken over by another process."""

FINISH = """
UPDATE runs SET status = ?, ended = ?, error_type = ?, error_message = ? WHERE run_id = ? AND ended IS NULL
"""
"""Takes note of the end of a run that `TOUCH` has found."""


class Changes:
    """The changes of one batch, run by run."""

    def __init__(self) -> None:
        self.runs: dict[str, RunChange] = {}
        self.ends: list[RunEnded] = []
        """First ends that say something of models or tokens, in order."""
        self.added: dict[str, Added] = {}
        """What they add to runs, of this batch or not, once `account` has looked."""

    def add(self, event: Event, seq: int) -> None:
        """Take note of *event*, stored at *seq*."""
        match event:
            case RunStarted():
                self._run(event, seq).start = event
                if event.run_id != event.root_run_id:
                    self.runs[event.root_run_id].descendants += 1
            case RunStreamed() | RunRetried() | CustomEmitted():
                self._run(event, seq)
            case RunEnded():
                run = self._run(event, seq)
                if run.end is None:
                    run.end = event
                    if event.usage is not None or event.model is not None:
                        self.ends.append(event)
            case Gap():
                return
            case _:
                assert_never(event)

    def _run(self, event: RunEvent, seq: int) -> RunChange:
        """Count *event* for its run and its root; return the run's change."""
        run_id, root_id = event.run_id, event.root_run_id
        run = self.runs.get(run_id)
        if run is None:
            run = self.runs[run_id] = RunChange(run_id, event.parent_run_id, root_id)
        run.events += 1
        run.last_seq = seq
        if run.first_seq is None:
            run.first_seq = seq
        if run_id != root_id:
            root = self.runs.get(root_id)
            if root is None:
                root = self.runs[root_id] = RunChange(root_id, None, root_id)
            root.events += 1
            root.last_seq = seq
        return run
