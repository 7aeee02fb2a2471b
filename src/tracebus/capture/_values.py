"""Redaction in text: whether what follows a secret's key is a value, or only prose or source code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.capture._written import (
    CALL,
    HARMLESS,
    LINE_START,
    NAME,
    PLACEHOLDER,
    TYPE,
    TYPES,
    has_content,
    joined,
    looks_made_up,
)

if TYPE_CHECKING:
    import re

    from tracebus.capture._policy import Capture

_SHORTEST = 6  # of a value in the middle of a sentence
_INDENT = 48  # before a key at the beginning of a line
_CODE_ENDS = ("(", ")", ",", "[")
_QUOTES = ('"', "'")
_LINE_ENDS = ("", "\n", "\r", "\\", "#", ";")
_MARGIN = 64  # of white space between a key and its value, or behind the value


def behind(text: str, end: int) -> int:
    """Return where the next thing behind *end* stands, on the same line."""
    near = text[end : end + _MARGIN]
    return end + len(near) - len(near.lstrip(" \t"))


def is_no_code(text: str, capture: Capture, key: re.Match[str], found: re.Match[str]) -> bool:
    """Tell a value from a name or a call in source code."""
    value = found[0]
    after = behind(text, found.end())
    following = text[after : after + 1]
    if value in HARMLESS or not has_content(value) or CALL.match(value + following):
        return False
    if text[found.end() : found.end() + 1] in _QUOTES:  # the prefix of a string: f"…"
        return False
    if NAME.fullmatch(value) is None:
        return True
    named = "_" in value or "." in value or capture.is_secret(value)
    return not named and joined(value) != joined(key["key"])


def is_no_prose(
    text: str, capture: Capture, key: re.Match[str], found: re.Match[str], *, whole: bool
) -> bool:
    """Tell a value that stands without quotes from prose and code."""
    plain = found[0].rstrip(".:!?")
    if plain in HARMLESS or plain in TYPES or PLACEHOLDER.match(plain) or not has_content(plain):
        return False
    after = behind(text, found.end())
    following = text[after : after + 1]
    if key["sign"] == "=" and not key["space"] and key.end() == found.start():
        return following not in _CODE_ENDS or is_no_code(text, capture, key, found)
    alone = following in _LINE_ENDS or (following == "," and key["sign"] == ":")
    if alone and _at_line_start(text, key.start(), whole=whole):
        name = CALL.match(plain) or (NAME.fullmatch(plain) and (key["sign"] != ":" or "." in plain))
        return not name and not TYPE.fullmatch(plain)
    return len(plain) >= _SHORTEST and looks_made_up(plain) and not CALL.match(found[0] + following)


def _at_line_start(text: str, at: int, *, whole: bool) -> bool:
    before = text[max(0, at - _INDENT) : at]
    match = LINE_START.search(before)
    if match is None:
        return False
    return match.start() > 0 or before[:1] == "\n" or (at <= _INDENT and whole)
