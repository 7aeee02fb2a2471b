"""Text that streams: what of a piece may enter an event before the rest is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.capture._text import REDACTED, clean_text, clipped

if TYPE_CHECKING:
    from tracebus.capture._policy import Capture

_WHITE = frozenset(" \t\r\n")
_STRUCTURAL = frozenset('"\\:{}[],')


def streamed_text(text: str, capture: Capture) -> str:
    """Return a streamed piece of text fit for an event: encodable, at most `max_string` long.

    Ask `Capture.streams_text` first whether it may enter at all.
    """
    return (
        clean_text(text) if len(text) <= capture.max_string else clean_text(clipped(text, capture.max_string))
    )


class FragmentScrubber:
    """Redacts the values of secret keys in JSON that arrives in pieces, such as a tool call's arguments.

    One for each JSON text, so one for each tool call of a run. Nothing is held back but the values
    themselves; the output is JSON again, whatever the places the text was cut at.
    """

    __slots__ = ("_bare", "_capture", "_depth", "_escaped", "_key", "_quoted", "_skipping", "_text")

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._quoted = False  # inside a string
        self._escaped = False  # behind a backslash
        self._text: list[str] = []  # the string being read
        self._key = ""  # the string just read, which a colon would make a key
        self._skipping = False  # inside a secret value, or before it
        self._depth = 0  # of the containers of a secret value
        self._bare = False  # inside a secret number or constant

    def feed(self, fragment: str) -> str:
        """Return *fragment* without what belongs to a secret value, `"[redacted]"` where that began."""
        if not self._skipping and not self._escaped and _STRUCTURAL.isdisjoint(fragment):
            if self._quoted:
                self._text.append(fragment)
            elif not fragment.isspace():
                self._key = ""
            return fragment
        return "".join([self._skip(char) if self._skipping else self._read(char) for char in fragment])

    def _read(self, char: str) -> str:
        if self._quoted:
            if self._escaped or char != '"':
                self._escaped = char == "\\" and not self._escaped
                self._text.append(char)
            else:
                self._quoted = False
                self._key = "".join(self._text)
        elif char == '"':
            self._quoted = True
            self._text.clear()
        elif char == ":" and self._key and self._capture.is_secret(self._key):
            self._skipping = True
            self._depth, self._bare, self._key = 0, False, ""
            return f':"{REDACTED}"'
        elif char not in _WHITE:
            self._key = ""
        return char

    def _skip(self, char: str) -> str:
        """Swallow *char*, unless it is the first one behind the secret value."""
        if self._quoted:
            closes = char == '"' and not self._escaped
            self._escaped = char == "\\" and not self._escaped
            self._quoted = not closes
            self._skipping = not closes or self._depth > 0
            return ""
        if self._bare and (char in _WHITE or char in ",}]"):
            self._skipping = self._bare = False
            return self._read(char)
        if char == '"':
            self._quoted = True
        elif char in "{[":
            self._depth += 1
        elif char in "}]":
            self._depth -= 1
            self._skipping = self._depth > 0
        elif self._depth == 0 and char not in _WHITE:
            self._bare = True
        return ""


class StreamScrubber:
    """A `FragmentScrubber` whose pieces are taken in order and read in any order, each perhaps later.

    Events are made JSON when a reader comes by, and readers need not come by in order.
    """

    __slots__ = ("_done", "_pieces", "_scrubber")

    def __init__(self, capture: Capture) -> None:
        self._scrubber = FragmentScrubber(capture)
        self._pieces: list[str] = []
        self._done = 0

    def take(self, piece: str) -> int:
        """Remember *piece*, the next of its text, and return what `shown` asks for it by. Cheap."""
        self._pieces.append(piece)
        return len(self._pieces) - 1

    def shown(self, position: int) -> str:
        """Return what of a piece may be shown. Not thread-safe: events are settled one at a time."""
        while self._done <= position:
            self._pieces[self._done] = self._scrubber.feed(clean_text(self._pieces[self._done]))
            self._done += 1
        return self._pieces[position]
