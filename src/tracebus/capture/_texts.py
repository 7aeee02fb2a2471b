"""The strings and numbers of a payload on their way to JSON: redacted, and within limits."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from tracebus.capture._encoded import LONGEST_KEPT, without_bytes
from tracebus.capture._long_texts import LONG, shown_text
from tracebus.capture._noting import Noting, depth_of
from tracebus.capture._recent import Recent
from tracebus.capture._scrub import is_harmless, scrub
from tracebus.capture._text import clean_text, clipped

if TYPE_CHECKING:
    from tracebus.capture._noting import Path
    from tracebus.capture._policy import Capture
    from tracebus.events import CutReason

INT_MIN, INT_MAX = -(2**63), 2**64 - 1  # what MessagePack holds
NUMBER_SIZE = 8
"""What a number takes of a payload's `max_size`."""
_INT_MOST_BITS = 4_096  # decimal digits cost quadratic time
_BEYOND = 4_096  # characters of a string behind its limit that are looked at for secrets


_searched: Recent[Capture] = Recent(500_000, 4_096)
"""Texts below `LONG` in which nothing was found, by policy: ids, names of nodes, and a tool's result,
which its message has again."""


def scrubbed(text: str, capture: Capture) -> str:
    """Return *text* with its secrets redacted; the very same object where there are none."""
    if is_harmless(text) or _searched.known.get(text) is capture:
        return text
    found = scrub(text, capture)
    if found != text:
        return found
    if len(text) < LONG:
        _searched.keep(text, capture, len(text))
    return text


class Texts(Noting):
    """What is done with every string and number of a payload."""

    __slots__ = ("_longest", "_redacting", "texts")

    _longest: int
    _redacting: bool
    """Whether the user's function is asked."""
    texts: list[tuple[int, int, str]]

    @abstractmethod
    def value(self, value: Any, path: Path, depth: int, /) -> Any:
        """Return the JSON form of any *value*, which stands at *path* inside *depth* containers."""

    def _string(self, text: str, path: Path) -> Any:
        if not self._redacting:
            size = len(text)
            if size > LONGEST_KEPT and (short := without_bytes(text)) is not None:
                self._note(path, "binary", short[1])
                return self._placeholder(short[0])
            if size >= LONG and (shown := self._long(text, path)) is not None:
                return shown
            if size <= self._longest and size <= self._room and text.isascii():  # by far the most common
                self._room -= size + 3
                return self._scrubbed(text, path)
            # A secret at the limit is looked at whole: half of it might pass unrecognised.
            near = text[: min(self._longest, max(self._room, 1)) + _BEYOND]
            known = near if is_harmless(near) else self._scrubbed(clean_text(near), path)
            return self._limited(known + text[len(near) :], path)
        # The function sees the whole text: half a secret at the limit would pass it unrecognised.
        whole = self._scrubbed(clean_text(text), path)
        replaced = self._capture.redacted_by_function(self._at(path), whole)
        if type(replaced) is str:
            if replaced != whole:
                self._note(path, "redacted")
            return self._limited(replaced, path)
        self._note(path, "redacted")
        return self._replacement(replaced, path)

    def _long(self, text: str, path: Path) -> str | None:
        """Return what events show of a long text; `None` where the payload has no room for so much."""
        shown = shown_text(text, self._capture, _BEYOND)
        if shown.size > self._room:
            return None
        if shown.redacted:
            self._note(path, "redacted")
        if shown.cut is not None:
            self._note(path, "length", shown.cut)
        self._room -= shown.size + 3
        self.texts.append((id(text), shown.size, shown.text))
        return shown.text

    def _replacement(self, value: Any, path: Path) -> Any:
        """Return the JSON form of what the redaction function gave, without asking it again."""
        self._redacting = False
        try:
            return self.value(value, path, depth_of(path))
        finally:
            self._redacting = True

    def _scrubbed(self, text: str, path: Path) -> str:
        found = scrubbed(text, self._capture)
        if found is not text:
            self._note(path, "redacted")
        return found

    def _limited(self, text: str, path: Path) -> str:
        limit = self._longest
        reason: CutReason = "length"
        if self._room < limit:
            limit, reason = max(self._room, 1), "size"
        if len(text) > limit:
            self._note(path, reason, len(text))
            text = clipped(text, limit)
        self._room -= len(text) + 3
        return clean_text(text)

    def _integer(self, value: int, path: Path) -> int | str:
        if INT_MIN <= value <= INT_MAX:
            return value
        bits = value.bit_length()
        if bits > _INT_MOST_BITS:
            self._note(path, "length", bits)
            return f"<integer of {bits} bits>"
        return self._limited(str(value), path)
