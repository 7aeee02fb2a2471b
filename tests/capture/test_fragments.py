"""JSON that arrives in pieces, with secrets in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracebus.capture import Capture, FragmentScrubber, StreamScrubber, streamed_text

SECRET = "hunter2"
DEFAULT = Capture()

secrets = st.sampled_from(["password", "api_key", "db_password", "token"])
names = st.one_of(secrets, st.sampled_from(["a", "b", "city", 'quo"te', "back\\slash", "co:lon", ""]))
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.sampled_from(['"', "\\", ":", "{", "]"])
)
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def expected(value):
    match value:
        case dict():
            return {
                key: "[redacted]" if DEFAULT.is_secret(key) else expected(item) for key, item in value.items()
            }
        case list():
            return [expected(item) for item in value]
        case _:
            return value


def in_pieces(text, cuts):
    places = sorted({min(cut, len(text)) for cut in cuts})
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@settings(deadline=None, max_examples=300)
@given(
    documents,
    st.lists(st.integers(0, 200), max_size=20),
    st.sampled_from([None, 2]),
    st.booleans(),
)
def test_however_it_is_cut_secrets_are_replaced_and_it_stays_json(document, cuts, indent, ascii_only):
    """The pieces put together are the document with the values of secret keys replaced."""
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    scrubber = FragmentScrubber(DEFAULT)
    shown = "".join(scrubber.feed(piece) for piece in in_pieces(text, cuts))
    assert json.loads(shown) == expected(document)


@settings(deadline=None, max_examples=100)
@given(
    st.dictionaries(st.sampled_from(["a", "city", "n"]), leaves, max_size=4),
    st.lists(st.integers(0, 200), max_size=9),
)
def test_what_holds_no_secret_passes_unchanged(document, cuts):
    """Not a character is changed or held back where there is nothing to hide."""
    text = json.dumps(document)
    scrubber = FragmentScrubber(DEFAULT)
    for piece in in_pieces(text, cuts):
        assert scrubber.feed(piece) == piece


@pytest.mark.parametrize("ending", ["", '"', '"}', '", "a": 1}'])
def test_an_unfinished_document_shows_no_secret(ending):
    """A stream that stops inside a secret has not shown any of it."""
    scrubber = FragmentScrubber(DEFAULT)
    shown = "".join(map(scrubber.feed, '{"password": "' + SECRET + ending))
    assert shown.startswith('{"password":"[redacted]"')
    assert not set(SECRET.replace("d", "")) & set(
        shown.removeprefix('{"password":"[redacted]"').replace('"a": 1', "")
    )


def test_streamed_text_is_made_encodable_and_limited():
    """A piece of text loses lone surrogates and what is beyond the limit of a string."""
    assert streamed_text("a\ud800", DEFAULT) == "a\ufffd"
    assert streamed_text("x" * 100, Capture(max_string=10)) == "x" * 9 + "…"


@settings(deadline=None, max_examples=100)
@given(documents, st.lists(st.integers(0, 200), max_size=9), st.randoms())
def test_pieces_may_be_read_in_any_order(document, cuts, random):
    """Readers that come by out of order see of each piece what readers in order see."""
    pieces = in_pieces(json.dumps(document), cuts)
    in_order, any_order = FragmentScrubber(DEFAULT), StreamScrubber(FragmentScrubber(DEFAULT))
    taken = [(any_order.take(piece), in_order.feed(piece)) for piece in pieces]
    random.shuffle(taken)
    for position, shown in taken:
        assert any_order.shown(position) == shown
        assert any_order.shown(position) == shown
