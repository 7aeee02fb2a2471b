"""Durations as people write them."""

from __future__ import annotations

import re

__all__ = ["parse_duration"]

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Return the seconds *text* means: `5`, `5s`, `250ms`, `1.5m`, `2h`.

    Raises:
        ValueError: it means none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|)", text.strip().lower())
    if found is None:
        raise ValueError("expected a duration such as 5s, 250ms or 2m")
    return float(found[1]) * _UNITS[found[2]]
