"""About how much memory a payload takes: counted in characters, quickly."""

from __future__ import annotations

from typing import Any

_MOST_LOOKED_AT = 2_000
_PER_VALUE = 16


def size_of(value: Any, known: set[int] | None = None) -> int:
    """Return the characters in *value*; of very many parts only the first are looked at.

    Args:
        value: JSON data.
        known: the identities of objects weighed before, which hold no more for being there again; those of
            *value* are added. They must live as long as it does.
    """
    known = set() if known is None else known
    if isinstance(value, str):
        return len(value)
    total, looked_at, pending = 0, 0, [value]
    while pending and looked_at < _MOST_LOOKED_AT:
        part = pending.pop()
        looked_at += 1
        if isinstance(part, str):
            total += len(part)
        elif isinstance(part, dict):
            if id(part) not in known:
                known.add(id(part))
                pending.extend(part.values())
        elif isinstance(part, (list, tuple)):
            pending.extend(part)
        total += _PER_VALUE
    return total + len(pending) * _PER_VALUE
