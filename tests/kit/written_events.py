"""Events written by hand: the one kit for it, for the tests of all that reads events."""

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

    epoch = EPOCH
    """Nanoseconds at which it begins."""
    numbered = True
    """Whether events have a `seq`; else the log they are written to numbers them."""
    traceback = ""
    """Of every error."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self._seq = count(1)
        self._parents: dict[str, str | None] = {}
        self._roots: dict[str, str] = {}

    def start(
        self,
        run_id: str,
        parent: str | None = None,
        *,
        at: float = 0,
        kind: str = "chain",
        root: str | None = None,
        **fields: Any,
    ) -> RunStarted:
        """Begin a run; *root* where that is none of those above that have begun here."""
        self._parents[run_id] = parent
        if root is not None:
            self._roots[run_id] = root
        fields.setdefault("name", run_id)
        return self._write(RunStarted, run_id, at, kind=RunKind(kind), **fields)

    def stream(self, run_id: str, text: str = "", *, at: float = 0, **fields: Any) -> RunStreamed:
        return self._write(RunStreamed, run_id, at, text=text, **fields)

    def end(
        self,
        run_id: str,
        *,
        at: float = 1,
        outcome: str = "ok",
        error: str | ErrorInfo | None = None,
        **fields: Any,
    ) -> RunEnded:
        """End a run; *error*, as `TYPE: MESSAGE`, fails it."""
        if isinstance(error, str):
            kind, _, message = error.partition(": ")
            outcome, error = "error", ErrorInfo(type=kind, message=message, traceback=self.traceback)
        return self._write(RunEnded, run_id, at, outcome=Outcome(outcome), error=error, **fields)

    def retry(self, run_id: str, attempt: int, *, at: float = 0, **fields: Any) -> RunRetried:
        return self._write(RunRetried, run_id, at, attempt=attempt, **fields)

    def custom(self, run_id: str, name: str, data: Any = None, *, at: float = 0) -> CustomEmitted:
        return self._write(CustomEmitted, run_id, at, name=name, data=data)

    def gap(self, missed: int, *, at: float = 0) -> Gap:
        event = Gap(seq=self._number(), time=self.epoch + round(at * SECOND), missed=missed)
        self.events.append(event)
        return event

    def root_of(self, run_id: str) -> str:
        while run_id not in self._roots and (parent := self._parents.get(run_id)) is not None:
            run_id = parent
        return self._roots.get(run_id, run_id)

    def _write(self, event_type: Any, run_id: str, at: float, **fields: Any) -> Any:
        event = event_type(
            seq=fields.pop("seq", None) or self._number(),
            time=self.epoch + round(at * SECOND),
            run_id=run_id,
            parent_run_id=self._parents.get(run_id),
            root_run_id=fields.pop("root", None) or self.root_of(run_id),
            **fields,
        )
        self.events.append(event)
        return event

    def _number(self) -> int:
        return next(self._seq) if self.numbered else 0


class Story(History):
    """A small run, called as *root* where nothing else is said; what is streamed comes a millisecond later."""

    numbered = False

    def __init__(self, root: str = "root") -> None:
        super().__init__()
        self._root = root

    def start(
        self, run_id: str | None = None, parent: str | None = None, kind: str = "chain", **fields: Any
    ) -> RunStarted:
        return super().start(run_id or self._root, parent, kind=kind, **fields)

    def stream(self, text: str = "", run_id: str | None = None, **fields: Any) -> RunStreamed:
        return super().stream(run_id or self._root, text, at=0.001, **fields)

    def end(self, run_id: str | None = None, outcome: str = "ok", **fields: Any) -> RunEnded:
        return self._write(RunEnded, run_id or self._root, 0.002, outcome=Outcome(outcome), **fields)


def tokens(given: int | None, made: int | None, **details: int) -> TokenUsage:
    """Return a usage with its total."""
    total = None if given is None or made is None else given + made
    return TokenUsage(input_tokens=given, output_tokens=made, total_tokens=total, **details)


def openai(name: str = "gpt-4o-mini") -> ModelInfo:
    """Return a model with a list price."""
    return ModelInfo(provider="openai", name=name)
