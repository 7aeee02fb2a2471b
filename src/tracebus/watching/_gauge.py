"""Adds up what one root run has used of its budget, and says when a limit is near or exceeded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.events import ModelInfo, RunEnded, RunKind, RunStarted, settle
from tracebus.pricing import cost_of
from tracebus.watching._facts import BudgetFact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.events import RunEvent
    from tracebus.watching._budget import Budget

__all__ = ["Gauge"]

NEAR = 0.8
"""The part of a limit that is worth a word before all of it is used."""
_NEVER = 1 << 63
_NO_MODEL = ModelInfo()
_MODELS = frozenset((RunKind.CHAT_MODEL, RunKind.LLM, RunKind.EMBEDDING))


class Gauge:
    """Adds up what a root run uses: a fold over its events.

    A model that calls a model reports the inner one's tokens again: its own count only where no model
    below it reported any.
    """

    def __init__(self, start: RunStarted, budget: Budget) -> None:
        self.start = start
        self.budget = budget
        self.limits = budget.limits()
        self._cost: float | None = None
        self._unpriced = 0
        self._tokens: int | None = None
        self._unreported = 0
        self._calls = 0
        self._models: dict[str, ModelInfo] = {}
        self._parents: dict[str, str | None] = {}
        self._reported: set[str] = set()
        """Open runs below which a model reported its tokens."""
        self.told = False
        """Whether `Budget.on_exceeded` was called."""
        self._said: set[tuple[str, str]] = set()
        self._due = self.next_alarm() or _NEVER
        """When the clock alone will make news."""

    def apply(self, event: RunEvent) -> bool:
        """Take one event of the root run in; return whether there may be news by it."""
        model: ModelInfo | None = None
        if isinstance(event, RunStarted):
            self._parents[event.run_id] = event.parent_run_id
            if event.kind in _MODELS:
                self._calls += 1
                if "cost" in self.limits:
                    settle(event, ("model",))
                    model = event.model
                model = self._models[event.run_id] = model or _NO_MODEL
        elif isinstance(event, RunEnded):
            model = self._models.pop(event.run_id, None)
            if model is not None:
                self._answered(event, model)
            self._parents.pop(event.run_id, None)
            self._reported.discard(event.run_id)
        return model is not None or event.time >= self._due

    def _answered(self, event: RunEnded, model: ModelInfo) -> None:
        if event.run_id in self._reported:
            return
        if event.usage is not None:
            settle(event, ("usage",))
        usage = event.usage
        if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
            self._unreported += 1
            self._unpriced += 1
            return
        self._tokens = (self._tokens or 0) + (usage.input_tokens or 0) + (usage.output_tokens or 0)
        cost = 0.0 if event.cached else self._price(event, model)
        if cost is None:
            self._unpriced += 1
        else:
            self._cost = (self._cost or 0.0) + cost
        parent = self._parents.get(event.run_id)
        while parent is not None:
            self._reported.add(parent)
            parent = self._parents.get(parent)

    def _price(self, event: RunEnded, model: ModelInfo) -> float | None:
        if "cost" not in self.limits or event.usage is None:
            return None
        answered = event.model
        asked = model
        if answered is not None and answered.name:
            named = ModelInfo(provider=answered.provider or model.provider, name=answered.name)
            if (cost := cost_of(named, event.usage, at=event.time)) is not None:
                return cost
        return cost_of(asked, event.usage, at=event.time)

    def used(self, limit: str, now: int) -> tuple[float | None, int]:
        """Return what is known to be used of *limit*, and how many model calls that leaves out."""
        match limit:
            case "cost":
                nothing = 0.0 if not self._calls else None
                return (self._cost if self._cost is not None else nothing), self._unpriced
            case "tokens":
                return (self._tokens if self._tokens is not None else 0 if not self._calls else None), (
                    self._unreported
                )
            case "seconds":
                return max(0, now - self.start.time) / 1e9, 0
            case _:
                return self._calls, 0

    def begun(self) -> BudgetFact:
        """Return that the run has a budget."""
        return self._fact("set")

    def news(self, now: int) -> list[BudgetFact]:
        """Return what has become true since it was asked last: limits nearly used, used, not known."""
        found = list(self._news(now))
        self._due = self.next_alarm() or _NEVER
        return found

    def _news(self, now: int) -> Iterator[BudgetFact]:
        for limit, of in self.limits.items():
            used, unknown = self.used(limit, now)
            if unknown and self._first(limit, "unknown"):
                yield self._fact("unknown", limit, used, unknown)
            if used is None:
                continue
            if used > of or (used >= of and limit != "model_calls"):
                if self._first(limit, "exceeded"):
                    self._said.add((limit, "near"))
                    yield self._fact("exceeded", limit, used, unknown)
            elif used >= NEAR * of and self._first(limit, "near"):
                yield self._fact("near", limit, used, unknown)

    def next_alarm(self) -> int | None:
        """Return when the clock alone will make news, in nanoseconds since the epoch."""
        seconds = self.limits.get("seconds")
        if seconds is None or ("seconds", "exceeded") in self._said:
            return None
        part = 1.0 if ("seconds", "near") in self._said else NEAR
        return self.start.time + int(seconds * part * 1e9) + 1

    def _first(self, limit: str, state: str) -> bool:
        if (limit, state) in self._said:
            return False
        self._said.add((limit, state))
        return True

    def _fact(self, state: str, limit: str = "", used: float | None = None, unknown: int = 0) -> BudgetFact:
        return BudgetFact(
            run_id=self.start.run_id,
            name=self.start.name,
            state=state,  # type: ignore[arg-type]  # one of its words, at each call
            limits=self.limits,
            limit=limit,
            used=used,
            of=self.limits.get(limit),
            unknown_calls=unknown,
        )
