"""How much of its budget a run in the tree has used, for views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from tracebus.figures import count, dollars, duration
from tracebus.watching._facts import BudgetFact, facts_in

if TYPE_CHECKING:
    from tracebus.tree import RunNode

__all__ = ["Level", "State", "amount", "budget_levels", "fullest"]

State: TypeAlias = Literal["within", "near", "exceeded"]
NEAR = 0.8


class Level(NamedTuple):
    """One limit of a run's budget."""

    limit: str
    """`cost`, `tokens`, `seconds` or `model_calls`."""
    used: float | None
    """What is known to be used; `None` where nothing is."""
    of: float
    partial: bool
    """Whether model calls of unknown use come on top."""

    @property
    def share(self) -> float:
        """The part that is known to be used."""
        return (self.used or 0.0) / self.of

    @property
    def state(self) -> State:
        """How near the end it is."""
        over = self.share > 1 or (self.share == 1 and self.limit != "model_calls")
        return "exceeded" if over else "near" if self.share >= NEAR else "within"

    def __str__(self) -> str:
        used = "?" if self.used is None else amount(self.limit, self.used)
        return f"{used}{'+' if self.partial and self.used is not None else ''}/{amount(self.limit, self.of)}"


def budget_levels(node: RunNode, now: int) -> list[Level]:
    """Return what *node* has used of each limit at *now*; nothing where it has no budget."""
    if not node.custom_events:
        return []
    facts = [fact for fact in facts_in(node.custom_events) if isinstance(fact, BudgetFact)]
    limits = next((fact.limits for fact in facts if fact.limits), {})
    return [_level(node, limit, of, now, facts) for limit, of in limits.items() if of > 0]


def fullest(levels: list[Level]) -> Level | None:
    """Return the limit of which the largest part is used; one of which nothing is known comes last."""
    return max(levels, key=lambda level: (level.used is not None, level.share), default=None)


def amount(limit: str, number: float) -> str:
    """Return a number of a limit in its unit."""
    match limit:
        case "cost":
            return dollars(number)
        case "seconds":
            return duration(number)
        case _:
            return count(round(number))


def _level(node: RunNode, limit: str, of: float, now: int, facts: list[BudgetFact]) -> Level:
    match limit:
        case "cost":
            unknown = any(fact.state == "unknown" and fact.limit == limit for fact in facts)
            nothing = None if unknown else 0.0
            return Level(limit, node.cost if node.cost is not None else nothing, of, node.cost_partial)
        case "tokens":
            usage = node.usage
            unknown = any(fact.state == "unknown" and fact.limit == limit for fact in facts)
            total = (usage.input_tokens or 0) + (usage.output_tokens or 0) if usage is not None else None
            return Level(limit, total if total is not None or unknown else 0, of, node.usage_partial)
        case "seconds":
            return Level(limit, node.elapsed(now), of, partial=False)
        case "model_calls":
            return Level(limit, sum(one.is_model for one in node.walk()), of, partial=False)
        case _:  # a newer writer's limit: what was said of it last
            said = [fact.used for fact in facts if fact.limit == limit and fact.used is not None]
            return Level(limit, said[-1] if said else None, of, partial=False)
