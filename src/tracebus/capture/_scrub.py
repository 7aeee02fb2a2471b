"""Secrets inside text: JSON in a string, a `repr`, a URL, a header line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tracebus.capture._text import REDACTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.capture._policy import Capture

# A quote may be escaped (JSON inside JSON); a string may be cut off by the end of the text.
_STRING = r"""(?P<open>\\{0,3}["'])(?P<text>(?:(?!(?P=open))(?:\\.|[^\\]|\\\Z))*)(?:(?P=open)|\Z)"""
_VALUE = re.compile(rf"{_STRING}|(?P<container>[{{\[])|(?P<bare>[^\s,;&)}}\]\\\"']+)", re.DOTALL)
_BRACKETS = re.compile(rf"{_STRING}|(?P<opening>[{{\[])|(?P<closing>[}}\]])", re.DOTALL)

_QUOTED_KEY = re.compile(r"""(?P<quote>\\{0,3}["'])(?P<key>[\w.\- ]{1,128})(?P=quote)\s*:\s*""")
_REPR_KEY = re.compile(r"""\b(?P<key>[A-Za-z_]\w{0,127})=(?=(?P<quote>\\{0,3}["']))""")
_QUERY_KEY = re.compile(r"(?<=[?&])(?P<key>[\w.\-]{1,128})=(?P<quote>)")
_HEADER_KEY = re.compile(
    r"\b(?P<key>(?:proxy-)?authorization|(?:x-)?api-key)\s*:\s*(?:(?:bearer|basic|token)\s+)?(?P<quote>)",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"(?<=://)(?P<user>[^/\s:@]{0,128}):(?P<password>[^/\s@]{1,512})(?=@)")

_KEYS = ((_QUOTED_KEY, ":"), (_REPR_KEY, "="), (_QUERY_KEY, "="), (_HEADER_KEY, "-"), (_HEADER_KEY, "uth"))
_HARMLESS = frozenset({"", "null", "None", "true", "false", "True", "False", REDACTED})


def is_harmless(text: str) -> bool:
    """Tell at once of most texts that they cannot show a key with its value."""
    return ":" not in text and "=" not in text and "-" not in text and "uth" not in text


def scrub(text: str, capture: Capture) -> str:
    """Return *text* with the values of secret keys replaced wherever it plainly shows key and value.

    Found are `"key": value` as in JSON or a `repr` of a dict (also escaped, as JSON inside JSON),
    `key='value'` as in other `repr`s, `?key=value` in a URL, `Authorization: Bearer …`, and, where
    `password` is a secret key, the password of `scheme://user:password@host`.
    """
    if not capture.redact_keys:
        return text
    for pattern, needle in _KEYS:
        if needle in text:
            text = _without_values(text, pattern, capture)
    if "://" in text and "@" in text and capture.is_secret("password"):
        text = _USER_INFO.sub(rf"\g<user>:{REDACTED}", text)
    return text


def _without_values(text: str, pattern: re.Pattern[str], capture: Capture) -> str:
    parts: list[str] = []
    done = 0
    for match in _secret_keys(text, pattern, capture):
        if match.start() < done:
            continue
        start, end, quoted = _value_span(text, match.end())
        if text[start:end] not in _HARMLESS:
            quote = "" if quoted else match["quote"]
            parts += (text[done:start], quote, REDACTED, quote)
            done = end
    parts.append(text[done:])
    return "".join(parts)


def _secret_keys(text: str, pattern: re.Pattern[str], capture: Capture) -> Iterator[re.Match[str]]:
    # Only keys are matched, not their values: a harmless key's value may be JSON with secrets in it.
    return (match for match in pattern.finditer(text) if capture.is_secret(match["key"]))


def _value_span(text: str, position: int) -> tuple[int, int, bool]:
    """Return where the value at *position* begins and ends, and whether quotes stand around that."""
    match = _VALUE.match(text, position)
    if match is None:
        return position, position, True
    if match["container"]:
        return position, _container_end(text, position), False
    if match["bare"]:
        return *match.span("bare"), False
    return *match.span("text"), True


def _container_end(text: str, position: int) -> int:
    """Return where the JSON container beginning at *position* ends: the text's end if nowhere."""
    depth = 0
    for match in _BRACKETS.finditer(text, position):
        depth += bool(match["opening"]) - bool(match["closing"])
        if depth <= 0:
            return match.end()
    return len(text)
