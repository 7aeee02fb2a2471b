"""Redaction in text: secrets by the key before them, or by their own form (a token's prefix, say).

One left-to-right reading serves whole texts and streams: `find` says what is a secret and from where on
more text is needed to tell. It is a pure function of the text and the policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tracebus.capture._known_secrets import FORMS, HEADS
from tracebus.capture._stretches import around_signs, long_words
from tracebus.capture._text import REDACTED
from tracebus.capture._values import behind, is_no_code, is_no_prose
from tracebus.capture._written import (
    BARE,
    BEARER,
    DIGIT,
    HARMLESS,
    IN_LINE,
    KEY,
    OPTION,
    PEM,
    PLACEHOLDER,
    QUOTED,
    SCHEME,
    SCHEMES,
    SEPARATORS,
    SIGNED,
    TELEGRAM,
    USER_INFO,
    WHOLE_LINE,
    container_end,
    joined,
    looks_made_up,
    open_end,
)

if TYPE_CHECKING:
    import re

    from tracebus.capture._policy import Capture

__all__ = ["Found", "Span", "find", "is_harmless", "open_end", "replaced", "scrub"]

_LONGEST_NAME = 128
_MARGIN = 64  # of white space between a key and its value, or behind the value


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
    if ":" in text or "=" in text or "-" in text or "_" in text:
        return False
    for shared, heads in _UNMARKED:
        if shared in text:
            for head in heads:
                if head in text:
                    return False
    return True


_MARKS = frozenset("-_:=")


def _by_what_they_share(heads: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return *heads* in groups, each with a text that all in it have: few texts need be asked for each."""
    shared = (".", "A", *(head for head in heads if "." not in head and "A" not in head))
    return tuple((part, tuple(head for head in heads if part in head)) for part in shared)


_UNMARKED = _by_what_they_share((*(head for head in HEADS if _MARKS.isdisjoint(head)), "earer ", "asic "))
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
        for start, end in around_signs(text):
            for match in KEY.finditer(text, start, end):
                self._key(match)

    def _key(self, match: re.Match[str]) -> None:
        if match.start() < self._covered:
            return  # inside a value that is not shown: looking at each would take time squared
        text, is_secret = self._text, self._capture.is_secret
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
            before in SEPARATORS
            and key.replace("-", "").lower() in SIGNED
            and self._capture.is_secret("secret")
        )

    def _value(self, match: re.Match[str], *, quoted: bool) -> None:
        text, at = self._text, match.end()
        stop = min(len(text), at + _MARGIN)
        while at < stop and (text[at] in " \t" or (quoted and text[at] in "\r\n")):
            at += 1
        if at >= len(text):
            return
        if not quoted and joined(match["key"]) in WHOLE_LINE and match["sign"] == ":":
            self._to_line_end(at, cookie="cookie" in match["key"].lower())
            return
        character = text[at]
        if quoted and character in "{[":
            end = container_end(text, at)
            mark = match["quote"]
            self._decided(at, end or len(text), f"{mark}{REDACTED}{mark}", open_=end is None)
        elif character in "\"'`\\":
            self._string(at, quoted=quoted)
        else:
            self._bare(match, at, quoted=quoted)

    def _string(self, at: int, *, quoted: bool) -> None:
        match = (QUOTED if quoted else IN_LINE).match(self._text, at)
        if match is None:
            if self._text.find("\n", at) < 0:
                self._hold(at)
            return
        open_ = match.end() == match.end("text")  # the end of the text, not of the string
        if match["text"] in HARMLESS and not open_:
            return
        if match["text"] == "" and open_:
            self._hold(at)
            return
        self._decided(*match.span("text"), REDACTED, open_=open_)

    def _bare(self, match: re.Match[str], at: int, *, quoted: bool) -> None:
        text = self._text
        if scheme := SCHEMES.match(text, at):
            at = scheme.end()
        found = BARE.match(text, at)
        if found is None:
            return
        self._covered = max(self._covered, found.end())
        after = behind(text, found.end())
        if after >= len(text):
            self._hold(at)
        mark = (match["quote"] or "") if quoted else ""
        hidden = (
            is_no_code(text, self._capture, match, found)
            if quoted
            else is_no_prose(text, self._capture, match, found, whole=self._whole)
        )
        if hidden:
            self._spans.append(Span(*found.span(), f"{mark}{REDACTED}{mark}"))

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
        if value in HARMLESS:
            if stop == len(text):
                self._hold(at)
            return
        scheme = SCHEMES.match(text, at)
        start = scheme.end() if scheme and scheme.end() < at + len(value) else at
        if stop == len(text):
            self._hold(at)
        plain = text[start : at + len(value)]
        if looks_made_up(plain) or (cookie and "=" in plain) or (scheme and start > at):
            self._spans.append(Span(start, at + len(value), REDACTED))

    def options(self) -> None:
        text = self._text
        if "--" not in text:
            return
        for match in OPTION.finditer(text):
            before = text[max(0, match.start() - 1) : match.start()]
            if self._capture.is_secret(match["key"]) and not (before.isalnum() or before == "-"):
                self._option(match.end())

    def _option(self, at: int) -> None:
        text = self._text
        if text[at] in "\"'":
            self._string(at, quoted=False)
            return
        found = BARE.match(text, at)
        if found is None:
            return
        after = behind(text, found.end())
        if after >= len(text):
            self._hold(at)
        prose = found[0].isalpha() and found[0].islower() and text[after : after + 1].isalpha()
        if found[0] not in HARMLESS and not prose and not PLACEHOLDER.match(found[0]):
            self._spans.append(Span(*found.span(), REDACTED))

    # -- by form ---------------------------------------------------------------------------------

    def forms(self) -> None:
        text, start = self._text, self._start
        for begin, end in long_words(text, start):
            self._spans += [Span(*match.span(), REDACTED) for match in FORMS.finditer(text, begin, end)]
        if ":AA" in text:
            self._spans += [Span(*match.span(), REDACTED) for match in TELEGRAM.finditer(text, start)]
        if "earer " in text or "asic " in text or "EARER " in text:
            found = (
                match
                for match in BEARER.finditer(text, max(0, start - SCHEME))
                if DIGIT.search(match["value"])
            )
            self._spans += [Span(*match.span("value"), REDACTED) for match in found]
        if "://" in text and "@" in text and self._capture.is_secret("password"):
            for match in USER_INFO.finditer(text, start):
                self._spans.append(Span(*match.span("password"), REDACTED))
                self._whole_parts.append(match.span())
        if "-----BEGIN" in text:
            self._blocks()
        if self._more:
            self._hold(open_end(text, start))

    def _blocks(self) -> None:
        for match in PEM.finditer(self._text, self._start):
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
