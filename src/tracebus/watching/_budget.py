"""The limits of a root run's budget, as a user writes them."""

from __future__ import annotations

import logging
import math
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tracebus.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.watching._facts import BudgetFact

__all__ = ["VARIABLE", "Budget", "budget_from_environment", "parse_budget"]

VARIABLE: Final = "TRACEBUS_BUDGET"
_logger = logging.getLogger("tracebus")


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What one root run may use. Nothing is stopped when it does: that is said, and `on_exceeded` is told.

    Raises:
        ValueError: no limit is given, or one that is not more than 0.
    """

    cost: float | None = None
    """US dollars, by the prices that are known."""
    tokens: int | None = None
    """Tokens of all model calls, input and output."""
    seconds: float | None = None
    """Seconds from its start, noticed while nothing else happens, too."""
    model_calls: int | None = None
    """Model calls; the one after the last of them exceeds."""
    on_exceeded: Callable[[BudgetFact], Any] | None = field(default=None, compare=False)
    """Called once for a root run, with the first limit it exceeds, on a thread of tracebus's: set an event
    that the program looks at, or `loop.call_soon_threadsafe(task.cancel)`."""

    def __post_init__(self) -> None:
        limits = self.limits()
        if not limits:
            raise ValueError("a Budget needs a limit: cost, tokens, seconds or model_calls")
        for name, value in limits.items():
            given: Any = value
            number = isinstance(given, int | float) and not isinstance(given, bool)
            if not number or not (math.isfinite(value) and value > 0):
                raise ValueError(f"Budget({name}=…) must be a number above 0, not {value!r}")
        if self.on_exceeded is not None and not callable(self.on_exceeded):
            raise ValueError(f"Budget(on_exceeded=…) must be callable, not {self.on_exceeded!r}")

    def limits(self) -> dict[str, float]:
        """Return the limits there are, by name."""
        named = {
            "cost": self.cost,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "model_calls": self.model_calls,
        }
        return {name: value for name, value in named.items() if value is not None}


def parse_budget(text: str) -> Budget:
    """Return the budget that *text* writes, such as `cost:0.50,tokens:200000,seconds:60,model_calls:40`.

    Raises:
        ValueError: a limit is unknown, or its value makes no sense.
    """
    found: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.replace("=", ":").split(","))):
        name, _, value = part.partition(":")
        read = _READERS.get(name)
        if read is None:
            raise ValueError(f"no limit {name!r}; known are: {', '.join(_READERS)}")
        try:
            found[name] = read(value.strip())
        except ValueError:
            raise ValueError(f"{part!r} has no value such as {name}:{_SUCH_AS[name]}") from None
    return Budget(**found)


def budget_from_environment() -> Budget | None:
    """Return the budget in `TRACEBUS_BUDGET`; `None` where there is none, or none that can be read."""
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        return parse_budget(text)
    except ValueError as error:
        _logger.warning("%s=%r is no budget and none is watched: %s", VARIABLE, text, error)
        return None


_READERS: Final[dict[str, Callable[[str], float]]] = {
    "cost": lambda text: float(text.removeprefix("$")),
    "tokens": lambda text: int(text.replace("_", "")),
    "seconds": parse_duration,
    "model_calls": lambda text: int(text.replace("_", "")),
}
_SUCH_AS: Final = {"cost": "0.50", "tokens": "200000", "seconds": "60", "model_calls": "40"}
