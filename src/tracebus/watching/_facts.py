"""Budget and loop notices of a root run, as custom events called `tracebus.budget` and `tracebus.loop`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from tracebus.events import CustomEmitted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.bus import EventBus
    from tracebus.events import Event, RunStarted

__all__ = [
    "BUDGET",
    "LOOP",
    "BudgetFact",
    "Fact",
    "LoopFact",
    "fact_from",
    "fact_of",
    "facts_in",
    "is_fact",
    "publish",
]

BUDGET: Final = "tracebus.budget"
LOOP: Final = "tracebus.loop"
_BUDGET_BYTES: Final = 2_000
"""What a budget's fact keeps at the most, besides the name of its run."""


class BudgetFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a root run is with its budget."""

    run_id: str
    """The root run's."""
    name: str = ""
    """The root run's."""
    state: Literal["set", "near", "exceeded", "unknown"]
    """set: the run began, with these limits. near: 80 % of one is used. exceeded: all of it. unknown: what
    the run uses of it is not known, because a model reports no tokens or has no known price."""
    limits: dict[str, float] = {}
    """All limits by name: `cost` (US dollars), `tokens`, `seconds`, `model_calls`."""
    limit: str = ""
    """The limit spoken of; empty for `set`."""
    used: float | None = None
    """What is known to be used of it; `None` where nothing is."""
    of: float | None = None
    unknown_calls: int = 0
    """Model calls of which what they used is not known: `used` is too low by these."""


class LoopFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A root run goes in circles."""

    run_id: str
    """The root run's."""
    name: str = ""
    """The root run's."""
    kind: Literal["same_call", "same_answer", "ping_pong", "same_failure"]
    """same_call: one tool, the same arguments, the same result. same_answer: models answer the same again.
    ping_pong: two agents or nodes hand the same on to and fro. same_failure: tried again, failed the same."""
    what: str = ""
    """The tool, the model, the two agents."""
    count: int
    """How often so far."""
    runs: tuple[str, ...] = ()
    """The ids of the runs that make the circle, the newest sixteen."""
    tokens: int | None = None
    """Spent by models from the first of them on; `None` where none is known."""
    cost: float | None = None
    """Likewise, in US dollars."""


Fact: TypeAlias = BudgetFact | LoopFact

_TYPES: Final[dict[str, type[BudgetFact | LoopFact]]] = {BUDGET: BudgetFact, LOOP: LoopFact}


def is_fact(event: Event) -> bool:
    """Tell whether *event* says what tracebus noticed, and not what the program emitted."""
    return isinstance(event, CustomEmitted) and event.name in _TYPES


def fact_of(event: CustomEmitted) -> Fact | None:
    """Return what *event* says; `None` where it is the program's own, or written by a newer version."""
    return fact_from(event.name, event.data)


def fact_from(name: str, data: Any) -> Fact | None:
    """Return what a custom event of that name and data says, as `fact_of` does."""
    kind = _TYPES.get(name)
    if kind is None:
        return None
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError:
        return None


def facts_in(events: Iterable[CustomEmitted]) -> list[Fact]:
    """Return what custom events say of what was noticed, in their order."""
    return [fact for event in events if event.name in _TYPES and (fact := fact_of(event)) is not None]


def publish(bus: EventBus | None, start: RunStarted, name: str, fact: Fact, now: int) -> None:
    """Put *fact* on *bus*, if there still is one, as an event *name* of the run that began with *start*."""
    if bus is not None:
        event = CustomEmitted(
            time=now,
            run_id=start.run_id,
            parent_run_id=start.parent_run_id,
            root_run_id=start.root_run_id,
            name=name,
            data=msgspec.to_builtins(fact),
        )
        bus.write(event, _BUDGET_BYTES + len(fact.name) if name is BUDGET else None)
