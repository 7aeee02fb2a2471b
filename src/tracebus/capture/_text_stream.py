"""Text that arrives in pieces: shown as soon as it is certain that no secret has begun."""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING

from tracebus.capture._known_secrets import PARTIAL_HEADS
from tracebus.capture._scrub import find, is_harmless, open_end, replaced
from tracebus.capture._text import REDACTED

if TYPE_CHECKING:
    from tracebus.capture._policy import Capture

__all__ = ["MOST_HELD", "TextScrubber", "may_be_open"]

MOST_HELD = 8_192
"""Characters held back at most. What may be one secret and is longer is not shown at all, nor what follows
in its stream; the run's outputs have it."""

_LOOKED_AT_AGAIN = 512
_CONTEXT = 160  # the end of a key, the white space around it and what tells the beginning of a line
_TRIMMED_AT = 192
_WORDS = frozenset(ascii_lowercase + " ,.!?\n")
_PENDING_SIGNS = frozenset(":=-\"'`\\")


class TextScrubber:
    """Redacts in pieces of a text what `scrub` would in the whole.

    What the pieces are shown as, put together with `rest`, is what `scrub` makes of the text, however it
    was cut. Held back is only what may turn out to be a secret: the value after a secret key until it
    ends, and the last word where it may become a known kind of secret.
    """

    __slots__ = ("_before", "_calm", "_capture", "_lost", "_pending", "_waiting", "_whole")

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._before = ""  # the text just before what is pending, secrets included
        self._whole = True  # `_before` goes back to the beginning
        self._pending = ""
        self._calm = True  # nothing is pending, and no value is expected
        self._lost = False
        self._waiting = 0  # characters of `_pending` not looked at yet

    def feed(self, piece: str) -> str:
        """Return what may be shown now: the end of what was held back and most of *piece*."""
        if self._lost or not piece:
            return ""
        if self._calm and _WORDS.issuperset(piece) and not self._may_begin(piece):
            self._remember(piece)
            return piece
        if len(self._pending) > _LOOKED_AT_AGAIN:
            # Looked at again for each piece, a long value would take time squared.
            self._waiting += len(piece)
            if self._waiting * 8 < len(self._pending):
                self._pending += piece
                return ""
        return self._read(piece, more=True)

    def rest(self) -> str:
        """Return what was held back: the text is over."""
        return "" if self._lost or not self._pending else self._read("", more=False)

    @property
    def holding(self) -> bool:
        """Whether anything is held back."""
        return bool(self._pending)

    def _read(self, piece: str, *, more: bool) -> str:
        self._waiting = 0
        offset = len(self._before)
        text = self._before + self._pending + piece
        found = find(text, self._capture, more=more, whole=self._whole, start=offset)
        settled = max(found.settled, offset) if more else len(text)
        shown = replaced(text, found.spans, offset, settled)
        self._pending = text[settled:]
        if len(self._pending) > MOST_HELD:
            self._lost, self._pending, self._before = True, "", ""
            return shown + REDACTED
        self._before = ""
        self._remember(text[:settled])
        self._calm = not self._pending and _expects_nothing(text)
        return shown

    def _may_begin(self, piece: str) -> bool:
        """Say whether a piece of words ends in what may become the head of a known kind of secret."""
        last = piece[len(piece.rstrip(ascii_lowercase)) :]
        if last == piece and self._before[-1:].isalnum():
            return False  # the end of a longer word
        return last in PARTIAL_HEADS or last in _SCHEMES

    def _remember(self, text: str) -> None:
        before = self._before + text
        if len(before) > _TRIMMED_AT:
            before, self._whole = before[-_CONTEXT:], False
        self._before = before


def may_be_open(text: str) -> bool:
    """Say whether the end of *text* may have to wait for more: cheap, and never wrong to say no."""
    return ":" in text or "=" in text or "-" in text or open_end(text) < len(text)


_SCHEMES = frozenset(word[:end] for word in ("bearer", "basic") for end in range(1, len(word) + 1))


def _expects_nothing(text: str) -> bool:
    """Say whether words may follow *text* and cannot be anybody's value."""
    near = text[-24:].lower()
    return (
        text.rstrip()[-1:] not in _PENDING_SIGNS
        and "--" not in text[-_CONTEXT:]
        and is_harmless(near)
        and _last_word(near) not in _SCHEMES
    )


def _last_word(text: str) -> str:
    text = text.rstrip(" ")
    return text[len(text.rstrip(ascii_lowercase)) :]
