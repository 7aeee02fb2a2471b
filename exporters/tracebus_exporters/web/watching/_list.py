"""The list of root runs as a document of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tracebus.events import Gap, RunEnded, RunStarted, RunStreamed
from tracebus.runstate import pointer
from tracebus_exporters.web.watching._beginning import beginning
from tracebus_exporters.web.watching._costs import cost_of_end

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tracebus.events import Event, ModelInfo, RunEvent
    from tracebus.logs import RunSummary

__all__ = ["RunList"]

_BEGINNING = ("batch", "input", "output", "failures", "cost", "about")
"""What no index knows of a root run."""
_MOST_ASKED = 10_000
_COUNTS = ("input_tokens", "output_tokens", "total_tokens")


class RunList:
    """Folds events into `{"runs": {ROOT_ID: summary}, "missed": 0}`.

    `runs` holds the latest *limit* root runs and all open ones. `missed` counts events that were lost on
    their way to the log, or left it before they were read.

    A summary: id, name, kind, status, start_time and end_time (milliseconds), tags, descendants,
    failures (runs below that ended in an error), input_tokens, output_tokens, total_tokens, cost (US
    dollars), about (whether the cost is about right only), error, and the beginnings of its input and output.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._runs: dict[str, dict[str, Any]] = {}
        self._seq = 0
        self._dirty: dict[str, dict[str, Any]] = {}
        self._fresh: set[str] = set()
        self._strangers: list[str] = []
        self._asked: dict[str, ModelInfo] = {}
        """Of open runs: the models that were asked."""
        # Up to where an index has told of a run: its events up to there are counted already.
        self._told: dict[str, int] = {}
        self.document: dict[str, Any] = {"runs": self._runs, "missed": 0}

    @property
    def seq(self) -> int:
        """`seq` of the last event folded in."""
        return self._seq

    @property
    def latest(self) -> str | None:
        """The id of the root run that began last."""
        return max(self._runs, key=lambda root: self._runs[root]["start_time"] or 0.0, default=None)

    def load(self, summaries: Iterable[RunSummary], seq: int) -> None:
        """Begin with what an index knows, which is true up to *seq*."""
        for summary in sorted(summaries, key=lambda run: (run.started or 0, run.first_seq)):
            self._runs[summary.root_run_id] = _from_index(summary)
            self._told[summary.root_run_id] = summary.last_seq
        self._seq = seq

    def apply_all(self, events: Iterable[Event]) -> list[dict[str, Any]]:
        """Fold *events* in; return the operations."""
        missed = 0
        for event in events:
            self._seq = event.seq or self._seq
            if isinstance(event, Gap):
                missed += event.missed
            elif not isinstance(event, RunStreamed):  # changes nothing here, and is most of what there is
                self._apply(event)
        return self._operations() + self._forget() + self._miss(missed)

    def _miss(self, events: int) -> list[dict[str, Any]]:
        if not events:
            return []
        self.document["missed"] += events
        return [{"op": "replace", "path": "/missed", "value": self.document["missed"]}]

    def strangers(self) -> list[str]:
        """Return, once, the root runs that have turned up without their start."""
        strangers, self._strangers = self._strangers, []
        return strangers

    def introduce(self, summary: RunSummary) -> list[dict[str, Any]]:
        """Tell who a stranger is, and what an index has counted of it."""
        if summary.root_run_id in self._runs:
            self._told[summary.root_run_id] = summary.last_seq
            told = _from_index(summary)
            self._change(summary.root_run_id, **{name: told[name] for name in told if name not in _BEGINNING})
        return self._operations()

    def recall(self, bounds: Iterable[Event]) -> list[dict[str, Any]]:
        """Add to what an index knows of root runs how they began and ended."""
        for event in bounds:
            if isinstance(event, RunStarted) and event.run_id in self._runs:
                batch = msgspec.to_builtins(event.batch)
                self._change(event.run_id, batch=batch, input=beginning(event.inputs))
            elif isinstance(event, RunEnded) and event.run_id in self._runs:
                self._change(event.run_id, **_payloads(event))
        return self._operations()

    def look_inside(self, inner: Iterable[RunSummary], costs: Mapping[str, float]) -> list[dict[str, Any]]:
        """Add what an index knows of runs below: which failed, and what they cost.

        What came since the index told of their root is counted already.
        """
        failed: dict[str, int] = {}
        spent: dict[str, float] = {}
        for run in inner:
            root = run.root_run_id
            if run.last_seq > self._told.get(root, 0) or root not in self._runs:
                continue
            if run.status == "error" and run.run_id != root:
                failed[root] = failed.get(root, 0) + 1
            if run.run_id in costs:
                spent[root] = spent.get(root, 0.0) + costs[run.run_id]
        for root, number in failed.items():
            self._change(root, failures=self._runs[root]["failures"] + number)
        for root, cost in spent.items():
            self._change(root, cost=(self._runs[root]["cost"] or 0.0) + cost, about=True)
        return self._operations()

    def lose(self, run_ids: Iterable[str]) -> list[dict[str, Any]]:
        """Mark open root runs as lost."""
        for run_id in run_ids:
            if run_id in self._runs and self._runs[run_id]["status"] == "running":
                self._change(run_id, status="lost")
        return self._operations()

    def _forget(self) -> list[dict[str, Any]]:
        """Drop the oldest finished runs above the limit; an open one would come back as a stranger."""
        surplus = len(self._runs) - self._limit
        if surplus <= 0:
            return []
        finished = [root for root, run in self._runs.items() if run["status"] != "running"][:surplus]
        for root in finished:
            del self._runs[root]
            self._told.pop(root, None)
        return [{"op": "remove", "path": pointer("runs", root)} for root in finished]

    def _apply(self, event: RunEvent) -> None:
        root = event.root_run_id
        known = self._runs.get(root)
        if event.seq and event.seq <= self._told.get(root, 0):
            return
        if isinstance(event, RunStarted):
            if event.model is not None:
                if len(self._asked) >= _MOST_ASKED:  # their ends were missed
                    self._asked.clear()
                self._asked[event.run_id] = event.model
            if known is None:
                self._runs[root] = _new(event, root)
                self._fresh.add(root)
                if event.run_id != root:
                    self._strangers.append(root)
                self._dirty[root] = {}
            elif event.run_id != root:
                self._change(root, descendants=known["descendants"] + 1)
        elif isinstance(event, RunEnded) and known is not None:
            self._end(event, known)

    def _end(self, event: RunEnded, known: dict[str, Any]) -> None:
        root = event.root_run_id
        cost = cost_of_end(event, self._asked.pop(event.run_id, None))
        if cost is not None:
            self._change(root, cost=(known["cost"] or 0.0) + cost)
        if event.usage is not None:
            used = {name: getattr(event.usage, name) for name in _COUNTS}
            more = {name: (known[name] or 0) + count for name, count in used.items() if count is not None}
            self._change(root, **more)
        if event.run_id == root:
            error = {"type": event.error.type, "message": event.error.message} if event.error else None
            self._change(root, end_time=_milliseconds(event.time), error=error, **_payloads(event))
            self._change(root, status=str(event.outcome))
        elif event.outcome == "error":
            self._change(root, failures=known["failures"] + 1)

    def _change(self, root: str, **members: Any) -> None:
        run = self._runs[root]
        changed = self._dirty.setdefault(root, {})
        for name, value in members.items():
            if run[name] != value:
                run[name] = changed[name] = value

    def _operations(self) -> list[dict[str, Any]]:
        """Return one operation for each member that changed, or for each run that is new."""
        operations: list[dict[str, Any]] = []
        for root, changed in self._dirty.items():
            if root in self._fresh:
                operations.append({"op": "add", "path": pointer("runs", root), "value": {**self._runs[root]}})
                continue
            for name, value in changed.items():
                operations.append({"op": "replace", "path": pointer("runs", root, name), "value": value})
        self._dirty = {}
        self._fresh.clear()
        return operations


