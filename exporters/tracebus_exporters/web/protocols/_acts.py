"""The steps of an answer (text, tool call, pause …) that all chat protocols are made from."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Act", "Pause"]


class Act(NamedTuple):
    """One thing that happened, as a protocol may tell it.

    Kinds: start (value: the `RunStarted`), end (value: the `RunEnded`), step_start, step_end, text_start,
    text, text_end, reasoning_start, reasoning, reasoning_end, media (value: a `Media`), call_start (value:
    true for a tool the provider runs), call_args, call_end, call_bad (value: all arguments; bad ones are no
    JSON), call_result (value: content), call_error (value: what went wrong), paused (value: `Pause`s),
    custom.
    """

    kind: str
    id: str
    """Of the message, the tool call, or the step."""
    value: Any
    time: int
    name: str = ""
    """Of the tool, the step or the custom event."""
    parent: str = ""
    """The message a tool call belongs to, or the run that gave its result."""


class Pause(NamedTuple):
    """What a run waits for (a LangGraph interrupt)."""

    id: str
    value: Any
    """What the program asks."""
    calls: tuple[str, ...] = ()
    """The tool calls it is about."""
    schema: dict[str, Any] | None = None
    """The JSON Schema of the answer, where the program gave one."""
