"""Durations as people write them."""

from __future__ import annotations

import re

__all__ = ["parse_duration"]

_UNITS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def parse_duration(text: str) -> float:
    """Return the seconds *text* means: `5`, `5s`, `250ms`, `1.5m` (or `min`), `2h`, `7d`, `1w`.

    Raises:
        ValueError: it means none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w|)", text.strip().lower())
    if found is None:
        raise ValueError("expected a duration such as 250ms, 30s, 5m, 2h or 7d")
    return float(found[1]) * _UNITS[found[2]]
