"""Adds up what one root run has used of its budget, and says when a limit is near or exceeded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tracebus.events import ModelInfo, RunEnded, RunKind, RunStarted, settle
from tracebus.pricing import cost_of
from tracebus.watching._facts import BudgetFact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.events import RunEvent
    from tracebus.watching._budget import Budget

__all__ = ["MODELS", "NEVER", "Gauge"]

NEAR = 0.8
"""The part of a limit that is worth a word before all of it is used."""
NEVER = 1 << 63
_NO_MODEL = ModelInfo()
MODELS = frozenset((RunKind.CHAT_MODEL, RunKind.LLM, RunKind.EMBEDDING))


class Gauge:
    """Adds up what a root run uses: a fold over its models' events.

    A model that calls a model reports the inner one's tokens again: its own count only where no model
    below it reported any.
    """

    __slots__ = (
        "_calls",
        "_cost",
        "_due_calls",
        "_due_cost",
        "_due_tokens",
        "_models",
        "_reported",
        "_said",
        "_tokens",
        "_unpriced",
        "_unreported",
        "below",
        "budget",
        "due_at",
        "limits",
        "start",
        "told",
    )  # fmt: skip

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
        self.below: dict[str, str | None] = {}
        """Open model runs and all below them, with their parents: no others' events change anything."""
        self._reported: set[str] = set()
        """Those of them below which a model reported its tokens."""
        self.due_at = NEVER
        """When the clock alone will make news, in nanoseconds since the epoch."""
        self.told = False
        """Whether `Budget.on_exceeded` was called."""
        self._said: set[tuple[str, str]] = set()
        self._note_due()

    def apply(self, event: RunEvent) -> bool:
        """Take one event of the root run in; return whether there is news by it, or by the time."""
        news = False
        if isinstance(event, RunStarted):
            if event.kind in MODELS:
                news = self._asked(event)
            elif event.parent_run_id in self.below:
                self.below[event.run_id] = event.parent_run_id
        elif isinstance(event, RunEnded) and event.run_id in self.below:
            model = self._models.pop(event.run_id, None)
            if model is not None:
                news = self._answered(event, model)
            del self.below[event.run_id]
            self._reported.discard(event.run_id)
        return news or self.is_due(event.time)

    def is_due(self, now: int) -> bool:
        """Tell whether the clock alone makes news at *now*."""
        return now >= self.due_at

    def _asked(self, event: RunStarted) -> bool:
        self.below[event.run_id] = event.parent_run_id
        self._calls += 1
        model: ModelInfo | None = None
        if "cost" in self.limits:
            settle(event, ("model",))
            model = event.model
        self._models[event.run_id] = model or _NO_MODEL
        return self._calls >= self._due_calls

    def _answered(self, event: RunEnded, model: ModelInfo) -> bool:
        if event.run_id in self._reported:
            return False
        if event.usage is not None:
            settle(event, ("usage",))
        usage = event.usage
        if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
            self._unreported += 1
            self._unpriced += 1
            return self._is_unsaid("tokens") or self._is_unsaid("cost")
        self._tokens = (self._tokens or 0) + (usage.input_tokens or 0) + (usage.output_tokens or 0)
        cost = 0.0 if event.cached else self._price(event, model)
        if cost is None:
            self._unpriced += 1
        else:
            self._cost = (self._cost or 0.0) + cost
        parent = self.below[event.run_id]
        while parent in self.below and parent not in self._reported:
            self._reported.add(parent)
            parent = self.below[parent]
        return (
            self._tokens >= self._due_tokens
            or (self._cost or 0.0) >= self._due_cost
            or (cost is None and self._is_unsaid("cost"))
        )

    def _is_unsaid(self, limit: str) -> bool:
        """Tell whether there is *limit*, and nobody was told that what is used of it is unknown."""
        return limit in self.limits and (limit, "unknown") not in self._said

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
        self._note_due()
        return found

    def _note_due(self) -> None:
        """Note what has to be reached for news: where less is used, nobody need look at each limit."""
        self._due_tokens = self._next("tokens")
        self._due_cost = self._next("cost")
        self._due_calls = self._next("model_calls")
        self.due_at = self._next_alarm()

    def _next(self, limit: str) -> float:
        of = self.limits.get(limit)
        if of is None or (limit, "exceeded") in self._said:
            return math.inf
        return of if (limit, "near") in self._said else NEAR * of

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

    def _next_alarm(self) -> int:
        seconds = self.limits.get("seconds")
        if seconds is None or ("seconds", "exceeded") in self._said:
            return NEVER
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
