"""Secrets inside text: a key with its value, as people and programs write them, or a secret by its form.

One left-to-right reading serves whole texts and streams: `find` says what is a secret and from where on
more text is needed to tell. It is a pure function of the text and the policy.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tracebus.capture._known_secrets import FORMS, HEADS, PARTIAL_HEADS
from tracebus.capture._text import REDACTED

if TYPE_CHECKING:
    from tracebus.capture._policy import Capture

__all__ = ["Found", "Span", "find", "is_harmless", "open_end", "replaced", "scrub"]

_LONGEST_NAME = 128
_SCHEME = 8  # `Bearer` and a space, which are shown before what they announce
_SHORTEST = 6  # of a value in the middle of a sentence
_INDENT = 48  # before a key at the beginning of a line
_CODE_ENDS = ("(", ")", ",", "[")
_QUOTES = ('"', "'")
_LINE_ENDS = ("", "\n", "\r", "\\", "#", ";")
_MARGIN = 64  # of white space between a key and its value, or behind the value

# A quote may be escaped (JSON inside JSON); a string may be cut off by the end of the text.
_STRING = r"""(?P<open>\\{0,3}["'])(?P<text>(?:(?!(?P=open))(?:\\.|[^\\]|\\\Z))*+)(?:(?P=open)|\Z)"""
_QUOTED = re.compile(_STRING, re.DOTALL)
_IN_LINE = re.compile(r"""(?P<open>\\{0,3}["'`])(?P<text>(?:(?!(?P=open))(?:\\[^\n]|[^\\\n]))*+)(?P=open)""")
_BARE = re.compile(r"""[^\s,;&)}\]\\"'`<>|]{1,16384}+""")
_BRACKETS = re.compile(rf"{_STRING}|(?P<opening>[{{\[])|(?P<closing>[}}\]])", re.DOTALL)

# `name:`, `"name" :`, `name=`, `\"name\":`; the value follows.
_KEY = re.compile(
    r"""(?<![\w\-.])(?P<key>[\w\-.]++)(?P<quote>\\{0,3}["'])?+(?P<space>[ \t\r\n]{0,16}+)"""
    r"""(?P<sign>:=|=(?![=>~])|:)"""
)
_OPTION = re.compile(r"--(?P<key>[A-Za-z][\w\-]*+)[ \t]{1,16}+(?=[^\s\-=])")
_BEARER = re.compile(r"(?i:(?<![A-Za-z0-9])(?:bearer|basic))[ ]++(?P<value>[\w\-.~+/]{16,}+=*+)")
_USER_INFO = re.compile(r"(?<=://)(?P<user>[^/\s:@\"'<>]{0,128}+):(?P<password>[^/\s@\"'<>]{1,512}+)(?=@)")
_PEM = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----(?P<body>(?:[^-]|-(?!----END ))*+)"
)
_TELEGRAM = re.compile(r"(?<![A-Za-z0-9])\d{8,10}+:AA[\w\-]{32,}+")

_ALPHANUMERIC = re.compile(r"[^\W_]")
_DIGIT = re.compile(r"\d")
_LINE_START = re.compile(r"(?:\A|\n|\\n)[ \t>#*/|+\-]{0,32}+(?:export |set |env |ENV |ARG |- )?[\"']?\Z")
_WHOLE_LINE = frozenset({"authorization", "proxyauthorization", "cookie", "setcookie"})
_SEPARATORS = ("?", "&", ";")
_SIGNED = frozenset(
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
_SCHEMES = re.compile(r"(?:bearer|basic|token|digest|apikey|negotiate|bot)[ \t]{1,8}+", re.IGNORECASE)

_HARMLESS = frozenset({"", "null", "None", "true", "false", "True", "False", "undefined", "nil", REDACTED})
_TYPES = frozenset(
    (
        *("str", "string", "String", "text", "varchar", "bytes", "int", "integer", "number", "float", "bool"),
        *("boolean", "any", "Any", "object", "list", "array", "uuid", "optional", "Optional", "SecretStr"),
        *("required", "password", "secret", "token", "self", "this", "process", "yes", "no", "none"),
        *("hidden", "redacted", "changeme"),
    )
)
"""What stands behind a secret key in schemas and signatures, and says nothing."""
_PLACEHOLDER = re.compile(r"[$%{<*.…xX\[]|your[_\-]|\[redacted|os\.|process\.|env\.|getenv", re.IGNORECASE)
_CALL = re.compile(r"[A-Za-z_][\w.]*+[(\[]")
_NAME = re.compile(r"[A-Za-z_.]++")
_TYPE = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]*)+")
_TAIL_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.+/="

