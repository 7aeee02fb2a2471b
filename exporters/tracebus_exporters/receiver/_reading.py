"""Reads attributes as text or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["first_text", "number_or_none", "text_or_none"]


def first_text(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """Return the first of *names* that is a text with something in it."""
    for name in names:
        value = attributes.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def text_or_none(value: Any) -> str | None:
    """Return *value* as text, `None` where there is none."""
    return None if value is None else str(value)


def number_or_none(value: Any) -> int | None:
    """Return *value* where it is an integer."""
    return value if type(value) is int else None
