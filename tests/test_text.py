"""Text made safe to show."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebus.text import first_line, sanitise

ANY = st.text(
    alphabet=st.characters(categories=None) | st.sampled_from("\x1b\x9b\x07\r\n\t\u202e\u2066\ud800")
)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b]52;c;cm0gLXJm\x07", "␛]52;c;cm0gLXJm␇"),
        ("\x9b31m", "\\u009b31m"),
        ("done\rfailed", "done␍failed"),
        ("\x7f", "␡"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("a\ud800", "a\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_obeys_is_shown(raw, shown):
    """Escape sequences, carriage returns and bidirectional tricks come out as visible characters."""
    assert sanitise(raw) == shown


def test_ordinary_text_stays():
    """Languages, emoji with joiners, tabs and line breaks are not touched."""
    text = "Grüße, 世界 👩\u200d💻❤\ufe0f\n\tok"
    assert sanitise(text) == text


def test_a_line_stays_a_line():
    """Asked for one line, no break of any sort is left."""
    assert sanitise("a\nb\tc\r\nd\u2028e\x85f", one_line=True) == "a␊b c␍␊d\\u2028e\\u0085f"


@given(ANY, st.booleans())
def test_nothing_dangerous_is_left(text, one_line):
    """Whatever comes in, the result is encodable and holds no control or bidirectional character."""
    shown = sanitise(text, one_line=one_line)
    shown.encode()
    left = {character for character in shown if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}}
    assert left <= (set() if one_line else {"\n", "\t"})
    assert not any(unicodedata.bidirectional(character) in BIDI_CONTROLS for character in shown)


BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(ANY)
def test_sanitising_twice_is_sanitising_once(text):
    """What has been made safe stays as it is."""
    assert sanitise(sanitise(text)) == sanitise(text)


def test_the_first_line_skips_blank_ones_and_is_cut():
    """An error's first line with something in it is shown, shortened where it is long."""
    assert first_line("\n  \n  boom: \x1b[31mred\nmore") == "boom: ␛[31mred"
    assert first_line("x" * 50, 10) == "x" * 9 + "…"
    assert first_line("") == ""
