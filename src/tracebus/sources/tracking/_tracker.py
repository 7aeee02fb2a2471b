"""The open runs: who began, under whom, and that each ends exactly once."""

from __future__ import annotations

import threading
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from msgspec.structs import force_setattr

from tracebus import ambient, propagate
from tracebus.capture import DEFAULT_CAPTURE, clean_text
from tracebus.clock import catch_up, system_clock
from tracebus.events import (
    CustomEmitted,
    Link,
    Outcome,
    RunEnded,
    RunKind,
    RunRetried,
    RunStarted,
    RunStreamed,
)
from tracebus.sources.tracking._fate import SILENT_KINDS, fate_at_close, fates_below, idle_roots
from tracebus.sources.tracking._interrupted import InterruptedThreads
from tracebus.sources.tracking._open_run import OpenRun
from tracebus.sources.tracking._reaper import Reaper
from tracebus.sources.tracking._same_id import SharedIds
from tracebus.sources.tracking._signs import COUNTED, Signs

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from tracebus.capture import Capture
    from tracebus.clock import Clock
    from tracebus.events import BatchMembership, RunEvent
    from tracebus.propagate import RemoteParent
    from tracebus.sources.tracking._open_run import Caller, Executor

SECOND = 1_000_000_000
_OK = Outcome.OK

_REMEMBERED_RUNS = 4_096
"""So many ended runs stay known as possible parents of late children."""
_MOST_REMEMBERED = 2 * _REMEMBERED_RUNS


class Emit(Protocol):
    """Takes every event: the bus's log; a list, where one stream is read."""

    def __call__(self, event: RunEvent, bound: int | None, /) -> object:
        """Take *event*, which keeps at most *bound* bytes, without waiting and without raising."""
        ...


