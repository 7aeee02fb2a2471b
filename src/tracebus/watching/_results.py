"""What tools and models put out: left as it was captured until somebody has to compare it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from tracebus.events import Deferred, settle
from tracebus.memory import bytes_of
from tracebus.watching._said import said

if TYPE_CHECKING:
    from tracebus.events import RunEnded

__all__ = ["Held", "Result", "Results", "digest_of"]

_MOST = 4_000_000
_MOST_OF_RUN = 1_000_000
_RECORD = 512
"""Bytes that an event takes without its payload."""


class Held:
    """Counts the bytes that are held for all root runs of a bus."""

    __slots__ = ("bytes", "most")

    def __init__(self, most: int = _MOST) -> None:
        self.bytes = 0
        self.most = most


class _Undigested:
    """A result as it was captured."""

    __slots__ = ("event", "size")

    def __init__(self, event: RunEnded, size: int) -> None:
        self.event = event
        self.size = size


Result: TypeAlias = bytes | _Undigested


class Results:
    """The results of one root run that were not compared with any other yet, or their digests.

    To turn one into JSON takes far longer than all else that is done with it, and most calls are made
    once. Held is what costs little memory and shows later what it would have shown at once.
    """

    __slots__ = ("_bytes", "_held")

    def __init__(self, held: Held) -> None:
        self._held = held
        self._bytes = 0

    def hold(self, event: RunEnded) -> Result:
        """Return what *event*, a copy, put out, to be digested later; where that will not do, its digest."""
        outputs = event.outputs
        size = outputs.lasting() if isinstance(outputs, Deferred) else bytes_of((outputs,), set())
        if size is None or not self._takes(size + _RECORD):
            return digest_of(event)
        return _Undigested(replace(event, inputs=None, usage=None, error=None), size + _RECORD)

    def digest(self, result: Result) -> bytes:
        """Return the digest of a *result*, which is held no more."""
        self.drop(result)
        return digest_of(result.event) if isinstance(result, _Undigested) else result

    def drop(self, result: Result | None) -> None:
        """Hold *result* no more."""
        if isinstance(result, _Undigested):
            self._count(-result.size)
            result.size = 0

    def close(self) -> None:
        """Hold nothing more."""
        self._count(-self._bytes)

    def _takes(self, size: int) -> bool:
        """Tell whether there is room for *size* bytes, and take them."""
        if self._bytes + size > _MOST_OF_RUN or self._held.bytes + size > self._held.most:
            return False
        self._count(size)
        return True

    def _count(self, size: int) -> None:
        self._bytes += size
        self._held.bytes += size


def digest_of(event: RunEnded) -> bytes:
    """Return a digest of what *event* put out."""
    settle(event, ("outputs",))
    return said(event.outputs)
