"""What counts tokens, among all that providers and other programs send as a count."""

from __future__ import annotations

__all__ = ["MOST_TOKENS", "token_count"]

MOST_TOKENS = 10**12
"""What one answer can have used at most; more is no count, and more than logs and metrics can sum."""


def token_count(value: object) -> int | None:
    """Return *value* as a count of tokens; `None` for what counts none: logs and metrics hold 64 bits."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= MOST_TOKENS else None
