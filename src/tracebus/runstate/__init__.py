"""Run state: events folded into one JSON document, with the RFC 6902 operations that lead to it.

::

    state = RunState()
    for event in events:
        operations = state.apply(event)      # send these
        mirror = apply(mirror, operations)   # and a reader has the same document

The operations are derived from the events, never by comparing documents: a token costs the same in a
long run as in a short one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.runstate._append import down_level, with_append
from tracebus.runstate._apply import apply
from tracebus.runstate._errors import PatchError
from tracebus.runstate._fold import RunState
from tracebus.runstate._opaque import OpaqueState
from tracebus.runstate._pointer import escape, pointer, split_pointer
from tracebus.runstate._text import compacted

if TYPE_CHECKING:
    from tracebus.runstate._astream_log import astream_log

__all__ = [
    "OpaqueState",
    "PatchError",
    "RunState",
    "apply",
    "astream_log",
    "compacted",
    "down_level",
    "escape",
    "pointer",
    "split_pointer",
    "with_append",
]


def __getattr__(name: str) -> Any:
    """Import `astream_log` only when it is asked for: it needs langchain_core, nothing else here does."""
    if name == "astream_log":
        from tracebus.runstate._astream_log import astream_log  # noqa: PLC0415  lazy by design

        return astream_log
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
