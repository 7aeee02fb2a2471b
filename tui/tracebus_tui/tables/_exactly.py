"""Writes the filter that selects exactly the runs counted in a line of a table."""

from __future__ import annotations

import re
import shlex

END = r"\Z"
_LONGEST = 160
_UNTYPED = "[^ -~]"
"""Stands for characters that cannot be typed, whichever they are."""


def exactly(field: str, value: str) -> str:
    """Return the filter for runs whose *field* is *value*; safe to show in the prompt."""
    if value.isprintable() and len(value) <= _LONGEST:
        return shlex.quote(f"{field}:={value}")
    return matching(field, f"^{pattern(value[:_LONGEST])}{'' if len(value) > _LONGEST else END}")


def matching(field: str, expression: str) -> str:
    """Return the filter for runs whose *field* matches a regular expression."""
    return shlex.quote(f"{field}:~{expression}")


def pattern(text: str) -> str:
    """Return a regular expression for *text*, with no character in it that could not be typed."""
    return "".join(
        r"\s" if character.isspace() and character != " " else _escaped(character) for character in text
    )


def _escaped(character: str) -> str:
    return re.escape(character).replace(r"\ ", " ") if character.isprintable() else _UNTYPED