_OPEN_ENDS = (
    ("://", re.compile(r"://[^/\s@\"'<>]{0,640}+\Z")),
    (" ", re.compile(r"(?i:bearer|basic)[ ]++[\w\-.~+/=]*+\Z")),
    ("", re.compile(r"(?<![A-Za-z0-9])\d{8,10}+(?::A?[\w\-]*+)?\Z")),
    ("-", re.compile(r"-{1,5}+(?:B(?:E(?:G(?:I(?:N[A-Z0-9 ]{0,60}+-{0,5}+)?+)?+)?+)?+)?+\Z")),
)
"""What there must be, and how the beginning of a secret looks at the end of a text."""


class Span(NamedTuple):
    """A part of a text and what takes its place."""

    start: int
    end: int
    instead: str


class Found(NamedTuple):
    """What a text hides."""

    spans: list[Span]
    """In order; none overlaps another."""
    settled: int
    """From here on more text may change what is found; the text's length where none can."""


def is_harmless(text: str) -> bool:
    """Tell at once of most texts that they cannot hold a secret one could find."""
    return (
        ":" not in text
        and "=" not in text
        and "-" not in text
        and "_" not in text
        and not any(head in text for head in _UNMARKED)
    )


_MARKS = frozenset("-_:=")
_UNMARKED = (*(head for head in HEADS if _MARKS.isdisjoint(head)), "earer ", "asic ")
"""What else a secret may begin with."""


def scrub(text: str, capture: Capture) -> str:
    """Return *text* with every secret in it replaced by `[redacted]`.

    Found are the values of secret keys in JSON and in a `repr` (also escaped, as JSON inside JSON), in
    URLs, forms, headers, `.env` files, YAML, source code, options of commands; what is known by its
    form; private keys in PEM; and the password of `scheme://user:password@host`.
    """
    return replaced(text, find(text, capture).spans)


def replaced(text: str, spans: list[Span], start: int = 0, end: int | None = None) -> str:
    """Return *text* from *start* to *end*, which no span crosses, with *spans* replaced."""
    if not spans:
        return text[start:end]
    parts: list[str] = []
    done, stop = start, len(text) if end is None else end
    for span in spans:
        if span.start >= done and span.end <= stop:
            parts += (text[done : span.start], span.instead)
            done = span.end
    parts.append(text[done:stop])
    return "".join(parts)


def find(text: str, capture: Capture, *, more: bool = False, whole: bool = True, start: int = 0) -> Found:
    """Find the secrets in *text*.

    Args:
        text: the text.
        capture: says which keys are secret.
        more: further text is to come: say from where on it could matter.
        whole: the text begins where it begins, so its first line is a line.
        start: what is before is only looked at for keys; no secret goes on from there.
    """
    if not capture.redact_keys:
        return Found([], len(text))
    reading = _Reading(text, capture, more=more, whole=whole, start=start)
    reading.keys()
    reading.options()
    reading.forms()
    return reading.found()


