"""Applies the capture policy to metadata and parameters, with a cache for those that come again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.capture import to_json

if TYPE_CHECKING:
    from tracebus.capture import Capture
    from tracebus.events import Cut

__all__ = ["kept_small"]

_MOST = 4_096
_MOST_ITEMS = 16
_LONGEST = 200
_known: dict[tuple[Any, ...], tuple[dict[str, Any], tuple[Cut, ...], Capture]] = {}
"""Each with the policy, so that no other can come to have its identity, by which it is known: hashing it was
most of the work."""


def kept_small(value: dict[str, Any], capture: Capture, path: str) -> tuple[dict[str, Any], tuple[Cut, ...]]:
    """Return what `to_json` returns for metadata or parameters.

    Most spans of a service say the same about themselves: what is flat and short is looked up, and the same
    object is in every event that has it.
    """
    key = _key(value, capture, path)
    if key is not None and (found := _known.get(key)) is not None:
        return found[:2]
    kept, cuts = to_json(value, capture, path)
    result = kept if isinstance(kept, dict) else {}
    if key is not None:
        if len(_known) >= _MOST:
            _known.clear()
        _known[key] = result, cuts, capture
    return result, cuts


def _key(value: dict[str, Any], capture: Capture, path: str) -> tuple[Any, ...] | None:
    if len(value) > _MOST_ITEMS:
        return None
    parts: list[Any] = [id(capture), path]
    for name, item in value.items():
        kind = type(item)
        if kind is str:
            if len(item) > _LONGEST:
                return None
        elif kind is not int and kind is not float and kind is not bool:
            return None
        parts += (name, kind, item)
    return tuple(parts)
