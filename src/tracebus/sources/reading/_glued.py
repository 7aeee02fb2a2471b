"""Takes apart model names and finish reasons that LangChain concatenated while adding up chunks.

Adding chunks adds up the strings in their metadata: with several choices (`n=2`) the model's name comes as
often as there are choices, and their finish reasons in one word. What the pieces said is taken apart again
when somebody reads the event; looking at every piece would cost every token.
"""

from __future__ import annotations

__all__ = ["once", "unglued"]

_REASONS = (
    "stop", "length", "tool_calls", "content_filter", "function_call", "end_turn", "max_tokens",
    "stop_sequence", "tool_use", "refusal", "pause_turn", "STOP", "MAX_TOKENS", "SAFETY",
)  # fmt: skip
_SHORTEST = 3
"""Characters of a model's name: nothing shorter is taken for a repetition."""


def once(name: str) -> str:
    """Return *name* without its repetitions: `gpt-4o` for `gpt-4ogpt-4o`."""
    start = (name + name).find(name, 1)
    repeated = start < len(name) and start >= _SHORTEST and len(name) % start == 0
    return name[:start] if repeated else name


def unglued(reason: str) -> list[str]:
    """Return the finish reasons that *reason* is made of: `stop` and `length` for `stoplength`."""
    return _parts(reason) or [reason]


def _parts(reason: str) -> list[str]:
    """Return *reason* as known reasons, the longest first; nothing where it is not made of these."""
    if not reason:
        return []
    for known in sorted(_REASONS, key=len, reverse=True):
        if reason == known:
            return [known]
        if reason.startswith(known) and (rest := _parts(reason[len(known) :])):
            return [known, *rest]
    return []
