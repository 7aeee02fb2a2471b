"""Long texts that come again and again: shortened and searched for secrets once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tracebus.capture._scrub import is_harmless, scrub
from tracebus.capture._text import clean_text, clipped

if TYPE_CHECKING:
    from tracebus.capture._policy import Capture

__all__ = ["LONG", "ShownText", "shown_text"]

LONG = 2_048
"""Characters from which on a text is looked up."""
_MOST_TEXTS = 64
_MOST_CHARACTERS = 2_000_000
"""Of all texts remembered: a step's inputs are the next one's, and what is older hardly comes again."""


class ShownText(NamedTuple):
    """What events show of a text, under a policy."""

    policy: Capture
    text: str
    size: int
    """What it takes of a payload's `max_size`."""
    redacted: bool
    cut: int | None
    """Its characters, where it was shortened."""


class _Texts:
    """The texts met lately. Used from any thread: a lost entry costs its conversion."""

    def __init__(self) -> None:
        self.known: dict[str, ShownText] = {}
        self.characters = 0

    def keep(self, text: str, shown: ShownText) -> None:
        """Remember *text* for a while."""
        if self.characters > _MOST_CHARACTERS or len(self.known) >= _MOST_TEXTS:
            self.known, self.characters = {}, 0
        if len(text) <= _MOST_CHARACTERS // 4:
            self.known[text] = shown
            self.characters += len(text) + len(shown.text)


_texts = _Texts()


def shown_text(text: str, capture: Capture, beyond: int) -> ShownText:
    """Return *text* as far as *capture* lets it into events, its function for redaction apart.

    So many characters *beyond* the limit are searched for secrets, too: half of one might pass.
    """
    known = _texts.known.get(text)
    if known is not None and known.policy is capture:
        return known
    limit = capture.max_string
    near = clean_text(text[: limit + beyond])
    searched = near if is_harmless(near) else scrub(near, capture)
    whole = searched + text[limit + beyond :]
    shown = clean_text(clipped(whole, limit))
    cut = len(whole) if len(whole) > limit else None
    found = ShownText(capture, shown, min(len(whole), limit), searched != near, cut)
    _texts.keep(text, found)
    return found
