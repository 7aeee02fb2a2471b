"""Text that arrives in pieces, with secrets in it."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracebus.capture import Capture, TextScrubber
from tracebus.capture._scrub import scrub
from tracebus.capture._text_stream import MOST_HELD, may_be_open

DEFAULT = Capture()
HIDDEN = "c4nary" + "7" * 4

_parts = st.one_of(
    st.sampled_from(
        [
            *("password", "api_key", "Authorization", "Cookie", "user", "x", "token", "--password", "key"),
            *(
                ": ",
                ":",
                "=",
                " = ",
                " ",
                "\n",
                '"',
                "'",
                "\\",
                "\\n",
                "{",
                "}",
                "[",
                "]",
                ",",
                ";",
                "&",
                "?",
                "@",
            ),
            *(
                "https://",
                "postgres://u",
                "Bearer ",
                "sk-",
                "gh" + "p_",
                "AK" + "IA",
                "eyJ",
                "-----BEGIN ",
                "-----BEGIN " + "PRIVATE KEY-----",
                "://u:",
                "-----",
            ),
            *(
                "PRIVATE KEY-----",
                "-----END ",
                HIDDEN,
                HIDDEN * 4,
                "null",
                "true",
                "word",
                "a",
                "s",
                "1",
                "12345678",
            ),
        ]
    ),
    st.text(alphabet=string.ascii_lowercase + " .,", max_size=6),
)
_texts = st.tuples(
    st.sampled_from(["", "Words before it, and more of them. " * 12]), st.lists(_parts, max_size=14)
).map(lambda drawn: drawn[0] + "".join(drawn[1]))


def in_pieces(text, cuts):
    places = sorted({min(cut, len(text)) for cut in cuts})
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@settings(deadline=None, max_examples=1500)
@given(_texts, st.lists(st.integers(0, 600), max_size=60))
@example("password: " + HIDDEN, [9, 10, 11])
def test_however_it_is_cut_the_stream_shows_what_the_whole_shows(text, cuts):
    """The shown pieces and the rest are together what is shown of the whole text."""
    scrubber = TextScrubber(DEFAULT)
    shown = "".join(scrubber.feed(piece) for piece in in_pieces(text, cuts))
    maybe = may_be_open(text) or scrubber.holding
    rest = scrubber.rest()
    assert shown + rest == scrub(text, DEFAULT)
    assert maybe or not rest


@settings(deadline=None, max_examples=300)
@given(_texts)
def test_character_by_character_is_no_different(text):
    """Every single character may come alone."""
    scrubber = TextScrubber(DEFAULT)
    assert "".join(map(scrubber.feed, text)) + scrubber.rest() == scrub(text, DEFAULT)


@pytest.mark.parametrize("text", ["password: " + "x1" * MOST_HELD, '{"secrets": ["' + "x1" * MOST_HELD])
def test_what_is_held_is_bounded(text):
    """What may be one secret and never ends is not shown, and costs no more memory than so much."""
    scrubber = TextScrubber(DEFAULT)
    shown = "".join(scrubber.feed(text[at : at + 100]) for at in range(0, len(text), 100))
    shown += scrubber.feed(" and after it") + scrubber.rest()
    assert "x1" not in shown
    assert shown.endswith("[redacted]")


def test_prose_is_hardly_held_back():
    """A token is shown with the next one at the latest."""
    scrubber = TextScrubber(DEFAULT)
    text = "Over the bridge one finds a small house, number 12; there: ask again. A sketch of sk, a path - so far. "
    shown = ""
    for end in range(0, len(text), 4):
        shown += scrubber.feed(text[end : end + 4])
        assert len(text[: end + 4]) - len(shown) <= 8
