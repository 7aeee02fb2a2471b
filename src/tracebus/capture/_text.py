"""Strings made encodable as UTF-8 and cut; the `str`, `repr` and type name of any value, without raising."""

from __future__ import annotations

import contextlib
from typing import Any

ELLIPSIS = "…"
REDACTED = "[redacted]"
INTERRUPTIONS = (KeyboardInterrupt, SystemExit)
"""What passes through even from a value's own code. All else stays here, `BaseException`s included:
extension modules report their panics that way."""

_LONGEST_NAME = 200


def clean_text(text: str) -> str:
    """Return *text* as an exact `str` without lone surrogates, which no UTF-8 encoder takes.

    A surrogate pair becomes the character it stands for, a lone one U+FFFD.
    """
    if type(text) is not str:
        text = str.__str__(text)  # the characters themselves, whatever a subclass's `__str__` says
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def clipped(text: str, limit: int) -> str:
    """Return *text*, ending in `…` where it was longer than *limit* characters."""
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def type_name(value_type: type) -> str:
    """Return the qualified name of *value_type* with its module, none for a built-in; never raise."""
    try:
        module, name = value_type.__module__, value_type.__qualname__
        full = str(name) if module in {"builtins", None} else f"{module}.{name}"
    except INTERRUPTIONS:
        raise
    except BaseException:  # noqa: BLE001  # a metaclass's properties are the program's code
        full = "object"
    return clipped(clean_text(full), _LONGEST_NAME)


def safe_repr(value: Any) -> str | None:
    """Return `repr(value)`, or `None` if that fails."""
    with _contained():
        return clean_text(repr(value))
    return None


def safe_str(value: Any) -> str | None:
    """Return `str(value)`, or `None` if that fails."""
    with _contained():
        return clean_text(str(value))
    return None


class _contained(contextlib.AbstractContextManager[None]):  # noqa: N801  # reads as a statement
    """Keep what a value's own code raises from going further."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and not issubclass(kind, INTERRUPTIONS)
