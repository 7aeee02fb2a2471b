"""What models answered in a root run, and what that took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import force_setattr

from tracebus.events import ModelInfo, settle
from tracebus.pricing import cost_of
from tracebus.watching._said import plain_text, said, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import RunEnded, RunStarted

__all__ = ["Answer", "knows", "model_name", "spent"]


class Answer:
    """A model's answer: what it cost, and what it said; the conversation is let go once it was looked at."""

    __slots__ = ("_said", "ended", "start", "text")

    def __init__(self, start: RunStarted, ended: RunEnded) -> None:
        self.start = start
        self.ended = ended
        self.text: str | None = None
        self._said: bytes | None = None

    @property
    def said(self) -> bytes:
        """A digest of all it says, calls of tools included."""
        if self._said is None:
            settle(self.ended, ("outputs",))
            self._said = said(self.ended.outputs)
            self.text = plain_text(self.ended.outputs)
            force_setattr(self.ended, "outputs", None)
        return self._said

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
