"""After how many repetitions a root run counts as looping, as a user writes it."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, fields
from typing import Final

__all__ = ["OFF", "VARIABLE", "Loops", "loops_from_environment", "parse_loops"]

VARIABLE: Final = "TRACEBUS_LOOPS"
OFF: Final = frozenset(("off", "0", "false", "no"))
_logger = logging.getLogger("tracebus")


@dataclass(frozen=True, kw_only=True, slots=True)
class Loops:
    """After how many times something that comes again in one root run is a circle; 0 for never.

    Raises:
        ValueError: a number that is neither 0 nor at least 2.
    """

    same_call: int = 3
    """Calls of one tool with the same arguments and the same result; none without arguments, none that the
    program makes itself after a wait, no attempts of a retry."""
    same_answer: int = 3
    """Answers in the same words to a conversation in which these words were the answer before."""
    ping_pong: int = 3
    """Times that two agents or nodes hand on to each other and say the same as the time before."""
    same_failure: int = 3
    """Times that something is tried again and had failed with the same error."""

    def __post_init__(self) -> None:
        for name in _NAMES:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 0 or value == 1:
                raise ValueError(f"Loops({name}=…) must be a number of times from 2, or 0, not {value!r}")

    def least_calls(self) -> int:
        """Return how few calls of tools can be a circle; 0 where none is one."""
        return min(filter(None, (self.same_call, self.least_turns())), default=0)

    def least_turns(self) -> int:
        """Return how few turns can be a circle; 0 where none is one."""
        return 2 * self.ping_pong


_NAMES: Final = tuple(field.name for field in fields(Loops))


def parse_loops(text: str) -> Loops | None:
    """Return what *text* writes, such as `same_call:5,ping_pong:0`; `None` for `off`.

    Raises:
        ValueError: a name is unknown, or its number makes no sense.
    """
    if text.strip().lower() in OFF:
        return None
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.replace("=", ":").split(","))):
        name, _, value = part.partition(":")
        if name not in _NAMES:
            raise ValueError(f"no {name!r}; known are: off, {', '.join(_NAMES)}")
        if not value.strip().isdecimal():
            raise ValueError(f"{part!r} has no number such as {name}:3")
        found[name] = int(value)
    return Loops(**found)


def loops_from_environment() -> Loops | None:
    """Return what `TRACEBUS_LOOPS` says; the default where it says nothing, or nothing that can be read."""
    text = os.environ.get(VARIABLE, "")
    try:
        return parse_loops(text)
    except ValueError as error:
        _logger.warning("%s=%r is not understood and the default counts: %s", VARIABLE, text, error)
        return Loops()