class RunTracker:
    """Turns what a source reports into events, holding that every start gets exactly one end.

    Thread-safe and re-entrant. *emit* is called with every event, a run's start always before its
    end; *count* with the name of anything that had to be ignored.

    Args:
        emit: takes each event, usually `EventBus.write`.
        count: counts what was ignored, usually `EventBus.count`.
        clock: returns nanoseconds since the epoch.
        max_open_runs: above so many, the oldest open run is given up as abandoned.
        idle_timeout: seconds without any event after which an open tree is given up as abandoned.
        orphan_grace: seconds without any event in its tree that a run may outlive its parent.
        cancel_grace: the same where the parent was cancelled, abandoned or interrupted.
        reap: whether to end at all what no source ends; a caller that knows when its source is over
            ends what is left itself (`close_unreported`).
    """

    def __init__(
        self,
        emit: Emit,
        *,
        count: Callable[[str], None] = lambda _what: None,
        clock: Clock = system_clock,
        max_open_runs: int = 65_536,
        idle_timeout: float = 3_600.0,
        orphan_grace: float = 120.0,
        cancel_grace: float = 0.5,
        reap: bool = True,
    ) -> None:
        self._emit = emit
        self.count = count
        self._clock = clock
        self._max_open_runs = max_open_runs
        self._reap = reap
        self._idle_timeout = int(idle_timeout * SECOND)
        self._open: dict[Hashable, OpenRun] = {}
        self._ended: dict[Hashable, tuple[str, str, Outcome, object]] = {}
        """Ids, root's ids, outcomes and owners of runs that have ended: late children may name them."""
        self._shared = SharedIds()
        self.get: Callable[[Hashable], OpenRun | None] = self._open.get
        """Returns an open run; of several that the source calls by one key, the one meant in this context."""
        self.signs = Signs()
        """Whom to tell of a run that may go in circles."""
        self._closed = False
        self._interrupted = InterruptedThreads()
        self._lock = threading.RLock()
        self._next_idle_check = clock() + self._idle_timeout // 4
        self._reaper = Reaper(self, self._lock, clock, orphan_grace, cancel_grace)

    # -- what sources report ---------------------------------------------------------------------

    def start(
        self,
        key: Hashable,
        parent_key: Hashable | None,
        *,
        kind: RunKind,
        name: str,
        owner: object,
        capture: Capture,
        call: Caller | None = None,
        attempt: int | None = None,
        batch: BatchMembership | None = None,
        thread_id: Any = None,
        resumes: bool = True,
        run_id: str | None = None,
        tags: tuple[str, ...] = (),
        metadata: Any = None,
        inputs: Any = None,
        model: Any = None,
        partial_variables: Any = None,
        tool_call_id: str | None = None,
        runner: Executor | None = None,
        stream: bool = False,
        alone: bool = True,
        tried_as: Hashable = None,
    ) -> OpenRun | None:
        """Open a run and emit its `RunStarted`; `None` if another *owner* reports it already.

        *key* is what the source knows the run by, and *run_id* its id where that is not the key's
        string. A second run of a key is a run of its own, with an id of its own and a link to the
        first. *metadata*, *inputs*, *model* and *partial_variables* may be `Deferred`. *runner* executes
        it; a *stream* is read step by step; one that is not *alone* began together with others of its call.
        A run that is *tried_as* a failed one before it is the next attempt, where *attempt* says nothing.
        """
        known_as = run_id or str(key)
        run = OpenRun(key, known_as, kind, clean_text(name), owner, capture, key, known_as)
        run.runner, run.stream, run.call, run.thread_id = runner, stream, call, thread_id
        run.tried_as, run.resumes, run.alone = tried_as, resumes, alone
        rare = {
            "batch": batch,
            "attempt": attempt,
            "model": model,
            "partial_variables": partial_variables,
            "tool_call_id": tool_call_id,
        }
        said = {name: value for name, value in rare.items() if value is not None}
        return self.begin(run, parent_key, tags, metadata, inputs, said)

    def begin(  # noqa: PLR0917  # called for every run
        self,
        run: OpenRun,
        parent_key: Hashable | None,
        tags: tuple[str, ...],
        metadata: Any,
        inputs: Any,
        rare: dict[str, Any],
        bound: int | None = None,
    ) -> OpenRun | None:
        """Do what `start` does with a *run* that is made already.

        *rare* are further fields of the event, *bound* is how many bytes all of them keep at the most.
        """
        with self._lock:
            now = run.started = self._clock()
            key = run.key
            known = key in self._open or key in self._ended or key in self._shared.runs
            if self._closed or (known and not self._again(run, rare)):
                return None  # the end of one that begins after `close_all` would come after the bus's
            runner = run.runner
            if runner is not None and (runner.last is not None or run.kind in SILENT_KINDS):
                self._reaper.note_start(run, runner, parent_key, alone=run.alone)
            parent = run.parent
            if known or parent is None or parent.outcome is not None:
                self._enter(run, parent_key)
            else:  # as nearly all
                self._put_below(parent, run)
                self._open[key] = run
            if run.tried_as is not None or (rare and "attempt" in rare):
                self._note_attempt(run, rare, now)
            if run.parent is None:
                self._of_one_without_parent(run, rare)
            name = run.name
            event = RunStarted(
                time=run.started,
                run_id=run.id,
                parent_run_id=run.parent_id,
                root_run_id=run.root_id,
                kind=run.kind,
                name=name if name.isascii() else clean_text(name),
                tags=tags,
                metadata=metadata if metadata is not None else {},
                inputs=inputs,
            )
            if rare:
                for field, value in rare.items():
                    force_setattr(event, field, value)
            self._emit(event, bound)
            if now >= self._next_idle_check or len(self._open) > self._max_open_runs:
                self._make_room(now)
        if self.signs.seen:
            self.signs.tell()
        return run

    def _of_one_without_parent(self, run: OpenRun, rare: dict[str, Any]) -> None:
        """Note in *run* and *rare* what only those have whose parent is not open here."""
        is_root = run.parent_id is None
        if is_root:
            self._of_a_root(run, rare)
        if run.thread_id is not None and (resumed := self._interrupted.resumed(run)) is not None and is_root:
            rare["links"] = (*rare.get("links", ()), resumed)

    def _of_a_root(self, run: OpenRun, rare: dict[str, Any]) -> None:
        """Note in *run* and *rare* what only roots have."""
        if catch_up():  # the machine slept since the last one
            run.started = run.last_seen = self._clock()
        if run.call is not None:
            run.call.roots.append((self, run))
            if run.call.name:
                run.name = clean_text(run.call.name)
            if run.call.begins is not None:
                run.call.begins(run.id)
        remote = propagate.remote_parent.get()
        if remote is not None and remote.run_id is not None:
            # A root here, whose parent is in another process.
            run.parent_id, run.root_id = remote.run_id, remote.root_run_id or remote.run_id
            self.signs.of_elsewhere()
        if (traceparent := _traceparent(remote)) is not None:
            rare["traceparent"] = traceparent

    def _again(self, run: OpenRun, rare: dict[str, Any]) -> bool:
        """Give *run*, whose key is known, an id of its own; `False` if it is told a second time."""
        known = self.get(run.key)
        if known is not None:
            repeats = getattr(run.owner, "repeats", None)
            if known.owner is not run.owner or (repeats is not None and repeats()):
                return False
        rare["links"] = (Link(run_id=run.id, relation="same_run_id"),)
        run.id = run.root_id = str(uuid4())
        return True

    def _note_attempt(self, run: OpenRun, rare: dict[str, Any], now: int) -> None:
        """Put into *rare* which attempt *run* is, and say of who retries that it follows."""
        failed = None
        attempt: int | None = rare.get("attempt")
        if run.tried_as is not None:
            failed = None if run.root.tried is None else run.root.tried.get(run.tried_as)
            if attempt is None and failed is not None:
                attempt = failed[0] + 1
        if attempt is None:
            return
        rare["attempt"] = attempt
        if attempt > 1:
            self._emit_retry(run, attempt, failed, now)

    def streamed(self, run: OpenRun, chunk: Any, text: str = "") -> None:
        """Emit that *run* put out *chunk* (a `Deferred`), or nothing but *text*."""
        now = self._clock()
        run.streamed = True
        run.root.last_seen = now
        self._emit(
            RunStreamed(
                time=now,
                run_id=run.id,
                parent_run_id=run.parent_id,
                root_run_id=run.root_id,
                chunk=chunk,
                text=text,
            ),
            len(text) if chunk is None else chunk.bound,
        )

    def end(self, key: Hashable, outcome: Outcome, *, owner: object = None, **fields: Any) -> OpenRun | None:
        """Close a run and emit its `RunEnded`; `None` if it is not open or another *owner* reports it.

        *fields* go into the event as they are: outputs, inputs, usage, error, finish_reasons, model.
        """
        with self._lock:
            run = self._open.get(key)
            if run is None:
                self.stray_end(key, owner)
                return None
            if owner is not None and run.owner is not owner:
                return None
            self._close(run, self._judged(run, outcome), self._clock(), fields)
        return run

    def finish(
        self,
        run: OpenRun,
        outcome: Outcome,
        outputs: Any,
        fields: dict[str, Any] | None,
        bound: int | None = None,
    ) -> None:
        """Close *run* and emit its `RunEnded`, with *outputs* and whatever further *fields*.

        *bound* is how many bytes these keep at the most.
        """
        with self._lock:
            if self._open.get(run.key) is not run:
                self.stray_end(run.key)
                return
            if outcome is not _OK or run.interrupted or run.call is not None:
                outcome = self._judged(run, outcome)
            self._close(run, outcome, self._clock(), fields, outputs, bound)

    def stray_end(self, key: Hashable, owner: object = None) -> None:
        """Count an end of a run that is not open."""
        ended = self._ended.get(key)
        if self._closed:
            return  # a stream the program kept longer than its bus, say
        if ended is None:
            self.count("ends_without_a_start")
        elif owner is None or ended[3] is owner:
            self.count("ends_after_the_end")
        # else: a second reporter of a run whose first one has ended it already.

    def retried(self, run: OpenRun, attempt: int, *, error: Any = None, delay: float | None = None) -> None:
        """Emit that *run* is about to be tried again."""
        self._touch_and_emit(RunRetried, run, attempt=attempt, error=error, delay=delay)
        self.signs.count_retry(run)
        if self.signs.seen:
            self.signs.tell()

    def custom(self, run: OpenRun, name: str, data: Any) -> None:
        """Emit something the program said of itself inside *run*."""
        self._touch_and_emit(CustomEmitted, run, name=clean_text(name), data=data)

    def _get_meant(self, key: Hashable) -> OpenRun | None:
        return self._shared.meant(key, self._open.get(key))

    def knows(self, key: Hashable) -> bool:
        """Tell whether the run is open, or ended not long ago."""
        return key in self._open or key in self._ended

    # -- ends nobody reported --------------------------------------------------------------------

    def expect_end(
        self, run: OpenRun, outcome: Outcome, error: Any = None, *, runner: Executor | None = None
    ) -> None:
        """Close *run* after the grace unless its source does: the call it belongs to is over.

        Where another than *runner*, who made the call, executes it, *run* may go on.
        """
        with self._lock:
            if run.key in self._open:
                final = run.runner is None or runner is None or run.runner.is_same(runner)
                self._reaper.expect_end(run, outcome, error, final=final)

    def give_up(self, run: OpenRun, outcome: Outcome, at: int, error: Any = None) -> None:
        """Close *run* as ended with *outcome* at time *at*, and all below it that does not go on."""
        with self._lock:
            if run.key in self._open:
                fates = fates_below(run, outcome)
                for child, fate in reversed(fates[1:]):
                    self._close(child, fate, max(at, child.started), {})
                self._close(run, outcome, max(at, run.started), {} if error is None else {"error": error})

    def sweep(self) -> None:
        """Close whatever's grace is over; a timer calls this when something is due."""
        self._reaper.sweep()

    def open_runs(self) -> list[OpenRun]:
        """Return the open runs, parents before children."""
        return list(self._open.values())

    def close_all(self) -> None:
        """Close every open run, innermost first: nobody will report on them any more."""
        with self._lock:
            self._closed = True
            self._reaper.settle_all()
            fates: dict[Hashable, Outcome] = {}
            for run in self._open.values():  # parents first
                parent = run.parent
                above = None if parent is None else parent.outcome or fates.get(parent.key)
                fates[run.key] = fate_at_close(run, above)
            now = self._clock()
            for run in reversed(list(self._open.values())):
                self._close(run, fates[run.key], max(now, run.started), {})

    def forget(self) -> None:
        """Forget every open run without a word: after a fork they are the parent process's."""
        self._lock = threading.RLock()
        self._open.clear()
        self._ended.clear()
        self._shared.clear()
        self.get = self._open.get
        self._reaper.reset(self._lock)

    # -- inside ----------------------------------------------------------------------------------

    def _enter(self, run: OpenRun, parent_key: Hashable | None) -> None:
        """Put *run* among the open runs and below its parent."""
        run.parent = None
        run.root = run
        run.last_seen = run.started
        key = run.key
        shares = key in self._open or key in self._shared.runs
        if shares:
            key = run.key = self._shared.key_for(key)
        if parent_key is not None:
            self._adopt(run, parent_key)
        if shares:
            self._shared.add(run)
            self.get = self._get_meant
        self._open[key] = run

    def _adopt(self, run: OpenRun, parent_key: Hashable) -> None:
        parent = self.get(parent_key)
        if parent is not None:
            run.parent = parent
            self._put_below(parent, run)
        elif (ended := self._ended.get(parent_key)) is not None:
            run.parent_id, run.root_id, outcome, _ = ended
            self.signs.of_elsewhere()
            if self._reap:
                self._reaper.watch_late(run, outcome)
        # else: a parent no source told of (a LangSmith trace, a filtered stream): a root to us.

    def _put_below(self, parent: OpenRun, run: OpenRun) -> None:
        root = parent.root
        run.parent_id, run.root, run.root_id = parent.id, root, parent.root_id
        root.last_seen = run.started
        if parent.children is None:
            parent.children = {run.key: run}
        else:
            parent.children[run.key] = run
        turns = parent.turns = parent.turns + 1
        if turns >= self.signs.turns or run.kind in COUNTED:
            self.signs.count(run, turns)

    def _judged(self, run: OpenRun, outcome: Outcome) -> Outcome:
        """Return the true outcome where LangChain tells less than it could."""
        if outcome is _OK:
            if run.interrupted and run.kind in (RunKind.GRAPH, RunKind.AGENT):
                return Outcome.INTERRUPTED
            if run.call is not None and run.call.left and run.parent is None:
                return Outcome.ABANDONED
            return outcome
        parent = run.parent
        if outcome is Outcome.INTERRUPTED and parent is not None:
            parent.interrupted = True
        if outcome is Outcome.ABANDONED and parent is not None and parent.outcome is Outcome.CANCELLED:
            return Outcome.CANCELLED  # its generator is closed because the parent's task was cancelled
        return outcome

    def _close(  # noqa: C901, PLR0917  # called for every run
        self,
        run: OpenRun,
        outcome: Outcome,
        now: int,
        fields: dict[str, Any] | None,
        outputs: Any = None,
        bound: int | None = None,
    ) -> None:
        key = run.key
        del self._open[key]
        if key is not run.told_as:
            self._shared.discard(run)
            if not self._shared.runs:
                self.get = self._open.get
        run.outcome = outcome
        ended = self._ended
        ended[key] = (run.id, run.root_id, outcome, run.owner)
        if len(ended) > _MOST_REMEMBERED:
            self._ended = dict(islice(ended.items(), _REMEMBERED_RUNS, None))
        run.root.last_seen = now
        parent = run.parent
        if parent is not None and parent.children is not None:
            parent.children.pop(key, None)
        if outcome is not _OK:
            self._closed_badly(run, outcome, fields.get("error") if fields else None)
        if run.output is not None and (rest := run.output.rest()) is not None:
            self.streamed(run, rest)
        event = RunEnded(
            time=now,
            run_id=run.id,
            parent_run_id=run.parent_id,
            root_run_id=run.root_id,
            outcome=outcome,
            outputs=outputs,
        )
        if fields:
            for field, value in fields.items():
                force_setattr(event, field, value)
        self._emit(event, bound)
        run.parent = run.call = None
        if run.children and self._reap:
            self._reaper.watch(run, outcome, now)
        if parent is None:
            run.root = _OVER  # else it would hold itself
        if parent is None or run.children or run.kind in SILENT_KINDS:
            # Others may hold it still, as orphans far below hold their root: it keeps nothing of the
            # program alive.
            run.last_error = run.source_inputs = run.output = run.watch = run.tried = None

    def _closed_badly(self, run: OpenRun, outcome: Outcome, error: Any) -> None:
        """Remember of *run*, which ended with *outcome*, what later runs are told by."""
        parent = run.parent
        if parent is not None and parent.children is not None and error is not None:
            parent.last_error = error
        if run.tried_as is not None and outcome is Outcome.ERROR:
            tried = run.root.tried = run.root.tried or {}
            tried[run.tried_as] = (tried.get(run.tried_as, (0,))[0] + 1, error)
        if outcome is Outcome.INTERRUPTED and parent is None and run.thread_id is not None:
            self._interrupted.remember(run)

    def _emit_retry(self, run: OpenRun, attempt: int, failed: tuple[int, Any] | None, now: int) -> None:
        """Say, of the run that retries, that an attempt follows (the `retry:attempt:N` tag)."""
        of = run.parent or run
        if failed is None and of.attempts >= attempt:
            return
        of.attempts = max(attempt, of.attempts)
        self.signs.count_retry(of)
        self._emit(
            RunRetried(
                time=now,
                run_id=of.id,
                parent_run_id=of.parent_id,
                root_run_id=of.root_id,
                attempt=attempt,
                error=of.last_error if failed is None else failed[1],
            ),
            None,
        )

    def _touch_and_emit(self, event_type: Callable[..., RunEvent], run: OpenRun, **fields: Any) -> None:
        now = self._clock()
        run.root.last_seen = now
        self._emit(
            event_type(
                time=now,
                run_id=run.id,
                parent_run_id=run.parent_id,
                root_run_id=run.root_id,
                **fields,
            ),
            None,
        )

    def _make_room(self, now: int) -> None:
        """Give up what nobody will end: idle trees, and the oldest run above the limit."""
        if now >= self._next_idle_check:
            self._next_idle_check = now + self._idle_timeout // 4
            for run in list(idle_roots(self._open.values(), now - self._idle_timeout)):
                self.count("runs_given_up_idle")
                self.give_up(run, Outcome.ABANDONED, now)
        while len(self._open) > self._max_open_runs:
            self.count("runs_given_up_over_limit")
            self.give_up(next(iter(self._open.values())), Outcome.ABANDONED, now)


_OVER = OpenRun(0, "", RunKind.UNKNOWN, "", None, DEFAULT_CAPTURE, 0, "")
"""Stands for the root of roots that have ended."""


def _traceparent(remote: RemoteParent | None) -> str | None:
    """Return the trace the program is in: here, or else in the process that called it."""
    return ambient.read() or (None if remote is None else remote.traceparent)
