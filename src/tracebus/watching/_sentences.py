"""Budget and loop notices in words: a line for a log, and a few letters for a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.figures import count, dollars
from tracebus.text import first_line
from tracebus.watching._facts import BudgetFact, LoopFact, facts_in
from tracebus.watching._levels import amount

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tracebus.events import CustomEmitted
    from tracebus.watching._facts import Fact

__all__ = ["circles", "news", "news_in", "said_of_loop", "sentence"]

_NOT_KNOWN = "it reports no tokens, or its price is unknown: TRACEBUS_PRICES names a file with your own"
_NAME = 80


def sentence(fact: Fact) -> str:
    """Return *fact* as a line of a log, with names and numbers and no content."""
    whose = f"run {first_line(fact.name, _NAME)!r} ({fact.run_id})"
    if isinstance(fact, LoopFact):
        return f"{whose} runs in circles: {said_of_loop(fact)}"
    if fact.state == "set":
        limits = ", ".join(f"{name} {amount(name, of)}" for name, of in fact.limits.items())
        return f"{whose} has a budget: {limits}"
    return f"{whose} {_said_of_budget(fact)}"


def _said_of_budget(fact: BudgetFact) -> str:
    used = "unknown" if fact.used is None else amount(fact.limit, fact.used)
    of = "unknown" if fact.of is None else amount(fact.limit, fact.of)
    calls = "a model call" if fact.unknown_calls == 1 else f"{fact.unknown_calls} model calls"
    if fact.state == "unknown":
        return f"uses of its {fact.limit} budget of {of} what is unknown for {calls}: {_NOT_KNOWN}"
    more = f", and {calls} of unknown {fact.limit}" if fact.unknown_calls else ""
    part = round(100 * (fact.used or 0) / (fact.of or 1))
    what = "has used up" if fact.state == "exceeded" else "is near the end of"
    return f"{what} its {fact.limit.replace('_', ' ')} budget: {used} of {of} ({part} %){more}"


def said_of_loop(fact: LoopFact) -> str:
    """Return what goes in circles, how often, and what was spent meanwhile."""
    what = first_line(fact.what, _NAME)
    match fact.kind:
        case "same_call":
            said = f"{what} called {fact.count} times with the same arguments and result"
        case "same_answer":
            said = f"{what} gave the same answer {fact.count} times"
        case "ping_pong":
            said = f"{what} handed the same to and fro {fact.count} times"
        case _:
            said = f"{what} tried {fact.count} times and failed the same"
    spent = [f"{count(fact.tokens)} tokens"] if fact.tokens is not None else []
    spent += [dollars(fact.cost)] if fact.cost is not None else []
    return f"{said} ({', '.join(spent)} meanwhile)" if spent else said


def circles(events: Iterable[CustomEmitted]) -> list[LoopFact]:
    """Return the circles a run's custom events tell of, each as it was told of last."""
    return _circles(facts_in(events))


def news_in(events: Iterable[CustomEmitted]) -> list[str]:
    """Return lines on what is worth knowing of a run: circles, limits nearly used up, used up, not known."""
    return news(facts_in(events))


def news(facts: Sequence[Fact]) -> list[str]:
    """Return the lines of `news_in` on *facts*."""
    newest: dict[tuple[str, str], BudgetFact] = {}
    for fact in facts:
        if isinstance(fact, BudgetFact) and fact.state != "set":
            newest[fact.limit, "unknown" if fact.state == "unknown" else ""] = fact
    lines = [f"in circles: {said_of_loop(fact)}" for fact in _circles(facts)]
    return lines + [f"budget: {_said_of_budget(fact)}" for fact in newest.values()]


def _circles(facts: Sequence[Fact]) -> list[LoopFact]:
    newest: dict[tuple[str, str], LoopFact] = {}
    for fact in facts:
        if isinstance(fact, LoopFact):
            newest[fact.kind, fact.what] = fact
    return list(newest.values())
