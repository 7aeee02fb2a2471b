"""What models answered in a root run, and what that took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import force_setattr

from tracebus.events import ModelInfo, settle
from tracebus.pricing import cost_of
from tracebus.watching._results import digest_of
from tracebus.watching._said import is_call, plain_text, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import RunEnded, RunStarted
    from tracebus.watching._results import Result, Results

__all__ = ["Answer", "knows", "model_name", "spent"]


class Answer:
    """A model's answer: what it cost, and what it said; the conversation is let go once it was looked at."""

    __slots__ = ("_results", "_said", "_text", "ended", "start")

    def __init__(self, start: RunStarted, ended: RunEnded, results: Results) -> None:
        self.start = start
        self.ended = ended
        self._results = results
        self._said: Result | None = None
        self._text: str | None = None

    @property
    def said(self) -> bytes:
        """A digest of all it says, calls of tools included."""
        self._said = digest = self._results.digest(self._said or self._taken())
        return digest

    @property
    def text(self) -> str | None:
        """What it says in words; `None` where it calls tools: what that says is seldom asked for."""
        if self._said is None:
            if is_call(self.ended.outputs):
                self._said = self._results.hold(self.ended)
                force_setattr(self.ended, "outputs", None)
            else:
                self._said = self._taken()
        return self._text

    def _taken(self) -> bytes:
        digest = digest_of(self.ended)
        self._text = plain_text(self.ended.outputs)
        force_setattr(self.ended, "outputs", None)
        return digest

    def let_go(self) -> None:
        """Hold no more what it said, if nobody has asked: nobody is going to."""
        if not isinstance(self._said, bytes):
            self._results.drop(self._said)
            self._said = None

    def forget(self) -> None:
        """Let the conversation go."""
        force_setattr(self.start, "inputs", None)


def spent(answers: Sequence[Answer]) -> tuple[int | None, float | None]:
    """Return the tokens and dollars that *answers* took, as far as known."""
    tokens: int | None = None
    dollars: float | None = None
    for answer in answers:
        start, ended = answer.start, answer.ended
        settle(start, ("model",))
        settle(ended, ("usage",))
        usage = ended.usage
        if usage is None:
            continue
        tokens = (tokens or 0) + (usage.input_tokens or 0) + (usage.output_tokens or 0)
        cost = cost_of(start.model or ModelInfo(), usage, at=ended.time)
        dollars = dollars if cost is None else (dollars or 0.0) + cost
    return tokens, dollars


def knows(start: RunStarted, text: str) -> bool:
    """Tell whether *text* is an answer in the conversation that a model was given."""
    settle(start, ("inputs",))
    messages = start.inputs.get("messages") if isinstance(start.inputs, dict) else None
    if not isinstance(messages, list):
        return False
    return any(
        isinstance(message, dict)
        and (message.get("type") in {"ai", "AIMessageChunk"} or message.get("role") == "assistant")
        and text_of(message) == text
        for message in messages
    )


def model_name(start: RunStarted) -> str:
    """Return what the model is called, or else its run."""
    settle(start, ("model",))
    return (start.model.name if start.model is not None else None) or start.name
