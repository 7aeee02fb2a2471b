"""What of the program's data enters events: limits, redaction, and JSON from anything.

On the program's path a payload is only copied shallowly (`snapshot`) and put into an event as a
`CapturedPayload`; whoever reads the event first turns it into JSON under the rules of a `Capture`.
"""

from __future__ import annotations

from tracebus.capture._error import CapturedError, error_info
from tracebus.capture._forms import NotHandled
from tracebus.capture._fragments import ArgumentScrubber, FragmentScrubber, StreamScrubber, streamed_text
from tracebus.capture._keys import DEFAULT_REDACT_KEYS
from tracebus.capture._patience import within_patience
from tracebus.capture._payload import CapturedModel, CapturedPayload
from tracebus.capture._pieces import share_kind
from tracebus.capture._policy import DEFAULT_CAPTURE, Capture
from tracebus.capture._reuse import ChunkForm, ListUse, PieceForm, form_of
from tracebus.capture._snapshot import bounded, snapshot
from tracebus.capture._text import clean_text
from tracebus.capture._text_stream import TextScrubber
from tracebus.capture._walk import to_json

__all__ = [
    "DEFAULT_CAPTURE",
    "DEFAULT_REDACT_KEYS",
    "ArgumentScrubber",
    "Capture",
    "CapturedError",
    "CapturedModel",
    "CapturedPayload",
    "ChunkForm",
    "FragmentScrubber",
    "ListUse",
    "NotHandled",
    "PieceForm",
    "StreamScrubber",
    "TextScrubber",
    "bounded",
    "clean_text",
    "error_info",
    "form_of",
    "share_kind",
    "snapshot",
    "streamed_text",
    "to_json",
    "within_patience",
]
