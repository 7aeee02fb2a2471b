"""Strings, integers and nesting cut to what every encoder and backend accepts."""

from __future__ import annotations

from typing import Any

ELLIPSIS = "… [truncated]"
_INT64 = 2**63
_DEEPEST = 32  # protobuf gives up at about 100 nested messages, of which a level of ours takes three


def clean(text: str, limit: int | None = None) -> str:
    """Return *text* at most *limit* characters long and encodable as UTF-8.

    One lone surrogate in a span's name makes the SDK lose the whole batch.
    """
    if limit is not None and len(text) > limit:
        text = text[: max(0, limit - len(ELLIPSIS))] + ELLIPSIS[:limit]
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


def clean_tree(value: Any, depth: int = _DEEPEST) -> Any:  # noqa: PLR0911  one for each type
    """Return JSON *value* with every string encodable, every integer in 64 bits, and not too deep."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else float(value) if abs(value) < 10**300 else str(value)
    if isinstance(value, dict):
        if depth <= 0:
            return ELLIPSIS
        return {clean(str(key)) or "_": clean_tree(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_tree(item, depth - 1) for item in value] if depth > 0 else ELLIPSIS
    return value if isinstance(value, float) else clean(str(value))
