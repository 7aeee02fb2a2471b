"""The fold: events in, one document and its operations out."""

from __future__ import annotations

import copy
from collections import deque
from typing import TYPE_CHECKING, Any, assert_never

from tracebus import _notebook
from tracebus.events import CustomEmitted, Gap, RunEnded, RunRetried, RunStarted, RunStreamed, settle
from tracebus.runstate import _entry
from tracebus.runstate._run import Run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.events import Event, RunEvent
    from tracebus.runstate._run import Operations

__all__ = ["RunState"]


class RunState:
    """Folds events into one JSON document and says, for each step, which operations lead there.

    The document, a superset of what LangChain's `RunState` tells::

        {"runs": {RUN_ID: {id, parent_id, root_id, kind, name, status, start_time, end_time, tags,
                           metadata, inputs, outputs, error, usage, text, …}},
         "missed": 0}

    `status` is `running`, an `Outcome`, or `lost` (see `resync`). Times are milliseconds since the epoch.
    `text`, `reasoning` and a tool call's `args` are lists of chunks, one string each once the run ended.
    Runs stand in the order they started. Where present: model, response_model, batch, links, attempt,
    tool_call_id, first_token_time, reasoning, tool_calls, chunks, events, retries, finish_reasons,
    response_id, cached, cuts, start_missed. `missed` counts events in gaps.

    The operations are RFC 6902, derived from the event at a cost that does not grow with the run.
    Applied in any portions to any earlier copy of the document, they give exactly the document.

    Not thread-safe.

    Args:
        max_roots: keep at most this many root runs: the oldest finished ones leave the document, open
            ones never do. `None` keeps all.
    """

    def __init__(self, *, max_roots: int | None = None) -> None:
        if max_roots is not None and max_roots < 1:
            raise ValueError(f"max_roots is at least 1, or None for no limit, not {max_roots}")
        self._max_roots = max_roots
        self._runs: dict[str, Run] = {}
        self._trees: dict[str, list[str]] = {}
        self._open: dict[str, int] = {}
        self._finished: deque[str] = deque()
        self._seq = 0
        self._entries: dict[str, Any] = {}
        self._document: dict[str, Any] = {"runs": self._entries, "missed": 0}

    def _repr_html_(self) -> str | None:
        """Return the document as folds, as notebooks show it."""
        return _notebook.json_html(self._document, title="RunState")

    @property
    def document(self) -> dict[str, Any]:
        """The document, live: read it, copy it (`snapshot`), do not change it."""
        return self._document

    @property
    def seq(self) -> int:
        """`seq` of the last event folded in, 0 before the first."""
        return self._seq

    def snapshot(self) -> dict[str, Any]:
        """Return a copy of the document that further events leave alone."""
        return copy.deepcopy(self._document)

    def apply(self, event: Event) -> Operations:
        """Fold *event* in; return the operations that do the same to a copy of the document."""
        return self.apply_all((event,))

    def apply_all(self, events: Iterable[Event]) -> Operations:
        """Fold *events* in as one frame, in which what a run streams becomes one chunk."""
        operations: Operations = []
        streaming: dict[str, Run] = {}
        for event in events:
            self._seq = event.seq or self._seq
            if isinstance(event, RunStreamed):
                if event.chunk is not None:
                    settle(event)
                run = self._runs.get(event.run_id) or self._missed_start(event, operations)
                if run.stream(event, operations):
                    streaming[event.run_id] = run
            else:
                self._fold(settle(event), operations)
        for run in streaming.values():
            run.flush(operations)
        self._evict(operations)
        return operations

    def resync(self, open_runs: Iterable[RunStarted]) -> Operations:
        """Bring the document in line with *open_runs*, all that are open now, after a gap.

        Runs not known are added; runs the document holds open that are not among *open_runs* ended
        unseen: their status becomes `lost`. An end that turns up later replaces it.
        """
        operations: Operations = []
        listed = list(open_runs)
        alive = {event.run_id for event in listed}
        for event in listed:
            self._fold(settle(event), operations)
        gone = [run_id for run_id, run in self._runs.items() if run.open and run_id not in alive]
        return operations + self.lose(gone)

    def lose(self, run_ids: Iterable[str]) -> Operations:
        """Mark the open ones of these runs as `lost`: their end will not be seen, as far as is known."""
        operations: Operations = []
        for run_id in run_ids:
            run = self._runs.get(run_id)
            if run is not None and run.open:
                run.set({"status": "lost"}, operations)
                self._close(run)
        self._evict(operations)
        return operations

    def _fold(self, event: Event, operations: Operations) -> None:
        match event:
            case RunStarted():
                self._start(event, operations)
            case RunEnded():
                self._end(event, operations)
            case RunRetried():
                self._known(event, operations).push("retries", _entry.retry(event), operations)
            case CustomEmitted():
                self._known(event, operations).push("events", _entry.custom(event), operations)
            case Gap():
                self._document["missed"] += event.missed
                missed = self._document["missed"]
                operations.append({"op": "replace", "path": "/missed", "value": missed})
            case RunStreamed():  # pragma: no cover  -- `apply_all` handles it before
                raise AssertionError(event)
            case _:
                assert_never(event)
        if isinstance(event, RunRetried | CustomEmitted) and event.cuts:
            self._runs[event.run_id].cut(event.cuts, operations)

    def _start(self, event: RunStarted, operations: Operations) -> None:
        run = self._runs.get(event.run_id)
        if run is None:
            self._place(Run(_entry.at_start(event)), operations)
        elif "start_missed" in run.entry:
            run.start_known(event, operations)

    def _end(self, event: RunEnded, operations: Operations) -> None:
        run = self._known(event, operations)
        if run.ended:
            return
        was_open = run.open
        run.end(event, operations)
        if was_open:
            self._close(run)

    def _known(self, event: RunEvent, operations: Operations) -> Run:
        return self._runs.get(event.run_id) or self._missed_start(event, operations)

    def _missed_start(self, event: RunEvent, operations: Operations) -> Run:
        return self._place(Run(_entry.placeholder(event)), operations)

    def _place(self, run: Run, operations: Operations) -> Run:
        run_id, root_id = run.entry["id"], run.tree
        self._runs[run_id] = run
        self._entries[run_id] = run.entry
        self._trees.setdefault(root_id, []).append(run_id)
        self._open[root_id] = self._open.get(root_id, 0) + 1
        operations.append(run.placed())
        return run

    def _close(self, run: Run) -> None:
        root_id = run.tree
        self._open[root_id] -= 1
        if not self._open[root_id]:
            self._finished.append(root_id)

    def _evict(self, operations: Operations) -> None:
        """Drop the oldest finished trees above the limit."""
        if self._max_roots is None:
            # Nobody will ask which tree finished first.
            self._finished.clear()
            return
        while len(self._trees) > self._max_roots and self._finished:
            root_id = self._finished.popleft()
            if self._open.get(root_id) == 0:
                self._drop(root_id, operations)

    def _drop(self, root_id: str, operations: Operations) -> None:
        del self._open[root_id]
        for run_id in self._trees.pop(root_id):
            operations.append(self._runs.pop(run_id).removed())
            del self._entries[run_id]
