"""Long texts that come again and again: shortened and searched for secrets once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tracebus.capture._recent import Recent
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


_texts: Recent[ShownText] = Recent(_MOST_CHARACTERS, _MOST_TEXTS)


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
    if len(text) <= _MOST_CHARACTERS // 4:
        _texts.keep(text, found, len(text) + len(shown))
    return found
