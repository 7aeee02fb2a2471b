"""The environment variables tracebus reads: one table, for the documentation and for `tracebus doctor`."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from tracebus.sizes import parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["PREFIX", "VARIABLES", "Variable", "problems"]

PREFIX: Final = "TRACEBUS_"


class Variable(NamedTuple):
    """One variable."""

    name: str
    meaning: str
    default: str
    refuses: Callable[[str], str | None] | None = None
    """Says what is wrong with a value, or `None`; not given where anything goes."""


def _seconds(text: str) -> str | None:
    try:
        seconds = float(text)
    except ValueError:
        return "is no number of seconds"
    return None if 0.0 <= seconds < 1e9 else "must be from 0 seconds on"  # noqa: PLR2004 - thirty years


def _size(text: str) -> str | None:
    try:
        return None if parse_size(text) else "must be at least 1 byte"
    except ValueError:
        return "is no size such as 32MB"


def _budget(text: str) -> str | None:
    from tracebus.watching._budget import parse_budget  # noqa: PLC0415 - wanted by `tracebus doctor` only

    try:
        parse_budget(text)
    except ValueError as error:
        return f"is no budget: {error}"
    return None


def _loops(text: str) -> str | None:
    from tracebus.watching._loops import parse_loops  # noqa: PLC0415 - wanted by `tracebus doctor` only

    try:
        parse_loops(text)
    except ValueError as error:
        return f"is not understood: {error}"
    return None


VARIABLES: Final = (
    Variable(
        "TRACEBUS_TO",
        "Observe the whole process and send its events to these exits, separated by commas or white space. "
        "Wherever tracebus is installed this needs no import of it.",
        "what `observe`, `observing` and `install` name is observed, into the embedded log",
    ),
    Variable(
        "TRACEBUS_EXIT_TIMEOUT",
        "Seconds a process waits at its end for events on their way, at most; a log on this machine gets 60.",
        "5",
        _seconds,
    ),
    Variable(
        "TRACEBUS_MAX_BYTES",
        "Memory the payloads of a bus take at most, for example 32MB.",
        "64MB",
        _size,
    ),
    Variable(
        "TRACEBUS_BUDGET",
        "What each root run may use, for example cost:0.50,tokens:200000,seconds:60,model_calls:40; at 80 % "
        "and at 100 % that is a fact of the run and a line in the log.",
        "none",
        _budget,
    ),
    Variable(
        "TRACEBUS_LOOPS",
        "After how many times a root run is said to run in circles, for example same_call:5,ping_pong:0 "
        "(never), or off.",
        "same_call:3,same_answer:3,ping_pong:3,same_failure:3",
        _loops,
    ),
    Variable(
        "TRACEBUS_PRICES",
        "A JSON file with prices of your own models, in US dollars per million tokens.",
        "list prices, as the installed genai-prices has them",
        lambda path: None if os.path.isfile(path) else "is no file",  # noqa: PTH113 - raises for nothing
    ),
    Variable(
        "TRACEBUS_TOKEN",
        "The token `tracebus serve` asks for.",
        "none on the loopback; made up where others can connect",
    ),
)


def problems(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (variable, what is wrong with it) for those nobody reads and those whose value cannot be."""
    known = {variable.name: variable for variable in VARIABLES}
    for name, value in sorted(environment.items()):
        if not name.startswith(PREFIX):
            continue
        variable = known.get(name)
        if variable is None:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            yield name, f"nobody reads it; did you mean {close[0]}?" if close else "nobody reads it"
        elif variable.refuses is not None and value and (wrong := variable.refuses(value)):
            yield name, f"{value!r} {wrong}"