class _Reading:
    """One text being read."""

    __slots__ = (
        "_capture",
        "_covered",
        "_held",
        "_line",
        "_more",
        "_spans",
        "_start",
        "_text",
        "_whole",
        "_whole_parts",
    )

    def __init__(self, text: str, capture: Capture, *, more: bool, whole: bool, start: int) -> None:
        self._text = text
        self._capture = capture
        self._more = more
        self._whole = whole
        self._start = start
        self._spans: list[Span] = []
        self._whole_parts: list[tuple[int, int]] = []
        """What is only recognised as a whole, from its first character to the end of its secret."""
        self._line = 0
        self._covered = 0
        """The end of the last value found by its key."""
        self._held = len(text)

    def found(self) -> Found:
        spans: list[Span] = []
        for span in sorted(self._spans):
            if spans and span.start < spans[-1].end:
                if span.end > spans[-1].end:
                    spans[-1] = spans[-1]._replace(end=span.end)
            else:
                spans.append(span)
        settled = self._held
        for start, end in reversed([*((span.start, span.end) for span in spans), *self._whole_parts]):
            if start < settled < end:
                settled = start
        return Found([span for span in spans if span.end <= settled] if self._more else spans, settled)

    # -- keys and their values -------------------------------------------------------------------

    def keys(self) -> None:
        text = self._text
        if ":" not in text and "=" not in text:
            return
        is_secret = self._capture.is_secret
        for match in _KEY.finditer(text):
            if match.start() < self._covered:
                continue  # inside a value that is not shown: looking at each would take time squared
            key, quote, space, sign = match.groups()
            if quote:
                begin = match.start()
                if begin == 0 or text[begin - 1] != quote[-1]:
                    key = self._quoted_name(match, quote)
                if is_secret(key):
                    self._value(match, quoted=True)
            elif (is_secret(key) or (sign == "=" and self._signs(key, match))) and "\n" not in space:
                self._value(match, quoted=False)

    def _quoted_name(self, match: re.Match[str], quote: str) -> str:
        """Return a quoted key whole: it may have spaces in it."""
        end = match.end("key")
        begin = self._text.rfind(quote[-1], max(0, end - _LONGEST_NAME), end)
        return match["key"] if begin < 0 else self._text[begin + 1 : end]

    def _signs(self, key: str, match: re.Match[str]) -> bool:
        """Say whether *key* is a parameter of a URL that carries a secret."""
        before = self._text[max(0, match.start() - 1) : match.start()]
        return (
            before in _SEPARATORS
            and key.replace("-", "").lower() in _SIGNED
            and self._capture.is_secret("secret")
        )

    def _value(self, match: re.Match[str], *, quoted: bool) -> None:
        text, at = self._text, match.end()
        stop = min(len(text), at + _MARGIN)
        while at < stop and (text[at] in " \t" or (quoted and text[at] in "\r\n")):
            at += 1
        if at >= len(text):
            return
        if not quoted and _joined(match["key"]) in _WHOLE_LINE and match["sign"] == ":":
            self._to_line_end(at, cookie="cookie" in match["key"].lower())
            return
        character = text[at]
        if quoted and character in "{[":
            end = _container_end(text, at)
            mark = match["quote"]
            self._decided(at, end or len(text), f"{mark}{REDACTED}{mark}", open_=end is None)
        elif character in "\"'`\\":
            self._string(at, quoted=quoted)
        else:
            self._bare(match, at, quoted=quoted)

    def _string(self, at: int, *, quoted: bool) -> None:
        match = (_QUOTED if quoted else _IN_LINE).match(self._text, at)
        if match is None:
            if self._text.find("\n", at) < 0:
                self._hold(at)
            return
        open_ = match.end() == match.end("text")  # the end of the text, not of the string
        if match["text"] in _HARMLESS and not open_:
            return
        if match["text"] == "" and open_:
            self._hold(at)
            return
        self._decided(*match.span("text"), REDACTED, open_=open_)

    def _bare(self, match: re.Match[str], at: int, *, quoted: bool) -> None:
        text = self._text
        if scheme := _SCHEMES.match(text, at):
            at = scheme.end()
        found = _BARE.match(text, at)
        if found is None:
            return
        self._covered = max(self._covered, found.end())
        after = self._behind(found.end())
        if after >= len(text):
            self._hold(at)
        mark = (match["quote"] or "") if quoted else ""
        hidden = self._is_no_code(match, found, after) if quoted else self._is_no_prose(match, found, after)
        if hidden:
            self._spans.append(Span(*found.span(), f"{mark}{REDACTED}{mark}"))

    def _is_no_code(self, key: re.Match[str], found: re.Match[str], after: int) -> bool:
        """Tell a value from a name or a call in source code."""
        value = found[0]
        following = self._text[after : after + 1]
        if value in _HARMLESS or not _has_content(value) or _CALL.match(value + following):
            return False
        if self._text[found.end() : found.end() + 1] in _QUOTES:  # the prefix of a string: f"…"
            return False
        if _NAME.fullmatch(value) is None:
            return True
        named = "_" in value or "." in value or self._capture.is_secret(value)
        return not named and _joined(value) != _joined(key["key"])

    def _behind(self, end: int) -> int:
        """Return where the next thing behind *end* stands, on the same line."""
        near = self._text[end : end + _MARGIN]
        return end + len(near) - len(near.lstrip(" \t"))

    def _is_no_prose(self, key: re.Match[str], found: re.Match[str], after: int) -> bool:
        """Tell a value that stands without quotes from prose and code."""
        plain = found[0].rstrip(".:!?")
        if plain in _HARMLESS or plain in _TYPES or _PLACEHOLDER.match(plain) or not _has_content(plain):
            return False
        following = self._text[after : after + 1]
        if key["sign"] == "=" and not key["space"] and key.end() == found.start():
            return following not in _CODE_ENDS or self._is_no_code(key, found, after)
        alone = following in _LINE_ENDS or (following == "," and key["sign"] == ":")
        if alone and self._at_line_start(key.start()):
            name = _CALL.match(plain) or (_NAME.fullmatch(plain) and (key["sign"] != ":" or "." in plain))
            return not name and not _TYPE.fullmatch(plain)
        return len(plain) >= _SHORTEST and _looks_made_up(plain) and not _CALL.match(found[0] + following)

    def _at_line_start(self, at: int) -> bool:
        before = self._text[max(0, at - _INDENT) : at]
        match = _LINE_START.search(before)
        if match is None:
            return False
        return match.start() > 0 or before[:1] == "\n" or (at <= _INDENT and self._whole)

    def _to_line_end(self, at: int, *, cookie: bool) -> None:
        text = self._text
        if at < self._line:
            return  # the header before it has been judged with all that follows on its line
        stop = len(text)
        for mark in ("\n", "\r", '"', "'", "\\"):
            if (found := text.find(mark, at, stop)) >= 0:
                stop = found
        self._line = stop
        value = text[at:stop].rstrip()
        if value in _HARMLESS:
            if stop == len(text):
                self._hold(at)
            return
        scheme = _SCHEMES.match(text, at)
        start = scheme.end() if scheme and scheme.end() < at + len(value) else at
        if stop == len(text):
            self._hold(at)
        plain = text[start : at + len(value)]
        if _looks_made_up(plain) or (cookie and "=" in plain) or (scheme and start > at):
            self._spans.append(Span(start, at + len(value), REDACTED))

    def options(self) -> None:
        text = self._text
        if "--" not in text:
            return
        for match in _OPTION.finditer(text):
            before = text[max(0, match.start() - 1) : match.start()]
            if self._capture.is_secret(match["key"]) and not (before.isalnum() or before == "-"):
                self._option(match.end())

    def _option(self, at: int) -> None:
        text = self._text
        if text[at] in "\"'":
            self._string(at, quoted=False)
            return
        found = _BARE.match(text, at)
        if found is None:
            return
        after = self._behind(found.end())
        if after >= len(text):
            self._hold(at)
        prose = found[0].isalpha() and found[0].islower() and text[after : after + 1].isalpha()
        if found[0] not in _HARMLESS and not prose and not _PLACEHOLDER.match(found[0]):
            self._spans.append(Span(*found.span(), REDACTED))

    # -- by form ---------------------------------------------------------------------------------

    def forms(self) -> None:
        text, start = self._text, self._start
        self._spans += [Span(*match.span(), REDACTED) for match in FORMS.finditer(text, start)]
        if ":AA" in text:
            self._spans += [Span(*match.span(), REDACTED) for match in _TELEGRAM.finditer(text, start)]
        if "earer " in text or "asic " in text or "EARER " in text:
            found = (
                match
                for match in _BEARER.finditer(text, max(0, start - _SCHEME))
                if _DIGIT.search(match["value"])
            )
            self._spans += [Span(*match.span("value"), REDACTED) for match in found]
        if "://" in text and "@" in text and self._capture.is_secret("password"):
            for match in _USER_INFO.finditer(text, start):
                self._spans.append(Span(*match.span("password"), REDACTED))
                self._whole_parts.append(match.span())
        if "-----BEGIN" in text:
            self._blocks()
        if self._more:
            self._hold(open_end(text, start))

    def _blocks(self) -> None:
        for match in _PEM.finditer(self._text, self._start):
            if match.end() == len(self._text):
                self._hold(match.start())
            self._spans.append(Span(*match.span("body"), f"\n{REDACTED}\n"))
            self._whole_parts.append(match.span())

    # -- notes -----------------------------------------------------------------------------------

    def _decided(self, start: int, end: int, instead: str, *, open_: bool) -> None:
        if open_:
            self._hold(start)
        self._covered = max(self._covered, end)
        self._spans.append(Span(start, end, instead))

    def _hold(self, at: int) -> None:
        if self._more:
            self._held = min(self._held, at)


