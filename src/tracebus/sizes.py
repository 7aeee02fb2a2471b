"""Sizes as people write them."""

from __future__ import annotations

import re

__all__ = ["parse_size"]

_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}


def parse_size(text: str) -> int:
    """Return the bytes *text* means: `1000000`, `500MB`, `1.5G`. Units are powers of 1000.

    Raises:
        ValueError: it means none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip().upper())
    if found is None:
        raise ValueError("expected a size such as 500MB or 2GB")
    return int(float(found[1]) * _UNITS[found[2]])
