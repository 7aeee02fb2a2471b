"""Typed events: the one vocabulary every source writes and every view reads.

The union is closed. Match it, and end in `assert_never`::

    match event:
        case RunStarted(): ...
        case RunStreamed(): ...
        case RunEnded(): ...
        case RunRetried() | CustomEmitted() | Gap(): ...
        case _:
            assert_never(event)
"""

from __future__ import annotations

from tracebus.events._codec import (
    decode_batch,
    decode_json,
    decode_msgpack,
    encode_batch,
    encode_json,
    encode_msgpack,
    json_schema,
)
from tracebus.events._deferred import Deferred, let_go, payloads_of, settle, settle_all, without_payload
from tracebus.events._model import (
    SCHEMA_VERSION,
    BatchMembership,
    CustomEmitted,
    Cut,
    CutReason,
    ErrorInfo,
    Event,
    Gap,
    Kept,
    Link,
    ModelInfo,
    Outcome,
    RunEnded,
    RunEvent,
    RunKind,
    RunRetried,
    RunStarted,
    RunStreamed,
    TokenUsage,
    ToolCallFragment,
)

__all__ = [
    "SCHEMA_VERSION",
    "BatchMembership",
    "CustomEmitted",
    "Cut",
    "CutReason",
    "Deferred",
    "ErrorInfo",
    "Event",
    "Gap",
    "Kept",
    "Link",
    "ModelInfo",
    "Outcome",
    "RunEnded",
    "RunEvent",
    "RunKind",
    "RunRetried",
    "RunStarted",
    "RunStreamed",
    "TokenUsage",
    "ToolCallFragment",
    "decode_batch",
    "decode_json",
    "decode_msgpack",
    "encode_batch",
    "encode_json",
    "encode_msgpack",
    "json_schema",
    "let_go",
    "payloads_of",
    "settle",
    "settle_all",
    "without_payload",
]
