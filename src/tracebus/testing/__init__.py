"""Test kit: models that follow a script, an exporter that remembers, a clock that obeys.

For tests of your own chains as much as for ours: `ScriptedChatModel` behaves like a provider's chat
model (streaming, reasoning, tool calls, token usage, errors) with no network, and twice the same.

The models import langchain_core when first asked for; the rest works without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.testing._clock import IncrementingClock, SequentialIds
from tracebus.testing._recording import RecordingExporter, collect
from tracebus.testing._script import NO_PACING, Pacing, Script, ScriptedToolCall, Turn
from tracebus.testing._tokens import count_tokens, split_tokens

if TYPE_CHECKING:
    from tracebus.testing._chat_model import ScriptedChatModel
    from tracebus.testing._llm import ScriptedLLM
    from tracebus.testing._replay import Replay, ReplayedError, ReplayPartedError

__all__ = [
    "NO_PACING",
    "IncrementingClock",
    "Pacing",
    "RecordingExporter",
    "Replay",
    "ReplayPartedError",
    "ReplayedError",
    "Script",
    "ScriptedChatModel",
    "ScriptedLLM",
    "ScriptedToolCall",
    "SequentialIds",
    "Turn",
    "collect",
    "count_tokens",
    "split_tokens",
]


def __getattr__(name: str) -> Any:
    """Import the models only when they are asked for: langchain_core takes its time."""
    match name:
        case "ScriptedChatModel":
            from tracebus.testing._chat_model import ScriptedChatModel  # noqa: PLC0415  lazy by design

            return ScriptedChatModel
        case "ScriptedLLM":
            from tracebus.testing._llm import ScriptedLLM  # noqa: PLC0415  lazy by design

            return ScriptedLLM
        case "Replay" | "ReplayPartedError" | "ReplayedError":
            from tracebus.testing import _replay  # noqa: PLC0415  likewise

            return getattr(_replay, name)
        case _:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
