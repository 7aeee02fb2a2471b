"""Trace and span ids, made from run ids or read from a W3C `traceparent`."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from opentelemetry.trace import TraceState

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
SAMPLED = 1
RANDOM = 2
"""Trace flags: at least seven bytes of the trace id are random, which samplers downstream rely on."""
_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)


class SpanIds(NamedTuple):
    """Where a span stands: what a child, a link or a log record needs to know of it."""

    trace_id: bytes
    span_id: bytes
    flags: int = SAMPLED | RANDOM
    """W3C trace flags."""
    state: TraceState | None = None

    @property
    def sampled(self) -> bool:
        """Whether the span is to be exported."""
        return self.flags & SAMPLED == SAMPLED


def trace_id_of(run_id: str) -> bytes:
    """Return the trace id of the root run *run_id*: 16 bytes, the same every time.

    Hashed, because a UUID's own bits are not random where samplers look: its variant bits stand at
    the top of the low half, which `TraceIdRatioBased` compares, so a ratio of 0.5 would sample none.
    """
    return blake2b(run_id.encode("utf-8", "replace"), digest_size=16).digest()


def span_id_of(run_id: str) -> bytes:
    """Return the span id of the run *run_id*: 8 bytes, the same every time.

    Hashed, because LangChain's run ids are UUIDv7, whose first half is mostly the time.
    """
    return blake2b(run_id.encode("utf-8", "replace"), digest_size=8, person=b"span").digest()


def parse_traceparent(header: str | None) -> SpanIds | None:
    """Return the span a `traceparent` header names; `None` for none or a malformed one."""
    found = _TRACEPARENT.fullmatch(header) if header else None
    if found is None or header is None or header.startswith("ff"):
        return None
    trace_id, span_id = bytes.fromhex(found[1]), bytes.fromhex(found[2])
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return SpanIds(trace_id, span_id, int(found[3], 16) & (SAMPLED | RANDOM))
