"""Prices that no list has: of the user's own models, in a file, and of the demo's."""

from __future__ import annotations

import json
import logging
import os
from functools import lru_cache
from pathlib import Path
from typing import Final

__all__ = ["CLASSES", "own_prices"]

_log = logging.getLogger("tracebus")

CLASSES: Final = ("input", "output", "cache_read", "cache_creation")
"""Classes of token that may have a price of their own; cached input without one costs what input costs."""

_DEMO: Final = {
    # Made up, so that the demo has costs to show; of the order of what hosted models of the two sizes cost.
    "scripted/scripted-large": {"input": 2.5, "output": 10.0, "cache_read": 0.25},
    "scripted/scripted-small": {"input": 0.15, "output": 0.6},
}


def own_prices(provider: str | None, name: str) -> dict[str, float] | None:
    """Return US dollars per million tokens, by class, where the user or the demo has set them.

    `TRACEBUS_PRICES` names a JSON file: `{"my-model": {"input": 0.5, "output": 1.5}}`, where a name may have
    its provider before it: `"ollama/my-model"`.
    """
    for prices in (_file(os.environ.get("TRACEBUS_PRICES", "")), _DEMO):
        for key in (f"{provider}/{name}", name):
            if key in prices:
                return prices[key]
    return None


@lru_cache(maxsize=4)
def _file(path: str) -> dict[str, dict[str, float]]:
    if not path:
        return {}
    try:
        given = json.loads(Path(path).read_text(encoding="utf-8"))
        return {str(model): _checked(str(model), prices) for model, prices in given.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        _log.warning("TRACEBUS_PRICES=%r is not read: %s", path, error)
        return {}


def _checked(model: str, prices: dict[str, float]) -> dict[str, float]:
    unknown = prices.keys() - set(CLASSES)
    if unknown:
        raise ValueError(f"{model}: unknown {', '.join(sorted(unknown))}; known are {', '.join(CLASSES)}")
    if "input" not in prices:
        raise ValueError(f'{model}: no price for "input"')
    checked = {kind: float(price) for kind, price in prices.items()}
    if min(checked.values()) < 0:
        raise ValueError(f"{model}: a price below 0")
    return checked
