"""Pictures, sounds and files inside a payload: their bytes are replaced by a short description."""

from __future__ import annotations

import re

__all__ = ["LONGEST_KEPT", "without_bytes"]

LONGEST_KEPT = 2_048
"""Characters of encoded data that are kept as they are: an icon, a hash, a short signature."""

_LOOKED_AT = 512
_DATA_URL = re.compile(r"data:[\w.+\-/]{0,100}(?:;[\w.+\-]{1,40}(?:=[\w.+\-]{0,60})?){0,4};base64,")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\r\n]{512}")


def without_bytes(text: str) -> tuple[str, int] | None:
    """Return what stands for *text* if it is long encoded data, and how many bytes it was.

    Twenty pictures must not cost the question they come with its place in an event.
    """
    if len(text) <= LONGEST_KEPT:
        return None
    head = _DATA_URL.match(text, 0, _LOOKED_AT)
    start = head.end() if head else 0
    sample = text[start : start + _LOOKED_AT]
    if _BASE64.match(sample) is None or not _varied(sample):
        return None
    size = (len(text) - start) * 3 // 4 - text[-2:].count("=")
    return f"{text[:start]}<{size} bytes>", size


def _varied(sample: str) -> bool:
    """Tell data from a repeated character or one long word."""
    return (
        any(map(str.isupper, sample)) and any(map(str.islower, sample)) and any(map(str.isdigit, sample))
    ) and len(set(sample)) > 20  # noqa: PLR2004  of the 64 that random data has
