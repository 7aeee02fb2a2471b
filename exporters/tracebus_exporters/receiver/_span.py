"""A received span or log record, the same for every protocol and encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BadRequestError", "Record", "Span", "SpanEvent", "SpanLink", "moment"]

_LATEST = 2**63 - 1


class BadRequestError(ValueError):
    """What was sent is no request of the protocol; the message says what is wrong with it."""


def moment(nanoseconds: int) -> int:
    """Return a time as logs hold it: one that no signed 64 bits hold (the wire's are unsigned) is none, 0."""
    return nanoseconds if 0 <= nanoseconds <= _LATEST else 0


class SpanEvent(NamedTuple):
    """Something that happened at one moment of a span."""

    time: int
    name: str
    attributes: dict[str, Any]


class SpanLink(NamedTuple):
    """A pointer to another span."""

    trace_id: str
    span_id: str
    attributes: dict[str, Any]


class Span(NamedTuple):
    """A span. Ids are lower-case hex, times nanoseconds since the epoch, 0 where there is none."""

    trace_id: str
    span_id: str
    parent_id: str
    """Empty for a root."""
    name: str
    start: int
    end: int
    attributes: dict[str, Any]
    events: Sequence[SpanEvent]
    links: Sequence[SpanLink]
    failed: bool
    message: str
    remote_parent: bool
    """Whether the sender said that the parent is another process's."""
    service: str
    """The resource's `service.name`."""


class Record(NamedTuple):
    """A log record that belongs to a span: what GenAI instrumentations write of it elsewhere than on it."""

    trace_id: str
    span_id: str
    time: int
    name: str
    """The event's name."""
    attributes: dict[str, Any]
    body: Any
    service: str
