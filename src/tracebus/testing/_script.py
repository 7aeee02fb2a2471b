"""What a scripted model says, and how fast."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

__all__ = [
    "NO_PACING",
    "Line",
    "Pacing",
    "Script",
    "ScriptedToolCall",
    "Turn",
    "TurnCounter",
    "checked_script",
    "raise_error_of",
    "turn_of",
]


@dataclass(frozen=True, slots=True)
class ScriptedToolCall:
    """A tool call a scripted model makes."""

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None
    """`None` makes one up from the turn's number and the call's position."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of a scripted model.

    Reasoning is streamed first, then text, then the tool calls in fragments, then the usage.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: Sequence[ScriptedToolCall] = ()
    error: BaseException | None = None
    """Raised instead of an answer, or in the middle of the stream: see `error_after`."""
    error_after: int = 0
    """How many chunks a stream gives before `error` is raised."""
    usage: Mapping[str, Any] | None = None
    """LangChain's `UsageMetadata`; `None` counts the tokens of the messages and the answer."""
    cache_read: int = 0
    """Tokens of the input said to come from the provider's prompt cache, when counted."""
    finish_reason: str | None = None
    """`None` says `tool_calls` where there are any, and `stop` otherwise."""
    response_id: str | None = None
    """The id the provider gave the message; `None` leaves it to LangChain."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """How long a scripted model takes, in seconds."""

    first_token: float = 0.0
    per_token: float = 0.0

    def before(self, index: int) -> float:
        """Return the pause before the chunk at *index*, a little uneven as networks are."""
        if index == 0:
            return self.first_token
        return self.per_token * (0.6, 1.3, 0.8, 1.7, 0.9, 0.7)[index % 6]

    def total(self, chunks: int) -> float:
        """Return how long an answer of *chunks* takes."""
        return sum(self.before(index) for index in range(chunks))

    def pause(self, seconds: float) -> None:
        """Wait *seconds* in synchronous code."""
        if seconds:
            time.sleep(seconds)

    async def apause(self, seconds: float) -> None:
        """Wait *seconds* in asynchronous code; gives way to other tasks even when they are 0."""
        await asyncio.sleep(seconds)


NO_PACING = Pacing()
"""As fast as it goes, for tests."""

Line: TypeAlias = Turn | str | BaseException
"""An answer: a `Turn`, or a string for its text, or an exception to raise."""

Script: TypeAlias = Sequence[Line] | Callable[[Sequence[Any]], Line]
"""The answers in order, from the start again when used up; or a function of the messages."""


class TurnCounter:
    """Numbers calls from 0, from any thread. A copy goes on counting by itself."""

    def __init__(self, start: int = 0) -> None:
        self._next = start
        self._lock = threading.Lock()

    def take(self) -> int:
        """Return the number of this call."""
        with self._lock:
            number = self._next
            self._next += 1
            return number

    def __reduce__(self) -> tuple[type[TurnCounter], tuple[int]]:
        return TurnCounter, (self._next,)  # models are copied and pickled; locks cannot be


def checked_script(script: Any) -> Script:
    """Return *script*, a sequence as a tuple.

    Raises:
        ValueError: it is empty, or neither a sequence of answers nor a function.
    """
    if callable(script):
        return cast("Script", script)
    if isinstance(script, str) or not isinstance(script, Sequence) or not script:
        raise ValueError(
            f"a script is a function of the messages or a list with at least one answer, not {script!r}"
        )
    return tuple(script)


def turn_of(script: Script, number: int, asked: Sequence[Any]) -> Turn:
    """Return the answer *script* has to *asked*, being call *number* from 0.

    Raises:
        TypeError: it is nothing a model could answer.
    """
    match line := script(asked) if callable(script) else script[number % len(script)]:
        case Turn():
            return line
        case str():
            return Turn(text=line)
        case BaseException():
            return Turn(error=line)
        case _:
            raise TypeError(f"a scripted answer is a Turn, a string or an exception, not {line!r}")


def raise_error_of(turn: Turn) -> None:
    """Raise the error *turn* ends with, if any."""
    if turn.error is not None:
        raise turn.error.with_traceback(None)  # one object, raised again and again
