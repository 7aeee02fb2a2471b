"""Regular expressions for keys, values and secrets in text, and what a value's own form tells."""

from __future__ import annotations

import re

from tracebus.capture._known_secrets import HEADS, PARTIAL_HEADS
from tracebus.capture._text import REDACTED

SCHEME = 8  # `Bearer` and a space, which are shown before what they announce

# A quote may be escaped (JSON inside JSON); a string may be cut off by the end of the text.
STRING = r"""(?P<open>\\{0,3}["'])(?P<text>(?:(?!(?P=open))(?:\\.|[^\\]|\\\Z))*+)(?:(?P=open)|\Z)"""
QUOTED = re.compile(STRING, re.DOTALL)
IN_LINE = re.compile(r"""(?P<open>\\{0,3}["'`])(?P<text>(?:(?!(?P=open))(?:\\[^\n]|[^\\\n]))*+)(?P=open)""")
BARE = re.compile(r"""[^\s,;&)}\]\\"'`<>|]{1,16384}+""")
BRACKETS = re.compile(rf"{STRING}|(?P<opening>[{{\[])|(?P<closing>[}}\]])", re.DOTALL)

# `name:`, `"name" :`, `name=`, `\"name\":`; the value follows.
KEY = re.compile(
    r"""(?<![\w\-.])(?P<key>[\w\-.]++)(?P<quote>\\{0,3}["'])?+(?P<space>[ \t\r\n]{0,16}+)"""
    r"""(?P<sign>:=|=(?![=>~])|:)"""
)
OPTION = re.compile(r"--(?P<key>[A-Za-z][\w\-]*+)[ \t]{1,16}+(?=[^\s\-=])")
BEARER = re.compile(r"(?i:(?<![A-Za-z0-9])(?:bearer|basic))[ ]++(?P<value>[\w\-.~+/]{16,}+=*+)")
USER_INFO = re.compile(r"(?<=://)(?P<user>[^/\s:@\"'<>]{0,128}+):(?P<password>[^/\s@\"'<>]{1,512}+)(?=@)")
PEM = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----(?P<body>(?:[^-]|-(?!----END ))*+)"
)
TELEGRAM = re.compile(r"(?<![A-Za-z0-9])\d{8,10}+:AA[\w\-]{32,}+")

ALPHANUMERIC = re.compile(r"[^\W_]")
DIGIT = re.compile(r"\d")
LINE_START = re.compile(r"(?:\A|\n|\\n)[ \t>#*/|+\-]{0,32}+(?:export |set |env |ENV |ARG |- )?[\"']?\Z")
WHOLE_LINE = frozenset({"authorization", "proxyauthorization", "cookie", "setcookie"})
SEPARATORS = ("?", "&", ";")
SIGNED = frozenset(
    (
        "key",
        "sig",
        "signature",
        "hmac",
        "auth",
        "xamzsignature",
        "xamzcredential",
        "xgoogsignature",
        "xossignature",
    )
)
"""Parameters of URLs that carry a secret; elsewhere the same names mean anything."""
SCHEMES = re.compile(r"(?:bearer|basic|token|digest|apikey|negotiate|bot)[ \t]{1,8}+", re.IGNORECASE)

HARMLESS = frozenset({"", "null", "None", "true", "false", "True", "False", "undefined", "nil", REDACTED})
TYPES = frozenset(
    (
        *("str", "string", "String", "text", "varchar", "bytes", "int", "integer", "number", "float", "bool"),
        *("boolean", "any", "Any", "object", "list", "array", "uuid", "optional", "Optional", "SecretStr"),
        *("required", "password", "secret", "token", "self", "this", "process", "yes", "no", "none"),
        *("hidden", "redacted", "changeme"),
    )
)
"""What stands behind a secret key in schemas and signatures, and says nothing."""
PLACEHOLDER = re.compile(r"[$%{<*.…xX\[]|your[_\-]|\[redacted|os\.|process\.|env\.|getenv", re.IGNORECASE)
CALL = re.compile(r"[A-Za-z_][\w.]*+[(\[]")
NAME = re.compile(r"[A-Za-z_.]++")
TYPE = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]*)+")
TAIL_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.+/="

OPEN_ENDS = (
    ("://", re.compile(r"://[^/\s@\"'<>]{0,640}+\Z")),
    (" ", re.compile(r"(?i:bearer|basic)[ ]++[\w\-.~+/=]*+\Z")),
    ("", re.compile(r"(?<![A-Za-z0-9])\d{8,10}+(?::A?[\w\-]*+)?\Z")),
    ("-", re.compile(r"-{1,5}+(?:B(?:E(?:G(?:I(?:N[A-Z0-9 ]{0,60}+-{0,5}+)?+)?+)?+)?+)?+\Z")),
)
"""What there must be, and how the beginning of a secret looks at the end of a text."""


def open_end(text: str, start: int = 0) -> int:
    """Return where at the end of *text*, behind *start*, a secret known by its form may have begun."""
    held = len(text)
    near = max(start, held - 768)
    before = max(0, near - SCHEME)
    for needle, pattern in OPEN_ENDS:
        if text.find(needle, before) >= 0 and (match := pattern.search(text, before)):
            held = min(held, max(start, match.start()))
    begin = len(text.rstrip(TAIL_CHARACTERS))
    previous = text[begin - 1 : begin]
    for at in range(max(begin, start), len(text)):
        if not (previous.isascii() and previous.isalnum()) and (
            text.startswith(HEADS, at) or text[at:] in PARTIAL_HEADS
        ):
            return min(held, at)
        previous = text[at]
    return held


def container_end(text: str, position: int) -> int | None:
    """Return where the JSON container beginning at *position* ends: `None` for nowhere."""
    depth = 0
    for match in BRACKETS.finditer(text, position):
        depth += bool(match["opening"]) - bool(match["closing"])
        if depth <= 0:
            return match.end()
    return None


def joined(name: str) -> str:
    return name.replace("-", "").replace("_", "").replace(".", "").lower()


def has_content(value: str) -> bool:
    return ALPHANUMERIC.search(value) is not None


def looks_made_up(value: str) -> bool:
    """Say whether *value* is no word and no number: it has digits and other characters."""
    return DIGIT.search(value) is not None and not value.replace(".", "").replace(",", "").isdigit()
