"""What the models say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from tracebus.testing import Pacing, Script

__all__ = [
    "ANNOUNCER",
    "ASSISTANT",
    "BROKEN",
    "CHATTERBOX",
    "SUMMARY",
    "TICKET",
    "TRANSLATION",
    "UNREACHABLE",
    "brief_answer",
    "model",
]


def model(script: Script, pacing: Pacing, name: str = "scripted-large") -> ScriptedChatModel:
    """Return a model that follows *script*."""
    return ScriptedChatModel(script=script, pacing=pacing, model=name, temperature=0.2)


ASSISTANT: Script = (
    Turn(
        reasoning="It is past midnight, so line 7 may have stopped. Check the night bus, and the register.",
        tool_calls=[
            ScriptedToolCall("departures", {"stop": "Old Square", "line": "N7"}),
            ScriptedToolCall("lost_property", {"item": "a red umbrella"}),
        ],
    ),
    Turn(
        text="Yes: the night bus N7 leaves Old Square at 0:12 and 0:52. Harbour East is closed, so get off "
        "at Harbour West. The depot's register opens at 8:00; your umbrella is kept for 30 days.",
        reasoning="The register is closed; say when it opens.",
        cache_read=64,
    ),
)
UNREACHABLE: Script = (ConnectionError("overloaded: the provider refuses new requests"),)
SUMMARY: Script = ("A passenger asks for a night bus to the harbour and misses a red umbrella.",)
TRANSLATION: Script = ("Gegen Mitternacht fährt der Nachtbus N7 vom Alten Markt zum Hafen.",)
TICKET: Script = (
    Turn(
        tool_calls=[
            ScriptedToolCall("Ticket", {"topic": "lost property", "urgency": 2, "stop": "Old Square"})
        ]
    ),
)
ANNOUNCER: Script = ("Attention please: rain until six. Harbour East is closed, use Harbour West.",)
BROKEN: Script = (
    Turn(
        text="Dear passenger, the complete timetable of all lines since 1897 is",
        error=RuntimeError("context_length_exceeded: 212,481 tokens, at most 200,000"),
        error_after=9,
    ),
)
CHATTERBOX: Script = (
    Turn(
        "Well, that is a long story. It begins with a horse, a rail and a mayor who was always late, and "
        "before we come to line 7 we must speak of lines 1 to 6, each of which deserves a chapter of its own."
    ),
)

_BRIEF = {
    "dog": "Yes, and free of charge; large dogs wear a muzzle.",
    "bicycle": "Free after 19:00, with a ticket before.",
    "child": "Children under six ride free.",
    "ticket": "A day ticket is 6.20.",
}


def brief_answer(messages: Sequence[BaseMessage]) -> str:
    """Answer by the first word that is known."""
    question = str(messages[-1].text).lower()
    return next((answer for word, answer in _BRIEF.items() if word in question), "Ask the driver.")
