"""What makes a root run worth keeping, as a user writes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from tracebus.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Overflow", "Rules", "parse_rules"]

Overflow = Literal["keep", "drop"]

_EXAMPLE: Final = "errors,slower:5s,cost:0.10,share:10%"
_PERCENT: Final = 100.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Which root runs are kept: those that one rule at least is true of.

    Raises:
        ValueError: a number is out of range, or no rule is given.
    """

    errors: bool = False
    """A run in it failed, though the program may have caught that."""
    slower_than: float | None = None
    """It took longer than so many seconds."""
    cost: float | None = None
    """It cost more than so many US dollars; what is not known of it counts for nothing."""
    tokens: int | None = None
    """Its models used more than so many tokens, input and output."""
    loops: bool = False
    """It ran in circles; see `tracebus.watching`."""
    sampled: bool = False
    """It belongs to a trace that its caller says is recorded: the sampled flag of its `traceparent`."""
    share: float = 0.0
    """The part of all other runs, from 0 to 1; runs of one trace alike, in every process."""
    overflow: Overflow = "keep"
    """What becomes of a run that no rule is true of yet and that cannot be held any longer."""
    hold: float = 900.0
    """Seconds a run is held at most, from its start."""

    def __post_init__(self) -> None:
        for name in ("slower_than", "cost", "tokens"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"keep: {name} must be a number from 0, not {value}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"keep: share must be from 0 to 1 (0.1 is a tenth), not {self.share}")
        if not (math.isfinite(self.hold) and self.hold > 0):
            raise ValueError(f"keep: hold must be more than 0 seconds, not {self.hold}")
        if self.overflow not in get_args(Overflow):
            raise ValueError(f"keep: overflow must be 'keep' or 'drop', not {self.overflow!r}")
        wanted = (self.errors, self.loops, self.sampled, self.share > 0)
        if not any(wanted) and self.slower_than is None and self.cost is None and self.tokens is None:
            raise ValueError(f"keep: no rule says what to keep; give some, such as {_EXAMPLE}")


def parse_rules(text: str) -> Rules:
    """Return the rules that a URL's `keep=` names, such as `errors,slower:5s,cost:0.10,share:10%`.

    Raises:
        ValueError: a rule is unknown, or its value makes no sense.
    """
    found: dict[str, object] = {}
    for term in filter(None, (part.strip() for part in text.split(","))):
        word, colon, value = term.partition(":")
        if word in _SWITCHES and not colon:
            found[word] = True
            continue
        if word not in _VALUES:
            known = ", ".join((*_SWITCHES, *(f"{name}:…" for name in _VALUES)))
            raise ValueError(f"keep={text}: no rule {term!r}; known are: {known}")
        name, read, such_as = _VALUES[word]
        try:
            found[name] = read(value)
        except ValueError:
            raise ValueError(f"keep={text}: {term!r} has no value such as {word}:{such_as}") from None
    return Rules(**found)  # type: ignore[arg-type]  # each reader gives what its field takes


def is_rule(text: str) -> bool:
    """Tell whether *text* is one of the words `parse_rules` knows, with its value."""
    word = text.partition(":")[0]
    return word in _SWITCHES or word in _VALUES


def _share(text: str) -> float:
    return float(text[:-1]) / _PERCENT if text.endswith("%") else float(text)


def _dollars(text: str) -> float:
    return float(text.removeprefix("$"))


def _tokens(text: str) -> int:
    return int(text.replace("_", ""))


_SWITCHES: Final = ("errors", "loops", "sampled")
_VALUES: Final[dict[str, tuple[str, Callable[[str], object], str]]] = {
    "slower": ("slower_than", parse_duration, "5s"),
    "cost": ("cost", _dollars, "0.10"),
    "tokens": ("tokens", _tokens, "20000"),
    "share": ("share", _share, "10%"),
    "overflow": ("overflow", str, "drop"),
    "hold": ("hold", parse_duration, "15m"),
}