def _payloads(event: RunEnded) -> dict[str, str]:
    """Return what a run gave, and was given where that was not known at its start."""
    given = {} if event.inputs is None else {"input": beginning(event.inputs)}
    return {"output": beginning(event.outputs), **given}


def _new(event: RunStarted, root: str) -> dict[str, Any]:
    is_root = event.run_id == root
    return {
        "id": root,
        "name": event.name if is_root else "unknown",
        "kind": str(event.kind) if is_root else "unknown",
        "status": "running",
        "start_time": _milliseconds(event.time),
        "end_time": None,
        "tags": list(event.tags) if is_root else [],
        "batch": msgspec.to_builtins(event.batch),
        "input": beginning(event.inputs) if is_root else "",
        "output": "",
        "descendants": 0 if is_root else 1,
        "failures": 0,
        "input_tokens": None,
        "output_tokens": None,
        "total_tokens": None,
        "cost": None,
        "about": False,
        "error": None,
    }


def _from_index(summary: RunSummary) -> dict[str, Any]:
    error = {"type": summary.error_type, "message": summary.error_message or ""}
    return {
        "id": summary.root_run_id,
        "name": summary.name or "unknown",
        "kind": str(summary.kind),
        "status": str(summary.status),
        "start_time": None if summary.started is None else _milliseconds(summary.started),
        "end_time": None if summary.ended is None else _milliseconds(summary.ended),
        "tags": list(summary.tags),
        "batch": None,
        "input": "",
        "output": "",
        "descendants": summary.descendants,
        "failures": 0,
        "input_tokens": summary.input_tokens,
        "output_tokens": summary.output_tokens,
        "total_tokens": summary.total_tokens,
        "cost": None,
        "about": False,
        "error": error if summary.error_type else None,
    }


def _milliseconds(nanoseconds: int) -> float:
    return nanoseconds // 1000 / 1000
