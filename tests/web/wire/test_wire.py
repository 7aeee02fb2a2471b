from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebus_exporters.web.wire._wire import frame, json_bytes, text_frame


def received(frame: bytes) -> str:
    """Read a frame as `EventSource` does."""
    lines = frame.decode().split("\n")
    return "\n".join(line[6:] for line in lines if line.startswith("data: "))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r")))
def test_any_text_arrives_as_it_was_sent(text):
    """Line breaks and all; nothing in a text can end its frame or begin another field."""
    assert received(text_frame(text)) == text
    assert text_frame(text).count(b"\n\n") == 1


def test_carriage_returns_become_line_breaks():
    """The format knows no other line end, so they must not cut a frame in two."""
    assert received(text_frame("a\r\nb\rc")) == "a\nb\nc"


@pytest.mark.parametrize(
    "value", ["\ud800", {"n": 2**80}, {"x": float("nan")}, {"o": object()}, ["é\u2028\n"]]
)
def test_what_json_cannot_say_does_not_end_the_stream(value):
    """A lone surrogate or a huge integer in a payload costs its value at worst, never the page."""
    encoded = json_bytes(value)
    assert b"\n" not in encoded
    assert b"\r" not in encoded
    encoded.decode()
    json.loads(encoded)


def test_a_frame_has_its_position_where_there_is_one():
    """Frames are resumed by their id; one without leaves the client's last id alone."""
    assert frame("patch", b"[]", 7) == b"event: patch\nid: 7\ndata: []\n\n"
    assert frame("error", b"{}") == b"event: error\ndata: {}\n\n"