def open_end(text: str, start: int = 0) -> int:
    """Return where at the end of *text*, behind *start*, a secret known by its form may have begun."""
    held = len(text)
    near = max(start, held - 768)
    before = max(0, near - _SCHEME)
    for needle, pattern in _OPEN_ENDS:
        if text.find(needle, before) >= 0 and (match := pattern.search(text, before)):
            held = min(held, max(start, match.start()))
    begin = len(text.rstrip(_TAIL_CHARACTERS))
    previous = text[begin - 1 : begin]
    for at in range(max(begin, start), len(text)):
        if not (previous.isascii() and previous.isalnum()) and (
            text.startswith(HEADS, at) or text[at:] in PARTIAL_HEADS
        ):
            return min(held, at)
        previous = text[at]
    return held


def _container_end(text: str, position: int) -> int | None:
    """Return where the JSON container beginning at *position* ends: `None` for nowhere."""
    depth = 0
    for match in _BRACKETS.finditer(text, position):
        depth += bool(match["opening"]) - bool(match["closing"])
        if depth <= 0:
            return match.end()
    return None


def _joined(name: str) -> str:
    return name.replace("-", "").replace("_", "").replace(".", "").lower()


def _has_content(value: str) -> bool:
    return _ALPHANUMERIC.search(value) is not None


def _looks_made_up(value: str) -> bool:
    """Say whether *value* is no word and no number: it has digits and other characters."""
    return _DIGIT.search(value) is not None and not value.replace(".", "").replace(",", "").isdigit()
