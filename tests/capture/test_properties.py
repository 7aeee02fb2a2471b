"""Whatever the value: nothing raises, everything encodes, limits hold, secrets stay in."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracebus.capture import Capture, snapshot, to_json
from tracebus.capture._known_secrets import HEADS
from tracebus.capture._scrub import is_harmless, scrub

SECRET = "hunter2-very-secret"


class Raising:
    def _raise(self, *_):
        raise RuntimeError

    __repr__ = __str__ = __iter__ = __len__ = _raise


@dataclasses.dataclass
class Box:
    inside: object
    password: object = SECRET


any_text = st.text(st.characters(), max_size=12) | st.text(
    st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010, exclude_categories=()), max_size=4
)
nasty = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1]),
    st.builds(lambda: 10**5_000),
    st.floats(),
    any_text,
    st.binary(max_size=4),
    st.builds(Raising),
    st.builds(object),
    st.complex_numbers(),
    st.decimals(),
    st.fractions(),
    st.dates(),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.timedeltas(),
    st.uuids(),
    st.builds(lambda: (n for n in range(3))),
    st.builds(np.float64, st.floats()),
    st.lists(st.floats(), max_size=3).map(np.array),
    st.just(Raising),
)
keys = st.one_of(
    any_text, st.integers(), st.floats(), st.booleans(), st.none(), st.builds(object), st.tuples(any_text)
)


def containers(inner):
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(inner, max_size=4).map(collections.deque),
        st.dictionaries(keys, inner, max_size=4),
        st.builds(Box, inner),
        st.lists(inner, max_size=3).map(looped),
    )


def looped(items):
    items.append(items)
    return items


values = st.recursive(nasty, containers, max_leaves=25)
policies = st.builds(
    Capture,
    max_string=st.integers(1, 50),
    max_items=st.integers(1, 10),
    max_depth=st.integers(1, 10),
    max_size=st.integers(1, 500),
)


def is_plain(value):
    match value:
        case dict():
            return all(type(key) is str and is_plain(item) for key, item in value.items())
        case list():
            return all(map(is_plain, value))
        case float():
            return math.isfinite(value)
        case _:
            return type(value) in {str, int, bool, type(None)}


def depth_of(value):
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(depth_of, inside), default=0)


@settings(deadline=None, max_examples=200)
@given(values)
def test_anything_becomes_json_that_every_encoder_takes(value):
    """The result is plain data that both encoders take and give back unchanged."""
    result, cuts = to_json(snapshot(value), Capture(), "/inputs")
    assert is_plain(result)
    assert msgspec.json.decode(msgspec.json.encode(result)) == result
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(result)) == result
    assert msgspec.convert(msgspec.to_builtins(cuts), tuple) is not None
    assert all(cut.path.startswith("/inputs") for cut in cuts)


@settings(deadline=None, max_examples=200)
@given(values, policies)
def test_limits_hold_for_anything(value, capture):
    """No string, container, depth or payload is larger than the policy allows."""
    result, cuts = to_json(value, capture, "/inputs")
    assert depth_of(result) <= capture.max_depth
    assert len(msgspec.json.encode(result)) <= 6 * capture.max_size + 4_096
    assert len(cuts) <= 101
    stack = [result]
    while stack:
        found = stack.pop()
        if isinstance(found, dict | list):
            assert len(found) <= capture.max_items
            stack.extend(found.values() if isinstance(found, dict) else found)


@settings(deadline=None, max_examples=100)
@given(values)
def test_a_secret_under_a_secret_key_never_gets_out(value):
    """However it is wrapped, the value of a key that names a secret is not in the result."""
    wrapped = {"a": [Box(value), {"db_password": [SECRET, value]}, [("Authorization", SECRET)]]}
    result, _ = to_json(wrapped, Capture(), "/inputs")
    assert SECRET.encode() not in msgspec.json.encode(result)


@settings(deadline=None, max_examples=100)
@given(values)
def test_a_function_that_hides_everything_hides_everything(value):
    """With a function that replaces every string no string of the program is left as a value (large numbers are)."""
    capture = Capture(redact=lambda _, text: "*")
    result, _ = to_json(["text", value, Box("text")], capture, "/inputs")
    stack = [result]
    while stack:
        found = stack.pop()
        if isinstance(found, dict | list):
            stack.extend(found.values() if isinstance(found, dict) else found)
        elif isinstance(found, str):
            ours = found in {"*", "[redacted]"} or found.startswith(("<", "NaN", "Infinity", "-Infinity"))
            assert ours or found.removeprefix("-").isdigit(), found


MARKS = [
    '"',
    "'",
    "\\",
    ":",
    "=",
    "{",
    "}",
    "[",
    "]",
    ",",
    "?",
    "&",
    "://",
    "@",
    "/",
    "a",
    "1",
    "null",
    "é",
    "[redacted]",
]
NAMES = ["password", "api_key", "token", "Authorization", "Bearer ", "max_tokens", " ", "\n"]
pieces = st.sampled_from(MARKS + NAMES)


@settings(deadline=None, max_examples=300)
@given(st.lists(pieces, max_size=40).map("".join))
def test_scrubbing_text_is_done_once(text):
    """Any text can be scrubbed, and scrubbing what was scrubbed changes nothing more."""
    capture = Capture()
    once = scrub(text, capture)
    assert scrub(once, capture) == once
    assert scrub(text, Capture(redact_keys=())) == text


@settings(deadline=None, max_examples=200)
@given(st.lists(pieces, max_size=6).map("".join))
def test_a_text_called_harmless_is_not_changed_by_scrubbing(text):
    """The short way out overlooks nothing that the patterns would find."""
    if is_harmless(text):
        assert scrub(text, Capture()) == text


@pytest.mark.parametrize("head", [*HEADS, "Bearer ", "basic "])
def test_a_text_with_the_beginning_of_a_secret_is_not_called_harmless(head):
    """Wherever it stands, and whatever the head has in common with others."""
    assert not is_harmless(f"so {head}")
    assert not is_harmless(f"{head}so")


@given(st.text(max_size=60))
def test_text_without_secrets_is_not_changed(text):
    """Text in which no secret key occurs stays as it is."""
    assert scrub(text, Capture(redact_keys={"no such key at all"})) == text
