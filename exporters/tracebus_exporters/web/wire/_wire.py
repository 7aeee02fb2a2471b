"""Bytes of server-sent events."""

from __future__ import annotations

import json
from typing import Any

import msgspec

__all__ = ["DONE", "PREAMBLE", "data_frame", "frame", "json_bytes", "text_frame"]

PREAMBLE = b"retry: 1000\n\n"
"""Tells `EventSource` to come back after a second."""
DONE = b"data: [DONE]\n\n"

_encoder = msgspec.json.Encoder()


def json_bytes(value: Any) -> bytes:
    """Return *value* as JSON in one line, whatever is in it: a page without one string beats no page."""
    try:
        return _encoder.encode(value)
    except (UnicodeEncodeError, TypeError, OverflowError, ValueError, msgspec.MsgspecError):
        # Lone surrogates, integers beyond 64 bits, or an object that is no JSON.
        return json.dumps(value, default=repr, separators=(",", ":")).encode()


def frame(event: str, data: bytes, seq: int | None = None) -> bytes:
    """Return one named event; *data* is a single line."""
    position = b"" if seq is None else b"id: %d\n" % seq
    return b"event: %s\n%sdata: %s\n\n" % (event.encode(), position, data)


def data_frame(value: Any) -> bytes:
    """Return *value* as an event without a name, as AG-UI and the AI SDK want it."""
    return b"data: %s\n\n" % json_bytes(value)


def text_frame(text: str) -> bytes:
    """Return *text* as an event without a name; the reader joins its lines by line breaks again."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    encoded = [b"data: " + line.encode("utf-8", "replace") for line in lines]
    return b"\n".join(encoded) + b"\n\n"
