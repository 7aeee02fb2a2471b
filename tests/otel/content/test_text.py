"""Strings and JSON no backend chokes on."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tracebus_exporters.otel.content import _shortening as text
from tracebus_exporters.otel.content._shortening import to_json
from tracebus_exporters.otel.content._text import clean, clean_tree

_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_any_text = st.text(st.characters(exclude_categories=()), max_size=200)
_payloads = st.recursive(
    _scalars | _any_text,
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(_any_text, inner, max_size=8),
    max_leaves=30,
)
_plain_payloads = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=50), inner, max_size=8),
    max_leaves=30,
)


@given(_payloads, st.integers(2, 400))
def test_json_is_valid_and_within_the_limit(payload, limit):
    """Whatever is written, whatever the limit: the attribute is JSON, encodable, and no longer."""
    written = to_json(payload, limit)
    assert len(written) <= limit
    written.encode()
    json.loads(written)


@given(_plain_payloads)
def test_json_that_fits_says_all(payload):
    """Within the limit nothing is lost."""
    assert json.loads(to_json(payload, 1_000_000)) == payload


@given(_payloads)
def test_a_cleaned_tree_can_be_encoded_by_anybody(payload):
    """After cleaning, every string is UTF-8, every key a word, every integer of 64 bits."""
    cleaned = clean_tree(payload)
    json.dumps(cleaned, ensure_ascii=False).encode()
    assert clean_tree(cleaned) == cleaned


@given(_any_text, st.integers(0, 50))
def test_cleaned_text_is_short_and_encodable(text, limit):
    """A string is cut to its limit and has no lone surrogate left."""
    found = clean(text, limit)
    assert len(found) <= limit
    found.encode()


def test_a_cut_string_says_so():
    """What was cut shows it, where there is room to."""
    assert clean("x" * 100, 20) == "x" * 7 + "… [truncated]"


def _simply(value, limit):
    """Do what `to_json` promises, by encoding everything at every try."""
    for measure in (None, *text.measures(limit), text.EMPTY):
        encoded = msgspec.json.encode(text.shortened(value, measure))
        if len(encoded) <= limit:
            return encoded.decode()
    return '""'


conversations = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "tool"]), "parts": st.lists(st.text(max_size=40), max_size=3)}
    ),
    min_size=6,
    max_size=40,
)


@given(conversations, st.integers(2, 2_000), st.booleans())
def test_a_long_conversation_is_shortened_as_any_other_value(messages, limit, inside):
    """Encoded message by message, and no further than it fits, it is what encoding it whole gives."""
    for length in (len(messages), len(messages) // 2, len(messages)):
        value = {"messages": messages[:length], "n": 1} if inside else messages[:length]
        assert text.to_json(value, limit) == _simply(value, limit)


def test_what_is_beyond_the_limit_is_not_encoded(monkeypatch):
    """Of a long conversation a limit leaves little: no more is looked at, and nothing twice."""
    messages = [{"role": "tool", "parts": [f"{number} " + "word " * 400]} for number in range(800)]
    tried = []
    plain = text._measured
    monkeypatch.setattr(
        text, "_measured", lambda value, measure: tried.append(value) or plain(value, measure)
    )
    text.to_json(messages, 65_536)
    first = len(tried)
    text.to_json([*messages, {"role": "tool", "parts": ["new"]}], 65_536)
    assert first < 800
    assert len(tried) - first < 60


@given(conversations, st.integers(2, 2_000))
def test_what_is_shortened_is_of_its_kind(messages, limit):
    """A list stays a list and an object an object, however little a limit leaves of it."""
    assert isinstance(json.loads(to_json(messages, limit)), list)
    assert isinstance(json.loads(to_json({"messages": messages}, limit)), dict)
