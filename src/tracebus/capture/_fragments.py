"""Redaction of text that streams in pieces, tool-call arguments too, before the rest is known."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Protocol

from tracebus.capture._text import REDACTED, clean_text, clipped
from tracebus.capture._text_stream import TextScrubber, may_be_open

if TYPE_CHECKING:
    from tracebus.capture._policy import Capture

__all__ = ["ArgumentScrubber", "FragmentScrubber", "StreamScrubber", "streamed_text"]

_WHITE = frozenset(" \t\r\n")
_STRUCTURAL = frozenset('"\\:{}[],')
_CLOSES = {"{": "}", "[": "]"}


def streamed_text(text: str, capture: Capture) -> str:
    """Return a streamed piece of text fit for an event: encodable, at most `max_string` long.

    Ask `Capture.streams_text` first whether it may enter at all.
    """
    return (
        clean_text(text) if len(text) <= capture.max_string else clean_text(clipped(text, capture.max_string))
    )


class Scrubber(Protocol):
    """Redacts a text that arrives in pieces."""

    def feed(self, piece: str, /) -> str: ...
    def rest(self) -> str: ...
    @property
    def holding(self) -> bool: ...


class FragmentScrubber:
    """Redacts the values of secret keys in JSON that arrives in pieces, such as a tool call's arguments.

    One for each JSON text, so one for each tool call of a run. Nothing is held back but the values
    themselves; the output is JSON again, whatever the places the text was cut at. Where the text turns out
    to be no JSON it is shown no further: what is a key and what a value cannot be told any more.
    """

    __slots__ = (
        "_bare", "_capture", "_depth", "_escaped", "_expects", "_key", "_open", "_quoted", "_skipping",
        "_text", "lost",
    )  # fmt: skip

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._open: list[str] = []  # the containers around, outermost first
        self._expects = "value"  # value, key (or the end of an object), colon, comma (or an end), bare
        self._quoted = False  # inside a string
        self._escaped = False  # behind a backslash
        self._text: list[str] = []  # the string being read, where it may be a key
        self._key = ""  # the key just read
        self._skipping = False  # inside a secret value, or before it
        self._depth = 0  # of the containers of a secret value
        self._bare = False  # inside a secret number or constant
        self.lost = False
        """Whether the text turned out to be no JSON."""

    def feed(self, fragment: str) -> str:
        """Return *fragment* without what belongs to a secret value, `"[redacted]"` where that began."""
        if self.lost:
            return ""
        if self._quoted and not self._skipping and not self._escaped and _STRUCTURAL.isdisjoint(fragment):
            self._text.append(fragment)
            return fragment
        return "".join([self._skip(char) if self._skipping else self._read(char) for char in fragment])

    def rest(self) -> str:
        """Return nothing: nothing is held back."""
        return ""

    @property
    def holding(self) -> bool:
        """Whether anything is held back: no."""
        return False

    def _read(self, char: str) -> str:
        if self.lost:
            return ""
        if self._quoted:
            return self._in_string(char)
        if char in _WHITE:
            if self._expects == "bare":
                self._expects = "comma"
            return char
        return self._structure(char)

    def _in_string(self, char: str) -> str:
        if self._escaped or char != '"':
            self._escaped = char == "\\" and not self._escaped
            self._text.append(char)
            return char
        self._quoted = False
        if self._expects == "key":
            self._key, self._expects = "".join(self._text), "colon"
        else:
            self._expects = "comma"
        self._text.clear()
        return char

    def _structure(self, char: str) -> str:
        expects = self._expects
        if expects == "colon" and char == ":":
            return self._colon()
        if char == '"' and expects in ("value", "key"):
            self._quoted = True
        elif char in _CLOSES and expects == "value":
            self._open.append(char)
            self._expects = "key" if char == "{" else "value"
        elif char in "}]" and expects != "colon" and self._open and _CLOSES[self._open[-1]] == char:
            self._open.pop()
            self._expects = "comma"
        elif char == "," and expects in ("comma", "bare") and self._open:
            self._expects = "key" if self._open[-1] == "{" else "value"
        elif expects in ("value", "bare") and char not in _STRUCTURAL:
            self._expects = "bare"
        else:
            self.lost = True
            return ""
        return char

    def _colon(self) -> str:
        self._expects = "value"
        if not self._capture.is_secret(self._key):
            return ":"
        self._skipping = True
        self._depth, self._bare = 0, False
        return f':"{REDACTED}"'

    def _skip(self, char: str) -> str:
        """Swallow *char*, unless it is the first one behind the secret value."""
        if self._quoted:
            closes = char == '"' and not self._escaped
            self._escaped = char == "\\" and not self._escaped
            self._quoted = not closes
            self._skipping = not closes or self._depth > 0
        elif self._bare and (char in _WHITE or char in ",}]"):
            self._skipping = self._bare = False
            self._expects = "comma"
            return self._read(char)
        elif char == '"':
            self._quoted = True
        elif char in "{[":
            self._depth += 1
        elif char in "}]":
            self._depth -= 1
            self._skipping = self._depth > 0
        elif self._depth == 0 and char not in _WHITE:
            self._bare = True
        if not self._skipping:
            self._expects = "comma"
        return ""


class ArgumentScrubber:
    """Redacts the arguments of a tool call: by key, and secrets known by their form in what is left.

    Arguments are a JSON object; what begins otherwise is not shown.
    """

    __slots__ = ("_began", "_json", "_text")

    def __init__(self, capture: Capture) -> None:
        self._json = FragmentScrubber(capture)
        self._text = TextScrubber(capture)
        self._began = False

    def feed(self, piece: str) -> str:
        """Return what of *piece*, and of what was held back before, may be shown."""
        if not self._began and (start := piece.lstrip()):
            self._began = True
            self._json.lost = not start.startswith("{")
        return self._text.feed(self._json.feed(piece))

    def rest(self) -> str:
        """Return what was held back: the call is over."""
        return self._text.rest()

    @property
    def holding(self) -> bool:
        """Whether anything is held back."""
        return self._text.holding


# Streams are settled on readers' threads, several of which may come by at once; one lock in many is
# enough for a stream, and a stream has no room for one of its own. Re-entrant: a collected object's
# finaliser may settle.
_reading = tuple(threading.RLock() for _ in range(16))


def _renew_locks() -> None:
    """Replace the locks in a forked child, where the threads that held them do not exist."""
    global _reading  # noqa: PLW0603  # one set per process
    _reading = tuple(threading.RLock() for _ in range(16))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


class StreamScrubber:
    """A text whose pieces are taken in order and read in any order, by any thread, each perhaps later.

    Events are made JSON when a reader comes by, and readers need not come by in order, nor one at a time.

    Args:
        scrubber: what the pieces are fed to, in order, each once.
    """

    __slots__ = ("_done", "_pieces", "_rest", "_scrubber")

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self._pieces: list[str] = []
        self._done = 0
        self._rest: str | None = None

    def take(self, piece: str) -> int:
        """Remember *piece*, the next of its text, and return what `shown` asks for it by. Cheap."""
        self._pieces.append(piece)
        return len(self._pieces) - 1

    def may_hold(self) -> bool:
        """Say whether `rest` may have something: a guess that costs little and never says no wrongly."""
        # What is held is asked for last: pieces read meanwhile are in it.
        return bool(self._pieces) and (
            may_be_open("".join(self._pieces[self._done :])) or self._scrubber.holding
        )

    def shown(self, position: int) -> str:
        """Return what may be shown where a piece stood. Thread-safe."""
        if position < self._done:
            return self._pieces[position]
        with _reading[(id(self) >> 6) % len(_reading)]:
            self._read_to(position)
            return self._pieces[position]

    def rest(self) -> str:
        """Return what was held back at the end: no piece is to come. Thread-safe."""
        with _reading[(id(self) >> 6) % len(_reading)]:
            if self._rest is None:
                self._read_to(len(self._pieces) - 1)
                self._rest = self._scrubber.rest()
            return self._rest

    def _read_to(self, position: int) -> None:
        while self._done <= position:
            self._pieces[self._done] = self._scrubber.feed(clean_text(self._pieces[self._done]))
            self._done += 1
