"""The looks that save a search overlook nothing the search would find."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracebus.capture import Capture
from tracebus.capture._known_secrets import FORMS
from tracebus.capture._scrub import scrub
from tracebus.capture._stretches import SHORTEST_FORM, around_signs, long_words
from tracebus.capture._written import KEY

parts = st.sampled_from([
    "lorem ipsum dolor sit amet, ", "password", "api_key", "k" * 150, "x-y.z", "é", "日本", '"', '\\"', "'", " ", "  \n\t ",
    " " * 17, ":", "=", ":=", "==", "=>", "=~", "https://a.b/c?d=e&f=g ", "1", "-", "_",
])  # fmt: skip
texts = st.lists(parts, max_size=40).map("".join)
long_texts = st.lists(st.one_of(texts, st.just("lorem ipsum dolor sit amet, " * 20)), max_size=6).map("".join)


@settings(max_examples=300)
@given(long_texts)
@example("lorem ipsum " * 60 + "k" * 300 + "password = x" + " dolor sit" * 60)
@example("a" * 400 + ":b")
def test_around_the_signs_stand_all_keys(text):
    """The same keys, in the same order, as in a search of the whole text."""
    found = [match.span() for start, end in around_signs(text) for match in KEY.finditer(text, start, end)]
    assert found == [match.span() for match in KEY.finditer(text)]


@settings(max_examples=100)
@given(st.lists(st.one_of(st.from_regex(FORMS, fullmatch=True), texts), max_size=6), st.integers(0, 200))
def test_in_long_words_stand_all_secrets_known_by_their_form(between, start):
    """The same secrets as in a search of the whole text, from anywhere on."""
    text = " lorem ipsum, ".join(between)
    found = [
        match.span() for begin, end in long_words(text, start) for match in FORMS.finditer(text, begin, end)
    ]
    assert found == [match.span() for match in FORMS.finditer(text, start)]


@settings(max_examples=300)
@given(st.from_regex(FORMS, fullmatch=True))
def test_no_form_is_shorter_than_the_words_looked_at(secret):
    """A new form with a shorter secret would be overlooked in long texts."""
    assert len(secret) >= SHORTEST_FORM


@pytest.mark.parametrize("text", ["prose " * 100, "a: b " + "prose " * 100 + "c = d"])
def test_a_long_text_is_searched_where_something_may_be(text):
    """Of prose, next to nothing."""
    assert sum(end - start for start, end in around_signs(text)) < len(text) / 4
    assert list(long_words(text, 0)) == []


def test_a_secret_in_the_middle_of_prose_is_redacted():
    """By its key, and by its form."""
    prose = "lorem ipsum dolor sit amet " * 30
    shown = scrub(f"{prose}password: hunter2xyz9 {prose} ghp_{'a1' * 18} {prose}", Capture())
    assert "hunter2" not in shown
    assert "ghp_" not in shown
