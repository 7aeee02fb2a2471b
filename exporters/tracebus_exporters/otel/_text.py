"""Strings and numbers no encoder and no backend chokes on."""

from __future__ import annotations

from typing import Any

import msgspec

ELLIPSIS = "… [truncated]"
_INT64 = 2**63
_DEEPEST = 32  # protobuf gives up at about 100 nested messages, of which a level of ours takes three
_SMALLEST = 8
_WORD = 32


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


def to_json(value: Any, limit: int) -> str:
    """Return *value* as valid JSON of at most *limit* characters: strings and lists get shorter."""
    encoded = _encode(value)
    if len(encoded) > limit:
        encoded = _encode(shortened(value, limit))
    return encoded.decode() if len(encoded) <= limit else '""'


def shortened(value: Any, limit: int) -> Any:
    """Return *value* with strings and lists so much shorter that its JSON fits into *limit* bytes."""
    if len(_encode(value)) <= limit:
        return value
    longest, most = limit // 2, 1_000
    while longest >= _SMALLEST:
        candidate = _shorten(value, longest, most)
        if len(_encode(candidate)) <= limit:
            return candidate
        longest, most = longest // 2, max(2, most // 2)
    return ELLIPSIS[:limit]


def _encode(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError, TypeError, RecursionError, ValueError):
        return msgspec.json.encode(clean_tree(value))


def _shorten(value: Any, longest: int, most: int) -> Any:
    """Return *value* with strings of at most *longest* characters and containers of *most* items."""
    if isinstance(value, str):
        # Words such as a role or a type are short, and nothing without them.
        return value if len(value) <= max(longest, _WORD) else value[:longest] + ELLIPSIS
    if isinstance(value, dict):
        return {
            str(key)[: max(longest, _WORD)]: _shorten(item, longest, most)
            for key, item, _ in zip(value, value.values(), range(most * 2), strict=False)
        }
    if isinstance(value, list | tuple):
        kept = list(value) if len(value) <= most else [*value[: most // 2], *value[-(most - most // 2) :]]
        return [_shorten(item, longest, most) for item in kept]
    return value
