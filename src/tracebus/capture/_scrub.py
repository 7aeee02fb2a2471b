"""Secrets inside text: JSON in a string, a `repr`, a query string."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracebus.capture._policy import Capture

REDACTED = "[redacted]"

_QUOTED_KEY = r"""(?P<quote>\\{0,3}["'])(?P<key>[\w.\- ]{1,128})(?P=quote)\s*:\s*"""
_STRING = r"""(?P<open>\\{0,3}["'])(?P<text>(?:(?!(?P=open))(?:\\.|[^\\]))*)(?P<close>(?P=open)|\Z)"""
"""A quoted string, its quote perhaps escaped (JSON inside JSON), perhaps cut off by the text's end."""
_BARE = r"""(?P<bare>[^\s,}\])'"\\\[{(][^\s,}\])]*)"""

_IN_JSON = re.compile(f"{_QUOTED_KEY}(?:{_STRING}|{_BARE})", re.DOTALL)
_IN_REPR = re.compile(rf"(?P<key>\b[A-Za-z_][\w]{{0,127}})=(?:{_STRING})", re.DOTALL)
_IN_QUERY = re.compile(r"(?<=[?&])(?P<key>[\w.\-]{1,128})=(?P<bare>[^&\s#\"']+)")
_IN_HEADER = re.compile(
    r"(?P<key>\b(?:proxy-)?authorization)\s*[:=]\s*(?P<bare>(?:bearer|basic|token)\s+[^\s,;\"']+)",
    re.IGNORECASE,
)
_HARMLESS = frozenset({"null", "None", "true", "false", "True", "False"})


def scrub(text: str, capture: Capture) -> str:
    """Return *text* with the values of secret keys replaced wherever it plainly shows key and value.

    Found are `"key": value` as in JSON or a `repr` of a dict (quotes may be escaped), `key='value'`
    as in other `repr`s, `?key=value` as in a URL, and `Authorization: Bearer …`.
    """
    if not capture.redact_keys:
        return text

    def replaced(match: re.Match[str]) -> str:
        found = match.groupdict()
        bare = found.get("bare")
        if bare in _HARMLESS or not capture.is_secret(found["key"]):
            return match.group()
        start, end = match.span("bare" if bare is not None else "text")
        offset = match.start()
        return match.group()[: start - offset] + REDACTED + match.group()[end - offset :]

    for pattern, needle in _PATTERNS:
        if needle in text:
            text = pattern.sub(replaced, text)
    return text


_PATTERNS = ((_IN_JSON, ":"), (_IN_REPR, "="), (_IN_QUERY, "="), (_IN_HEADER, "uthorization"))
