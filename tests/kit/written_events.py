"""Events written by hand: the one kit for it, of folds, exits, views and reports."""

from __future__ import annotations

from itertools import count
from typing import Any

from tracebus.events import (
    CustomEmitted,
    ErrorInfo,
    Gap,
    ModelInfo,
    Outcome,
    RunEnded,
    RunKind,
    RunRetried,
    RunStarted,
    RunStreamed,
    TokenUsage,
)

SECOND = 1_000_000_000
EPOCH = 1_760_000_000 * SECOND


class History:
    """Writes the events of one program: seconds in, consecutive `seq` out."""

    traceback = ""
    """Of every error."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self._seq = count(1)
        self._parents: dict[str, str | None] = {}

    def start(
        self, run_id: str, parent: str | None = None, *, at: float = 0, kind: str = "chain", **fields: Any
    ) -> RunStarted:
        self._parents[run_id] = parent
        fields.setdefault("name", run_id)
        return self._write(RunStarted, run_id, at, kind=RunKind(kind), **fields)

    def stream(self, run_id: str, text: str = "", *, at: float = 0, **fields: Any) -> RunStreamed:
        return self._write(RunStreamed, run_id, at, text=text, **fields)

    def end(
        self, run_id: str, *, at: float = 1, outcome: str = "ok", error: str | None = None, **fields: Any
    ) -> RunEnded:
        if error is not None:
            kind, _, message = error.partition(": ")
            outcome, fields["error"] = (
                "error",
                ErrorInfo(type=kind, message=message, traceback=self.traceback),
            )
        return self._write(RunEnded, run_id, at, outcome=Outcome(outcome), **fields)

    def retry(self, run_id: str, attempt: int, *, at: float = 0, **fields: Any) -> RunRetried:
        return self._write(RunRetried, run_id, at, attempt=attempt, **fields)

    def custom(self, run_id: str, name: str, data: Any = None, *, at: float = 0) -> CustomEmitted:
        return self._write(CustomEmitted, run_id, at, name=name, data=data)

    def gap(self, missed: int, *, at: float = 0) -> Gap:
        event = Gap(seq=next(self._seq), time=EPOCH + round(at * SECOND), missed=missed)
        self.events.append(event)
        return event

    def root_of(self, run_id: str) -> str:
        while (parent := self._parents.get(run_id)) is not None:
            run_id = parent
        return run_id

    def _write(self, event_type: Any, run_id: str, at: float, **fields: Any) -> Any:
        event = event_type(
            seq=next(self._seq),
            time=EPOCH + round(at * SECOND),
            run_id=run_id,
            parent_run_id=self._parents.get(run_id),
            root_run_id=self.root_of(run_id),
            **fields,
        )
        self.events.append(event)
        return event


def tokens(given: int | None, made: int | None, **details: int) -> TokenUsage:
    """Return a usage with its total."""
    total = None if given is None or made is None else given + made
    return TokenUsage(input_tokens=given, output_tokens=made, total_tokens=total, **details)


def openai(name: str = "gpt-4o-mini") -> ModelInfo:
    """Return a model with a list price."""
    return ModelInfo(provider="openai", name=name)
